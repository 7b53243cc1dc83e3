/**
 * Erasing an account: what the user has said goes, what others have kept by this user's consent is released, and in what stays
 * of others' logs somebody without a name takes the user's place. A job: each step is a deadline that is met at once, does a
 * bounded part, writes how far it has come, and sets the next. A step that dies is delivered again and finds the rest.
 */
import type { ErasureShape } from "../contracts/shapes.js";
import {
  addCounts,
  erases,
  LATE_MS,
  LOST_AFTER_MS,
  newErasure,
  phaseAfter,
  SECOND_ROUND_MS,
  type ErasedCounts,
  type Erasure,
} from "../domain/erasure.js";
import { omit } from "../domain/omit.js";
import { DayflyError, isDayflyError } from "../errors.js";
import { uuidv7 } from "../ids.js";
import type { Ports, Trace } from "../ports.js";
import { audited } from "./audit.js";
import { removeMember } from "./change-members.js";
import { endFailure } from "./end-failure.js";
import { scrubConversation } from "./scrub-conversation.js";

const LEFT_AT_ONCE = 10;
const FAILURES_AT_ONCE = 100;
const RESUMED_AT_ONCE = 100;

/** Starts to erase the caller; while it runs, again is the same, and after it, another one. */
export async function startErasure(ports: Ports, caller: string, trace: Trace): Promise<ErasureShape> {
  for (;;) {
    const known = await ports.erasures.get(caller);
    if (known?.state === "running") {
      // Whoever started it may have died before its first step was sent.
      await next(ports, known, trace);
      return shapeErasure(known);
    }
    const erasure = newErasure(caller, `erased:${uuidv7()}`, new Date(ports.clock.now()));
    if (!(await ports.erasures.save(erasure, known))) continue;
    await next(ports, erasure, trace);
    return shapeErasure(erasure);
  }
}

/** @throws job-unknown for who was not erased, or long ago */
export async function getErasure(ports: Ports, caller: string): Promise<ErasureShape> {
  const erasure = await ports.erasures.get(caller);
  if (erasure === undefined) throw new DayflyError("job-unknown");
  return shapeErasure(erasure);
}

/** Whether a message from the queue is of somebody who has been erased since; nobody asks about what comes in time. */
export async function isErased(
  { erasures, clock }: Pick<Ports, "erasures" | "clock">,
  author: string,
  sentAt: Date,
  { isLate = clock.now() - sentAt.getTime() > LATE_MS }: { readonly isLate?: boolean } = {},
): Promise<boolean> {
  return isLate && erases(await erasures.get(author), sentAt);
}

/** One step. Resolves to 1 when it was to be done. */
export async function runErasure(ports: Ports, user: string, step: number, trace: Trace): Promise<number> {
  const erasure = await ports.erasures.get(user);
  // Another delivery has done it.
  if (erasure?.state !== "running" || erasure.step !== step) return 0;
  const { counts, place, isThrough } = await PHASES[erasure.phase](ports, erasure, trace);
  const at = new Date(ports.clock.now());
  const done = {
    ...omit(erasure, "etag", "place"),
    changedAt: at,
    step: step + 1,
    counts: addCounts(erasure.counts, counts),
  };
  const following = isThrough ? phaseAfter(erasure) : { ...(place === undefined ? {} : { place }) };
  if (following === undefined) {
    const action = { actor: user, action: "account.erased", target: {}, trace };
    await audited(ports, action, () => ports.erasures.save({ ...omit(done, "alias"), state: "done" }, erasure));
    return 1;
  }
  const isSecondRound = erasure.round === 1 && "round" in following && following.round === 2;
  const dueAt = isSecondRound ? new Date(at.getTime() + SECOND_ROUND_MS) : at;
  const after: Erasure = { ...done, ...following, dueAt };
  if (await ports.erasures.save(after, erasure)) await next(ports, after, trace);
  return 1;
}

/** Sends the steps again that were lost on the way: a process may have died between the row and the message. */
export async function resumeErasures(ports: Ports): Promise<void> {
  const before = new Date(ports.clock.now() - LOST_AFTER_MS);
  for (const erasure of await ports.erasures.idleSince(before, RESUMED_AT_ONCE)) await next(ports, erasure, undefined);
}

