/**
 * Keeping a text beyond its time, by everyone's consent.
 *
 * The first consent asks, the last one agrees. The write that completes the agreement moves the text's `expiresAt` to its new
 * end: agreement and expiry race for one row, and every reader needs only that one time.
 */
import { MAX_MEMBERS_WITH_RETENTION, type Member } from "./conversation.js";
import { isOver, type Consent, type MessageDocument, type Retention } from "./message.js";

type Known = Pick<Member, "user" | "joinedSeq">;

/** Who must consent: the author, and every current member who could see the message when it came. */
export function requiredFor(document: MessageDocument, members: readonly Known[]): readonly string[] {
  const others = members.filter(({ user, joinedSeq }) => user !== document.author && joinedSeq < document.seq);
  return [document.author, ...others.map(({ user }) => user)];
}

export type Consenting =
  /** Its time was over first. At `expiresAt` exactly, expiry wins. */
  | { readonly kind: "lapsed" }
  /** Too many members to ask. */
  | { readonly kind: "unavailable" }
  /** Nothing changes. */
  | { readonly kind: "same" }
  /** `dropped`: nobody is left who wants it. */
  | { readonly kind: "requested" | "consented" | "agreed" | "dropped"; readonly document: MessageDocument };

/** What the caller's consent does. Whoever may not see the message must have been refused before. */
export function consent(
  document: MessageDocument,
  members: readonly Known[],
  caller: string,
  now: number,
  retentionMs: number,
): Consenting {
  if (document.state !== "delivered" || isOver(document, now)) return { kind: "lapsed" };
  if (members.length > MAX_MEMBERS_WITH_RETENTION) return { kind: "unavailable" };
  if (document.retention?.state === "retained") return { kind: "same" };
  return settle(document, members, { user: caller, at: new Date(now) }, now, retentionMs);
}

/** What is true of a request after somebody has left: the consents of those who are left may be all there need to be. */
export function reconsider(
  document: MessageDocument,
  members: readonly Known[],
  now: number,
  retentionMs: number,
): Consenting {
  if (document.state !== "delivered" || isOver(document, now)) return { kind: "lapsed" };
  if (document.retention?.state !== "pending") return { kind: "same" };
  return settle(document, members, undefined, now, retentionMs);
}

function settle(
  document: MessageDocument,
  members: readonly Known[],
  added: Consent | undefined,
  now: number,
  retentionMs: number,
): Consenting {
  const before = document.retention ?? {
    state: "none",
    version: 0,
    consents: [],
    required: [],
    endsAt: document.expiresAt,
  };
  const isOpen = before.state === "pending";
  const required = requiredFor(document, members);
  // Who is gone has no say any more; an author who is gone can no longer agree, so nobody can.
  const present = new Set(members.map(({ user }) => user));
  const given = before.consents.filter(({ user }) => present.has(user) && required.includes(user));
  const isNew = added !== undefined && !given.some(({ user }) => user === added.user);
  const consents = isNew ? [...given, added] : given;
  const { endsAt } = before;
  const next = { version: isOpen ? before.version : before.version + 1, required, consents, endsAt };
  const isAgreed =
    members.length <= MAX_MEMBERS_WITH_RETENTION &&
    required.every((user) => consents.some((each) => each.user === user));
  if (isAgreed) {
    // Agreeing never shortens a life.
    const until = new Date(Math.max(now + retentionMs, endsAt.getTime()));
    return { kind: "agreed", document: { ...document, expiresAt: until, retention: { state: "retained", ...next } } };
  }
  if (consents.length === 0) {
    return isOpen ? { kind: "dropped", document: withoutRetention(document) } : { kind: "same" };
  }
  const changed = { ...document, retention: { state: "pending" as const, ...next } };
  if (!isOpen) return { kind: "requested", document: changed };
  const isSame = !isNew && given.length === before.consents.length && required.length === before.required.length;
  return isSame ? { kind: "same" } : { kind: "consented", document: changed };
}

export type Withdrawal =
  | { readonly kind: "over" }
  | { readonly kind: "same" }
  /** A request lost a consent, perhaps its last: nobody is told. */
  | { readonly kind: "withdrawn"; readonly document: MessageDocument }
  /** An agreement is over: the text ends when it would have ended, which may be now. */
  | { readonly kind: "released"; readonly document: MessageDocument };

/** What it does that the caller withdraws a consent, or declines to give one, which nobody hears of. */
export function withdraw(document: MessageDocument, caller: string, now: number): Withdrawal {
  if (document.state !== "delivered" || isOver(document, now)) return { kind: "over" };
  const { retention } = document;
  if (retention === undefined || retention.state === "none" || retention.state === "released") return { kind: "same" };
  if (retention.state === "retained") {
    if (!retention.required.includes(caller)) return { kind: "same" };
    return { kind: "released", document: released(document, retention) };
  }
  const consents = retention.consents.filter(({ user }) => user !== caller);
  if (consents.length === retention.consents.length) return { kind: "same" };
  return {
    kind: "withdrawn",
    document:
      consents.length === 0 ? withoutRetention(document) : { ...document, retention: { ...retention, consents } },
  };
}

/** A request comes to nothing, whoever has consented: nobody is told. */
export function annul(document: MessageDocument, now: number): Withdrawal {
  if (document.state !== "delivered" || isOver(document, now)) return { kind: "over" };
  if (document.retention?.state !== "pending") return { kind: "same" };
  return { kind: "withdrawn", document: withoutRetention(document) };
}
/** What is left of a message's consents once its words are others. */
export function voidConsents(document: MessageDocument): MessageDocument {
  const { retention } = document;
  if (retention?.state === "retained") return released(document, retention);
  return retention?.state === "pending" ? withoutRetention(document) : document;
}

const released = (document: MessageDocument, { version, endsAt }: Retention): MessageDocument => ({
  ...document,
  expiresAt: endsAt,
  retention: { state: "released", version: version + 1, required: [], consents: [], endsAt },
});

/** A request that came to nothing leaves nothing behind but its number, so that a later one is told from it. */
const withoutRetention = (document: MessageDocument): MessageDocument => {
  const { version, endsAt } = document.retention ?? { version: 0, endsAt: document.expiresAt };
  return { ...document, retention: { state: "none", version, required: [], consents: [], endsAt } };
};
