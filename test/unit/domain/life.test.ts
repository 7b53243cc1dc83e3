/** One text's whole life by the pure decisions alone, in any order of what can happen to it, each of it as often as it likes. */
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Member } from "../../../src/lib/domain/conversation.js";
import {
  decideArrival,
  isOver,
  isReadable,
  type MessageDocument,
  type MessageIndex,
} from "../../../src/lib/domain/message.js";
import { consent, reconsider, requiredFor, withdraw } from "../../../src/lib/domain/retention.js";
import { endMessages } from "../../../src/lib/use-cases/end-messages.js";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const KEPT_MS = 10 * DAY_MS;
const USERS = ["ana", "bo", "cy"] as const;
const LATER = "di";
const TEXT = { conversationId: "c", messageId: "m", author: "ana", text: "hi", expiresAt: new Date(DAY_MS) };

type Known = Pick<Member, "user" | "joinedSeq">;

interface World {
  readonly now: number;
  readonly headSeq: number;
  readonly members: readonly Known[];
  readonly document?: MessageDocument;
  readonly index?: MessageIndex;
  /** How often an end was logged. */
  readonly ends: number;
}

type Step =
  | { readonly kind: "arrive" | "deadline" }
  | { readonly kind: "consent" | "withdraw" | "leave" | "join"; readonly user: string }
  | { readonly kind: "pass"; readonly ms: number }
  /** To the millisecond of the text's end, or right before or after it. */
  | { readonly kind: "to-end"; readonly offset: number };

const BEGIN: World = { now: 0, headSeq: 1, members: USERS.map((user) => ({ user, joinedSeq: 0 })), ends: 0 };

function step(world: World, event: Step): World {
  const { now, headSeq, members, document } = world;
  switch (event.kind) {
    case "pass":
      return { ...world, now: now + event.ms };
    case "to-end":
      return { ...world, now: Math.max(now, (document?.expiresAt.getTime() ?? DAY_MS) + event.offset) };
    case "arrive":
      return arrive(world);
    case "deadline":
      return document?.state === "delivered" && isOver(document, now) ? end(world, document) : world;
    case "join": {
      if (members.some(({ user }) => user === event.user)) return world;
      return { ...world, headSeq: headSeq + 1, members: [...members, { user: event.user, joinedSeq: headSeq + 1 }] };
    }
    case "leave": {
      const left = { ...world, members: members.filter(({ user }) => user !== event.user) };
      return document === undefined ? left : changed(left, reconsider(document, left.members, now, KEPT_MS));
    }
    case "consent":
    case "withdraw":
      return decide(world, event.kind, event.user);
  }
}

function decide(world: World, kind: "consent" | "withdraw", caller: string): World {
  const { now, members, document } = world;
  const member = members.find(({ user }) => user === caller);
  if (document === undefined || member === undefined || document.seq <= member.joinedSeq) return world;
  const next = kind === "consent" ? consent(document, members, caller, now, KEPT_MS) : withdraw(document, caller, now);
  const after = changed(world, next);
  // What has outlived its day ends with the release.
  const isEnding = next.kind === "released" && isOver(next.document, now);
  return isEnding ? end(after, next.document) : after;
}

const changed = (world: World, result: { readonly kind: string; readonly document?: MessageDocument }): World =>
  result.document === undefined ? world : { ...world, document: result.document };

function arrive(world: World): World {
  const { now, headSeq, document, index } = world;
  const arrival = decideArrival(TEXT, { document, index }, now);
  const [seq, at] = [headSeq + 1, new Date(now)];
  const known = { messageId: "m", author: "ana", at, expiresAt: TEXT.expiresAt };
  if (arrival.kind === "expired") return { ...world, index: { ...known, state: "expired" }, ends: world.ends + 1 };
  if (arrival.kind !== "record") return world;
  return {
    ...world,
    headSeq: seq,
    document: { ...TEXT, seq, sentAt: at, state: "delivered" },
    index: { ...known, seq, state: "delivered" },
  };
}