async function next(ports: Ports, { user, alias = "", step, dueAt }: Erasure, trace: Trace): Promise<void> {
  const at = new Date(Math.max(ports.clock.now(), dueAt.getTime()));
  await ports.queues.scheduleDeadline({ v: 1, kind: "erase", user, step }, at, `erase:${alias}:${String(step)}`, trace);
}

interface Progress {
  readonly counts: Partial<ErasedCounts>;
  readonly place?: string;
  readonly isThrough: boolean;
}

const PHASES: Readonly<Record<Erasure["phase"], (ports: Ports, erasure: Erasure, trace: Trace) => Promise<Progress>>> =
  { leave, scrub, rest };

/** Every membership that goes leaves a row by which the next phase finds the conversation. */
async function leave(ports: Ports, { user, round }: Erasure, trace: Trace): Promise<Progress> {
  const conversations = await ports.memberships.page(user, { limit: LEFT_AT_ONCE });
  for (const conversation of conversations) {
    try {
      await removeMember(ports, user, conversation, user, trace);
    } catch (error) {
      if (!isDayflyError(error) || error.code !== "conversation-unknown") throw error;
      // A row that was written for a conversation that never came to be.
      await ports.memberships.remove(user, conversation);
    }
  }
  const isThrough = conversations.length < LEFT_AT_ONCE;
  // They are in no room any more. In the second round they are those of somebody new.
  if (isThrough && round === 1) await ports.realtime.disconnect(user);
  return { counts: { conversations: conversations.length }, isThrough };
}

async function scrub(ports: Ports, erasure: Erasure, trace: Trace): Promise<Progress> {
  const { user, alias = "", round, place } = erasure;
  const [conversation] = await ports.former.page(user, { limit: 1, ...(place === undefined ? {} : { after: place }) });
  if (conversation === undefined) return { counts: {}, isThrough: true };
  const { hasMore, ...counts } = await scrubConversation(ports, conversation, { user, alias }, trace);
  if (hasMore) return { counts, isThrough: false, ...(place === undefined ? {} : { place }) };
  if (round === 2) await ports.former.remove(user, conversation);
  return { counts, isThrough: false, place: conversation };
}

/** What is kept beside conversations: whom the user has blocked, how much was sent, failed messages. Blocks by others are theirs. */
async function rest(ports: Ports, { user, place }: Erasure): Promise<Progress> {
  for (const blocked of await ports.blocks.blockedBy(user)) await ports.blocks.remove(user, blocked);
  for (const slot of await ports.slots.list(user, FAILURES_AT_ONCE)) await ports.slots.remove(user, slot);
  await ports.usages.remove(user);
  const [at = "", id = ""] = place?.split(" ") ?? [];
  const after = place === undefined ? {} : { after: { at: new Date(at), id } };
  const failures = await ports.failures.page({}, { limit: FAILURES_AT_ONCE, ...after });
  const own = failures.filter(({ author }) => author === user);
  for (const failure of own) await scrubFailure(ports, failure.id);
  const last = failures.at(-1);
  return {
    counts: { failures: own.length },
    isThrough: failures.length < FAILURES_AT_ONCE,
    ...(last === undefined ? {} : { place: `${last.at.toISOString()} ${last.id}` }),
  };
}

/** A parked text is removed from its queue; of the failure stays that there was one. */
async function scrubFailure(ports: Ports, id: string): Promise<void> {
  for (;;) {
    const failure = await ports.failures.get(id);
    if (failure?.author === undefined) return;
    if (failure.isHeld) {
      await endFailure(ports, id, failure.state === "redriven" ? "redriven" : "discarded").catch(unlessEnded);
      const now = await ports.failures.get(id);
      if (now?.isHeld === true) throw new DayflyError("dependency-unavailable", { detail: "A failure is in use." });
      continue;
    }
    if (await ports.failures.save(omit(failure, "etag", "author"), failure)) return;
  }
}

/** Its time may just have ended it, or an operator. */
function unlessEnded(error: unknown): undefined {
  if (isDayflyError(error) && (error.code === "failure-ended" || error.code === "failure-unknown")) return undefined;
  throw error;
}

const shapeErasure = ({ state, startedAt, changedAt, counts }: Erasure): ErasureShape => ({
  ...{ state, startedAt: startedAt.toISOString(), changedAt: changedAt.toISOString() },
  ...counts,
});
