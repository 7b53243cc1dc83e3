import { DeadlineEnvelope } from "../contracts/queue.js";
import { minuteOf } from "../domain/deadline.js";
import { isOver, timeLeft, type MessageDocument } from "../domain/message.js";
import type { Expiry, Ports, Trace } from "../ports.js";
import { announce } from "./announce.js";
import { followBlock } from "./block-user.js";
import { endLease } from "./close-view.js";
import { endMessages } from "./end-messages.js";
import { runErasure } from "./erase-account.js";
import { moveRetained, reconsiderRequests } from "./keep-message.js";
import { noteEnd } from "./note-end.js";
import { runJob } from "./run-job.js";
import { rescueScheduled } from "./schedule-text.js";
import { commanded, parkDeadCommand, type CommandCall, type CommandQueue } from "./park-command.js";
import { settleFile } from "./settle-file.js";
import { reconsiderFiles, settleFiles } from "./settle-files.js";
import { tellWaiting } from "./tell-waiting.js";

/** At most six rows a text, and one head, stay below the 100 operations that one transaction may have. */
const EXPIRED_AT_ONCE = 16;
const LONGEST_LAG_MS = 30_000;
/** Documents this near to each other are read at once, with what lies between them. */
const WIDEST_RANGE = 100;

const QUEUE: CommandQueue<DeadlineEnvelope> = {
  name: "deadlines",
  schema: DeadlineEnvelope,
  describe: ({ kind }) => `The deadline '${kind}' could not be met.`,
};

type Kind = DeadlineEnvelope["kind"];

export type Met =
  | {
      readonly outcome: "met";
      readonly kind: Kind;
      readonly count: number;
      /** Of texts: how long after its end the latest was purged, in milliseconds. A minute, and what the queue takes. */
      readonly lateByMs?: number;
    }
  | { readonly outcome: "failed" };
type Done = Omit<Extract<Met, { readonly outcome: "met" }>, "outcome" | "kind">;

/**
 * Does what is due. A deadline is never cancelled and may come late or twice: the rows are read again, and what they say is
 * done. With nothing left to do it does nothing.
 */
export async function meetDeadline(ports: Ports, body: unknown, attempts: number, trace: Trace): Promise<Met> {
  const done = await commanded(ports, QUEUE, { body, attempts, trace }, (deadline) => meet(ports, deadline, trace));
  return done === undefined ? { outcome: "failed" } : { outcome: "met", kind: done.command.kind, ...done.result };
}

/** Empties the dead-letter queue of `deadlines`. */
export const failDeadDeadline = (ports: Ports, call: CommandCall): Promise<{ readonly outcome: "failed" }> =>
  parkDeadCommand(ports, QUEUE, call);

async function meet(ports: Ports, deadline: DeadlineEnvelope, trace: Trace): Promise<Done> {
  switch (deadline.kind) {
    case "expire":
      return endMinute(ports, deadline.conversation, deadline.minute, trace);
    case "overdue": {
      const { conversation, minute } = deadline;
      // Expiring comes last: it removes the row by which the sweeper finds the rest.
      const rescued = await rescueScheduled(ports, conversation, trace);
      const ended = await endMinute(ports, conversation, minute, trace);
      return { ...ended, count: rescued + ended.count };
    }
    case "evict": {
      const { member } = await ports.conversations.look(deadline.conversation, { user: deadline.user, headless: true });
      if (member !== undefined) return { count: 0 };
      await ports.realtime.evict(deadline.conversation, deadline.user);
      // Whoever removed the member may have died before it came to this.
      await reconsiderRequests(ports, deadline.conversation, trace);
      await reconsiderFiles(ports, deadline.conversation, deadline.user, trace);
      return { count: 1 };
    }
    case "block":
      return { count: await followBlock(ports, deadline.user, deadline.blocked, trace) };
    case "erase":
      return { count: await runErasure(ports, deadline.user, deadline.step, trace) };
    case "hook": {
      const { conversation: conversationId, seq, tries } = deadline;
      return { count: await tellWaiting(ports, { conversationId, seq }, trace, tries) };
    }
    case "job":
      return { count: await runJob(ports, deadline.job, trace) };
    case "lease": {
      const { conversation: conversationId, file: fileId, view: viewId } = deadline;
      return { count: (await endLease(ports, { conversationId, fileId, viewId }, trace)) ? 1 : 0 };
    }
    case "announce": {
      const { conversation: conversationId, seq, tries } = deadline;
      const [entry] = await ports.conversations.entries(conversationId, seq - 1, 1);
      if (entry?.seq !== seq) return { count: 0 };
      const document =
        entry.messageSeq === undefined
          ? undefined
          : await ports.conversations.document(conversationId, entry.messageSeq);
      await announce(ports, { conversationId, entry, document }, trace, tries);
      return { count: 1 };
    }
  }
}

