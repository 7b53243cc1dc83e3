import { minuteOf, startOf } from "../domain/deadline.js";
import { ERASURE_KEPT_MS } from "../domain/erasure.js";
import { forgettableUpTo, isForgettable, tellsOfEnd } from "../domain/forgetting.js";
import type { Due, Entry, Forgotten, Ports, Run } from "../ports.js";
import { resumeErasures } from "./erase-account.js";
import { mapInTurn } from "./map-in-turn.js";

/** One run looks at this many at most, and begins none after this time: what is left is the next one's. */
const MOST = 50_000;
const LONGEST_MS = 3 * 60_000;
const AT_ONCE = 16;
/** A transaction takes 100 operations: an entry is one, an end takes document and index along. */
const ROWS_AT_ONCE = 99;
const ENTRIES_AT_ONCE = 100;
const STRAYS_AT_ONCE = 33;
const MOST_TRIES = 5;

/**
 * Forgets what messages have left behind: log entries and tombstones, 30 days after the end. Safe to die anywhere: the oldest go
 * first, and the row that leads here goes last.
 * @throws what went wrong with the first conversation that could not be cleaned up, after all the others
 */
export async function cleanUp(ports: Ports): Promise<Run> {
  const startedAt = new Date(ports.clock.now());
  const due = await ports.forgetting.before(minuteOf(startedAt), MOST);
  const errors: unknown[] = [];
  let purged = 0;
  await mapInTurn([...byConversation(due)], AT_ONCE, async ([conversationId, minutes]) => {
    if (ports.clock.now() - startedAt.getTime() > LONGEST_MS) return;
    try {
      const fromLog = await forgetLog(ports, conversationId);
      purged += fromLog;
      for (const minute of minutes) {
        const strays = await forgetStrays(ports, conversationId, minute);
        purged += strays;
        await ports.forgetting.remove(minute, conversationId);
      }
    } catch (error) {
      errors.push(error);
    }
  });
  await resumeErasures(ports);
  await ports.erasures.forget(new Date(startedAt.getTime() - ERASURE_KEPT_MS));
  const [oldest] = due;
  const run: Run = {
    job: "clean-up",
    startedAt,
    tookMs: ports.clock.now() - startedAt.getTime(),
    lookedAt: due.length,
    purged,
    lateByMs: oldest === undefined ? 0 : startedAt.getTime() - startOf(oldest.minute).getTime(),
  };
  await ports.runs.add(run);
  if (errors.length > 0) throw errors[0];
  return run;
}

/** One after another what belongs to one conversation: its minutes share a log. */
function byConversation(due: readonly Due[]): ReadonlyMap<string, readonly string[]> {
  const minutes = new Map<string, string[]>();
  for (const { conversationId, minute } of due) {
    minutes.set(conversationId, [...(minutes.get(conversationId) ?? []), minute]);
  }
  return minutes;
}

/** Removes the oldest entries, and of each message whose end is among them all that is left. Answers how many messages that were. */
async function forgetLog(ports: Ports, conversationId: string): Promise<number> {
  let count = 0;
  for (let failures = 0, hasMore = true; hasMore;) {
    const oldest = await oldestEntries(ports, conversationId);
    ({ hasMore } = oldest);
    for (const step of steps(oldest.entries)) {
      if (await ports.conversations.forget(conversationId, step)) {
        count += step.messages.length;
        continue;
      }
      // Another run has been here meanwhile, or the answer to our own first try was lost: read again.
      failures += 1;
      if (failures === MOST_TRIES) throw new Error("The oldest entries of a log cannot be removed.");
      hasMore = true;
      break;
    }
  }
  return count;
}

/** The oldest entries that may go, read as far as it takes to find some; `hasMore` when there may be others behind them. */
async function oldestEntries(
  ports: Ports,
  conversationId: string,
): Promise<{ readonly entries: readonly Entry[]; readonly hasMore: boolean }> {
  const entries: Entry[] = [];
  for (let after = 0; ;) {
    const page = await ports.conversations.entries(conversationId, after, ENTRIES_AT_ONCE);
    entries.push(...page);
    const now = ports.clock.now();
    const last = page.at(-1);
    const hasMore = last !== undefined && page.length === ENTRIES_AT_ONCE && isForgettable(last.at, now);
    const upTo = forgettableUpTo(entries, now);
    if (upTo !== undefined) return { entries: entries.filter(({ seq }) => seq <= upTo), hasMore };
    if (!hasMore) return { entries: [], hasMore };
    after = last.seq;
  }
}

/** Cut into transactions, oldest first: wherever it stops, what is left of the log has no gap. */
function steps(entries: readonly Entry[]): readonly Forgotten[] {
  const result: { entries: number[]; messages: Forgotten["messages"][number][]; strays: [] }[] = [];
  let rows = ROWS_AT_ONCE;
  for (const { seq, type, messageId, messageSeq } of entries) {
    const ended = tellsOfEnd({ type }) && messageId !== undefined && messageSeq !== undefined;
    const isFile = type === "file.deleted";
    const cost = !ended ? 1 : isFile ? 4 : 3;
    if (rows + cost > ROWS_AT_ONCE) {
      result.push({ entries: [], messages: [], strays: [] });
      rows = 0;
    }
    rows += cost;
    result.at(-1)?.entries.push(seq);
    if (ended) result.at(-1)?.messages.push({ messageId, seq: messageSeq, isFile });
  }
  return result;
}

/** Ids whose messages never came into the log: canceled, failed, never delivered, uploads that were refused. */
async function forgetStrays(ports: Ports, conversationId: string, minute: string): Promise<number> {
  let count = 0;
  for (let tries = 1; ;) {
    const found = await ports.conversations.strays(conversationId, minute, STRAYS_AT_ONCE);
    if (found.length === 0) return count;
    const strays = await Promise.all(
      found.map(async (stray) => {
        const file = await ports.conversations.file(conversationId, stray.messageId);
        return { ...stray, isFile: file?.state === "rejected" };
      }),
    );
    if (await ports.conversations.forget(conversationId, { entries: [], messages: [], strays })) count += strays.length;
    else if (tries++ === MOST_TRIES) throw new Error("Ids that led nowhere cannot be removed.");
  }
}