function end(world: World, document: MessageDocument): World {
  const { documentsChanged, indexesChanged, entries } = endMessages([document], world.headSeq, new Date(world.now));
  const [[ended], [index]] = [documentsChanged, indexesChanged];
  if (ended === undefined || index === undefined) throw new Error("nothing has ended");
  const ends = world.ends + entries.filter(({ type }) => type === "message.expired").length;
  return { ...world, document: ended, index, headSeq: world.headSeq + entries.length, ends };
}

const events: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom("arrive" as const, "deadline" as const) }),
  fc.record({
    kind: fc.constantFrom(
      "consent" as const,
      "consent" as const,
      "withdraw" as const,
      "leave" as const,
      "join" as const,
    ),
    user: fc.constantFrom(...USERS, LATER),
  }),
  fc.record({ kind: fc.constant("pass" as const), ms: fc.integer({ min: 0, max: 8 * HOUR_MS }) }),
  fc.record({ kind: fc.constant("to-end" as const), offset: fc.constantFrom(-1, 0, 1) }),
);

/** Mostly it arrives early and all agree: stories in which nothing can happen show nothing. */
const stories = fc
  .record({
    before: fc.array(events, { maxLength: 4 }),
    agreed: fc.boolean(),
    after: fc.array(events, { maxLength: 30 }),
  })
  .map(({ before, agreed, after }): readonly Step[] => [
    ...before,
    { kind: "arrive" },
    ...(agreed ? USERS.map((user) => ({ kind: "consent" as const, user })) : []),
    ...after,
  ]);

function check(before: World, world: World): void {
  const { document, members, now } = world;
  if (document === undefined) return;
  for (const { joinedSeq } of members) {
    const readable = isReadable(document, joinedSeq, now);
    if (readable) expect(now).toBeLessThan(document.expiresAt.getTime());
    if (readable) expect(document.text).toBe("hi");
  }
  if (document.state === "expired") expect(document.text).toBeUndefined();
  const { retention } = document;
  if (retention?.state === "retained" && before.document?.retention?.state !== "retained") {
    const consented = retention.consents.map(({ user }) => user);
    expect(requiredFor(document, members).filter((user) => !consented.includes(user))).toEqual([]);
    expect(document.expiresAt.getTime()).toBeLessThanOrEqual(Math.max(now + KEPT_MS, DAY_MS));
  }
  if (document.state === "delivered" && retention?.state !== "retained")
    expect(document.expiresAt).toEqual(TEXT.expiresAt);
}

test("whatever happens in whatever order: never shown past its end, kept only by all, and doing a thing twice is doing it once", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(stories, (story) => {
      let world = BEGIN;
      for (const event of story) {
        const before = world;
        world = step(world, event);
        check(before, world);
        if (event.kind !== "pass") expect(step(world, event)).toEqual(world);
        if (before.document?.state === "expired") expect(world.document).toEqual(before.document);
        seen.add(world.document?.retention?.state ?? world.index?.state ?? "unknown");
      }
    }),
    { numRuns: 1_000 },
  );
  expect([...seen]).toEqual(expect.arrayContaining(["delivered", "expired", "pending", "released", "retained"]));
});

test("each text ends exactly once, however late and often its deadlines come", () => {
  fc.assert(
    fc.property(stories, fc.integer({ min: 1, max: 4 }), (story, deadlines) => {
      let world = story.reduce(step, BEGIN);
      world = step(world, { kind: "pass", ms: DAY_MS + KEPT_MS });
      for (let n = 0; n < deadlines; n++) world = step(step(world, { kind: "deadline" }), { kind: "arrive" });
      expect(world.ends).toBe(1);
      expect(world.index?.state).toBe("expired");
      expect(JSON.stringify(world)).not.toContain('"hi"');
    }),
    { numRuns: 1_000 },
  );
});
