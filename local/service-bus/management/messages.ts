/** Looking at, moving and removing messages. */
import { z } from "zod";
import type { Message } from "../broker/model.js";
import type { Queue } from "../broker/queue.js";
import type { Place } from "../broker/shelf.js";
import { describeMessage, timeOf } from "./decode.js";
import { Problem } from "./problem.js";

/** SB-58. */
const MOST_MESSAGES = 250;
const MOST_NUMBERS = 10_000;
const PRESET_MESSAGES = 50;
const PRESET_BODY_BYTES = 64 * 1024;
const MOST_BODY_BYTES = 16 * 1024 * 1024;
const MOST_LISTED = 1_000;
const SCANNED_AT_ONCE = 1_000;

const wholeNumber = (preset: number, least: number, most: number): z.ZodType<number> =>
  z.coerce.number().int().min(least).max(most).default(preset);

const pageQuery = z.strictObject({
  from: wholeNumber(1, 0, Number.MAX_SAFE_INTEGER),
  limit: wholeNumber(PRESET_MESSAGES, 1, MOST_MESSAGES),
  session: z.string().optional(),
  bodyBytes: wholeNumber(PRESET_BODY_BYTES, 0, MOST_BODY_BYTES),
});

const listQuery = z.strictObject({
  skip: wholeNumber(0, 0, Number.MAX_SAFE_INTEGER),
  limit: wholeNumber(100, 1, MOST_LISTED),
});

const redriveBody = z.strictObject({
  sequenceNumbers: z.array(z.int().min(0)).max(MOST_NUMBERS).optional(),
  session: z.string().optional(),
});

/** The wording that a person can act upon. @throws Problem 400 */
export function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `${issue.path.join(".") || "the request"}: ${issue.message}`);
  throw new Problem(400, `${problems.join("; ")}.`);
}

/** Messages of any state from a number on, without any effect. `nextFrom` is there while there may be more. */
export function peek(queue: Queue, place: Place, query: URLSearchParams): object {
  const { from, limit, session, bodyBytes } = parse(pageQuery, Object.fromEntries(query));
  const found = take(matching(queue, place, from, session), limit + 1);
  const shown = found.slice(0, limit);
  return {
    messages: shown.map((message) => describeMessage(queue, message, bodyBytes)),
    nextFrom: found[limit]?.sequenceNumber,
  };
}

/** Moves dead letters back to their queue: those with the given numbers, those of a session, or all. */
export async function redrive(queue: Queue, body: unknown): Promise<object> {
  const { sequenceNumbers, session } = parse(redriveBody, body ?? {});
  const all = [...matching(queue, "dead-letter", 0, session)];
  const wanted = sequenceNumbers === undefined ? undefined : new Set(sequenceNumbers);
  const chosen = wanted === undefined ? all : all.filter(({ sequenceNumber }) => wanted.has(sequenceNumber));
  if (wanted !== undefined && chosen.length < wanted.size) {
    for (const { sequenceNumber } of chosen) wanted.delete(sequenceNumber);
    throw new Problem(
      404,
      `There are no dead letters with the numbers ${[...wanted].slice(0, 20).join(", ")}. Nothing was moved.`,
    );
  }
  const redriven = await queue.upkeep.redrive(chosen);
  return { redriven, skippedLocked: chosen.length - redriven };
}

/** Removes everything that is not locked: of the place, or of a session in it. */
export async function purge(queue: Queue, place: Place, query: URLSearchParams): Promise<object> {
  const { session } = parse(z.strictObject({ session: z.string().optional() }), Object.fromEntries(query));
  const chosen = [...matching(queue, place, 0, session)];
  const purged = await queue.upkeep.purge(chosen);
  return { purged, skippedLocked: chosen.length - purged };
}

/** SB-43. */
export async function cancelScheduled(queue: Queue, number: string): Promise<void> {
  await queue.cancelScheduled([parse(wholeNumber(0, 1, Number.MAX_SAFE_INTEGER), number)]);
}

/** Locks that run, of the queue and of its dead-letter queue. Without their tokens: a token is the right to settle. */
export function locks(queue: Queue, query: URLSearchParams): object {
  const { skip, limit } = parse(listQuery, Object.fromEntries(query));
  const all = (["main", "dead-letter"] as const).flatMap((place) => [...queue.locksOf(place)]);
  return {
    total: all.length,
    locks: all.slice(skip, skip + limit).map((lock) => ({
      sequenceNumber: lock.message.sequenceNumber,
      messageId: lock.message.messageId,
      sessionId: lock.message.sessionId,
      deadLetter: lock.message.status.deadLetter !== undefined,
      deliveryCount: lock.message.status.deliveryCount,
      lockedUntil: timeOf(queue.lockedUntil(lock)),
      settling: lock.settling,
    })),
  };
}

/** Sessions that have messages, a state or a holder. */
export function sessions(queue: Queue, query: URLSearchParams): object {
  const { skip, limit } = parse(listQuery, Object.fromEntries(query));
  const all = [...queue.sessions.values()];
  return {
    total: all.length,
    waiting: queue.sessions.waiting,
    sessions: all.slice(skip, skip + limit).map(({ id, holder, messages, active, state }) => ({
      sessionId: id,
      messages: messages.size,
      available: active.size,
      locked: holder?.locks.size ?? 0,
      held: holder !== undefined,
      lockedUntil: holder === undefined ? undefined : timeOf(queue.lockedUntil(holder)),
      stateBytes: state?.length ?? 0,
    })),
  };
}

function* matching(queue: Queue, place: Place, from: number, session: string | undefined): Iterable<Message> {
  let next = from;
  for (;;) {
    const some = queue.browse(place, next, SCANNED_AT_ONCE);
    for (const message of some) if (session === undefined || message.sessionId === session) yield message;
    if (some.length < SCANNED_AT_ONCE) return;
    next = (some.at(-1)?.sequenceNumber ?? 0) + 1;
  }
}

function take<T>(items: Iterable<T>, count: number): T[] {
  const taken: T[] = [];
  for (const item of items) {
    taken.push(item);
    if (taken.length === count) break;
  }
  return taken;
}