/** Does everything that was due in the minute; the row by which the sweeper finds it goes when all of it is done. */
async function endMinute(ports: Ports, conversationId: string, minute: string, trace: Trace): Promise<Done> {
  const { isOver: isMinuteOver, ...done } = await ports.purging(() =>
    expireMessages(ports, conversationId, minute, trace),
  );
  await settleFiles(ports, conversationId, trace);
  if (isMinuteOver) await ports.dues.remove(minute, conversationId);
  return done;
}

/** Ends every message of the minute whose time is over: its content goes, its log entry comes, in one transaction. */
async function expireMessages(
  ports: Ports,
  conversationId: string,
  minute: string,
  trace: Trace,
): Promise<Done & { readonly isOver: boolean }> {
  let count = 0;
  let lateByMs = 0;
  for (;;) {
    const expiries = await ports.conversations.expiries(conversationId, minute, EXPIRED_AT_ONCE);
    if (expiries.length === 0) return { count, lateByMs, isOver: true };
    const { head } = await ports.conversations.look(conversationId, {});
    if (head === undefined) return { count, lateByMs, isOver: false };
    const documents = await documentsOf(ports, conversationId, expiries);
    const now = ports.clock.now();
    const due = expiries.flatMap((expiry, index) => {
      const document = documents[index];
      return document === undefined || isOver(document, now) ? [{ expiry, document }] : [];
    });
    if (due.length === 0) {
      if (await moveOrWait(ports, present(documents), minute, trace)) continue;
      return { count, lateByMs, isOver: false };
    }
    const texts = due.filter(({ document }) => document?.file === undefined);
    if (texts.length === 0) {
      // Each file has bytes of its own to be deleted first; that takes its row out of the minute.
      for (const { expiry } of due) await settleFile(ports, conversationId, expiry.messageId, trace);
      count += due.length;
      continue;
    }
    const at = new Date(now);
    const { entries, ...rows } = endMessages(
      present(texts.map(({ document }) => document)).filter(({ state }) => state === "delivered"),
      head.headSeq,
      at,
    );
    const next = { ...head, headSeq: head.headSeq + entries.length };
    const expiriesMet = texts.map(({ expiry }) => expiry);
    await noteEnd(ports, conversationId, at);
    if (!(await ports.conversations.commit({ head, next, entries, ...rows, expiriesMet }))) continue;
    count += rows.documentsChanged.length;
    for (const { expiresAt } of rows.documentsChanged)
      ports.metrics.observe("dayfly_expiry_lag_ms", Math.max(0, now - expiresAt.getTime()));
    lateByMs = Math.max(lateByMs, ...rows.documentsChanged.map(({ expiresAt }) => now - expiresAt.getTime()));
    for (const entry of entries) await announce(ports, { conversationId, entry }, trace);
  }
}

/** What was said in one minute lies together, so one query finds it; what was moved into the minute is read by itself. */
async function documentsOf(
  { conversations }: Ports,
  conversationId: string,
  expiries: readonly Expiry[],
): Promise<readonly (MessageDocument | undefined)[]> {
  const seqs = expiries.map(({ seq }) => seq);
  const [lowest, highest] = [Math.min(...seqs), Math.max(...seqs)];
  if (seqs.length === 1 || highest - lowest >= WIDEST_RANGE) {
    return Promise.all(seqs.map((seq) => conversations.document(conversationId, seq)));
  }
  const range = { above: lowest - 1, upTo: highest, limit: WIDEST_RANGE };
  const found = new Map((await conversations.documents(conversationId, range)).map((each) => [each.seq, each]));
  return seqs.map((seq) => found.get(seq));
}

const present = (documents: readonly (MessageDocument | undefined)[]): readonly MessageDocument[] =>
  documents.filter((document) => document !== undefined);

/** Nothing of the minute is over: some may have been kept and not moved, or this clock is late. False when neither is so. */
async function moveOrWait(
  ports: Ports,
  documents: readonly MessageDocument[],
  minute: string,
  trace: Trace,
): Promise<boolean> {
  const kept = documents.filter(({ expiresAt }) => minuteOf(expiresAt) !== minute);
  let moved = false;
  for (const { conversationId, seq } of kept) moved = (await moveRetained(ports, conversationId, seq, trace)) || moved;
  if (moved) return true;
  // The clock of this instance lags behind the broker's. By more than this it is no lag, and the read gate holds.
  const early = Math.min(...documents.map((document) => timeLeft(document, ports.clock.now())));
  if (early > LONGEST_LAG_MS) return false;
  await ports.clock.wait(early);
  return true;
}
