/** Jobs: what takes too long for one request. Each step is a deadline that is met at once, does a page, and sets the next. */
import type { DryRunShape, FailuresJob, JobShape } from "../contracts/operations.js";
import { omit } from "../domain/omit.js";
import { DayflyError, isDayflyError, isTransient, type ErrorCode } from "../errors.js";
import { uuidv7 } from "../ids.js";
import type { Ports, Trace } from "../ports.js";
import type { FailureFilter, Job } from "../ports-operations.js";
import { audited } from "./audit.js";
import { endFailure, type Ending } from "./end-failure.js";
import { cursorOf, placeIn } from "./cursor.js";
import { isFailurePlace, placeOf } from "./read-failures.js";

const PAGE = 50;
const MOST_COUNTED = 10_000;

/** Redrives or discards every parked failure that the filter finds; with `dryRun` only counts them. */
export async function startFailuresJob(
  ports: Ports,
  caller: string,
  ending: Ending,
  { dryRun = false, ...given }: FailuresJob,
  trace: Trace,
): Promise<JobShape | DryRunShape> {
  const filter: FailureFilter = { ...given, state: "parked" };
  if (dryRun) return { dryRun: true, found: await countFailures(ports, filter) };
  const at = new Date(ports.clock.now());
  const job: Job = {
    id: uuidv7(),
    kind: ending === "redriven" ? "redrive-failures" : "discard-failures",
    by: caller,
    state: "running",
    createdAt: at,
    changedAt: at,
    filter,
    found: 0,
    done: 0,
    refused: {},
  };
  await audited(ports, { actor: caller, action: `failures.${job.kind}`, target: { job: job.id }, trace }, async () => {
    await ports.jobs.save(job, undefined);
    await next(ports, job, trace);
  });
  return shapeJob(job);
}

/** @throws job-unknown */
export async function getJob(ports: Ports, id: string): Promise<JobShape> {
  const job = await ports.jobs.get(id);
  if (job === undefined) throw new DayflyError("job-unknown");
  return shapeJob(job);
}

/** One step; again it does again what is harmless to repeat. Resolves to how many failures it has dealt with. */
export async function runJob(ports: Ports, id: string, trace: Trace): Promise<number> {
  const job = await ports.jobs.get(id);
  if (job === undefined || job.state === "done") return 0;
  const page = await ports.failures.page(job.filter, { limit: PAGE, ...placed(job.place) });
  const refused: Partial<Record<ErrorCode, number>> = { ...job.refused };
  let done = 0;
  for (const failure of page) {
    try {
      await endFailure(ports, failure.id, job.kind === "redrive-failures" ? "redriven" : "discarded");
      done += 1;
    } catch (error) {
      if (!isDayflyError(error) || isTransient(error)) throw error;
      refused[error.code] = (refused[error.code] ?? 0) + 1;
    }
  }
  const last = page.at(-1);
  const after: Job = {
    ...omit(job, "etag"),
    state: page.length < PAGE ? "done" : "running",
    changedAt: new Date(ports.clock.now()),
    ...(last === undefined ? {} : { place: cursorOf(placeOf(last)) }),
    found: job.found + page.length,
    done: job.done + done,
    refused,
  };
  // Somebody else has done the step.
  if (!(await ports.jobs.save(after, job))) return 0;
  if (after.state === "running") await next(ports, after, trace);
  return done;
}

async function next(ports: Ports, { id, place }: Job, trace: Trace): Promise<void> {
  const at = new Date(ports.clock.now());
  await ports.queues.scheduleDeadline({ v: 1, kind: "job", job: id }, at, `job:${id}:${place ?? ""}`, trace);
}

async function countFailures(ports: Ports, filter: FailureFilter): Promise<number> {
  let found = 0;
  for (let place: string | undefined; found < MOST_COUNTED;) {
    const page = await ports.failures.page(filter, { limit: 1_000, ...placed(place) });
    found += page.length;
    const last = page.at(-1);
    if (page.length < 1_000 || last === undefined) break;
    place = cursorOf(placeOf(last));
  }
  return Math.min(found, MOST_COUNTED);
}

function placed(place: string | undefined): { readonly after?: { readonly id: string; readonly at: Date } } {
  if (place === undefined) return {};
  const [at, id] = placeIn(place, isFailurePlace);
  return { after: { id, at: new Date(at) } };
}

const shapeJob = ({ id, kind, by, state, createdAt, changedAt, found, done, refused }: Job): JobShape => ({
  ...{ id, kind, by, state, createdAt: createdAt.toISOString(), changedAt: changedAt.toISOString() },
  ...{ found, done, refused: { ...refused } },
});
