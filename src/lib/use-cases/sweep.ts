import { bucketFiresAt, minuteOf } from "../domain/deadline.js";
import type { Ports, Run, Trace } from "../ports.js";
import { mapInTurn } from "./map-in-turn.js";

/** A deadline may be this late before anybody looks for it: after a stop the queue is worked off first. */
const PATIENCE_MS = 3 * 60_000;
/** One run sets at most this many deadlines again: what is left is the next one's. */
const MOST = 10_000;
const AT_ONCE = 32;
const REPORTS_KEPT_MS = 30 * 24 * 3_600_000;

/**
 * Finds what deadlines have missed: lost with a queue, or never set because a process died before. Each overdue minute of a
 * conversation gets a deadline anew, so that the work is done where all deadlines are met, by as many as there are.
 */
export async function sweep(ports: Ports, trace: Trace): Promise<Run> {
  const startedAt = new Date(ports.clock.now());
  const now = minuteOf(startedAt);
  // A minute's deadline comes when the minute is over.
  const before = minuteOf(new Date(startedAt.getTime() - PATIENCE_MS));
  const overdue = await ports.dues.before(before, MOST);
  await mapInTurn(overdue, AT_ONCE, ({ minute, conversationId: conversation }) =>
    ports.queues.scheduleDeadline(
      { v: 1, kind: "overdue", conversation, minute },
      startedAt,
      `sweep:${conversation}:${minute}:${now}`,
      trace,
    ),
  );
  const [oldest] = overdue;
  const run: Run = {
    job: "sweep",
    startedAt,
    tookMs: ports.clock.now() - startedAt.getTime(),
    lookedAt: overdue.length,
    purged: 0,
    lateByMs: oldest === undefined ? 0 : startedAt.getTime() - bucketFiresAt(oldest.minute).getTime(),
  };
  ports.metrics.count("dayfly_sweep_finds_total", run.lookedAt);
  await ports.runs.add(run);
  await ports.runs.forget(new Date(startedAt.getTime() - REPORTS_KEPT_MS));
  await ports.audit.forget(new Date(startedAt.getTime() - ports.policy.auditMs));
  await ports.reports.forget(new Date(startedAt.getTime() - ports.policy.auditMs));
  await ports.buckets.forget(startedAt);
  return run;
}
