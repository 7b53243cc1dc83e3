/**
 * What becomes of a failure: redriven, discarded, expired. The decision is written first, then carried out on the parked
 * message, then noted as done. Whoever dies in between leaves the rest to the timer.
 */
import { FailureEnvelope } from "../contracts/queue.js";
import { ended, isOverdue, type Failure } from "../domain/failure.js";
import { omit } from "../domain/omit.js";
import { timeLeft } from "../domain/message.js";
import { DayflyError } from "../errors.js";
import type { Ports, Versioned } from "../ports.js";
import { FAILURES_QUEUE } from "./record-failure.js";

export type Ending = "redriven" | "discarded";

/**
 * Sends a failed message back to its queue, or drops it. Doing again what was done changes nothing.
 * @throws failure-unknown, failure-ended, failure-not-redrivable, dependency-unavailable (then it is finished by the timer)
 */
export async function endFailure(ports: Ports, id: string, ending: Ending): Promise<Failure> {
  for (;;) {
    const failure = await ports.failures.get(id);
    if (failure === undefined) throw new DayflyError("failure-unknown");
    if (failure.state === ending) return failure.isHeld ? carryOut(ports, failure) : failure;
    if (failure.state !== "parked") throw new DayflyError("failure-ended", { detail: `It is ${failure.state}.` });
    if (ending === "redriven" && failure.queue === FAILURES_QUEUE) throw new DayflyError("failure-not-redrivable");
    if (isOverdue(failure, ports.clock.now())) {
      await expireFailure(ports, failure);
      continue;
    }
    const decided = await decide(ports, failure, ending);
    if (decided !== undefined) return carryOut(ports, decided);
  }
}

/** Its time is over: what it says goes. False when it has changed meanwhile. */
export async function expireFailure(ports: Ports, failure: Versioned<Failure>): Promise<boolean> {
  const decided = await decide(ports, failure, "expired");
  if (decided === undefined) return false;
  await carryOut(ports, decided);
  return true;
}

async function decide(
  ports: Ports,
  { etag, ...failure }: Versioned<Failure>,
  state: Exclude<Failure["state"], "parked">,
): Promise<Versioned<Failure> | undefined> {
  const decided = ended(failure, state, ports.clock.now());
  if (!(await ports.failures.save(decided, { ...failure, etag }))) return undefined;
  return ports.failures.get(failure.id);
}

/** Does with the parked message what has been decided. Again after a crash: the broker drops the second copy that is sent. */
export async function carryOut(ports: Ports, decided: Versioned<Failure>): Promise<Failure> {
  const taken = await ports.parked.take(decided.sequenceNumber);
  if (taken === "busy")
    throw new DayflyError("dependency-unavailable", { detail: "The parked message is in use; try again in a minute." });
  if (taken !== "gone") {
    try {
      if (decided.state === "redriven") await sendBack(ports, decided, taken.body);
    } catch (error) {
      await taken.release().catch(() => undefined);
      throw error;
    }
    await taken.complete();
  }
  const done: Failure = { ...omit(decided, "etag"), isHeld: false };
  // Changed meanwhile: it has failed again, and stands there anew.
  await ports.failures.save(done, decided);
  return done;
}

async function sendBack(ports: Ports, failure: Failure, parked: unknown): Promise<void> {
  const envelope = FailureEnvelope.safeParse(parked);
  if (!envelope.success) return;
  const lifetimeMs = timeLeft({ expiresAt: failure.endsAt }, ports.clock.now());
  // With no life left there is nothing to send: the sender has been told.
  if (lifetimeMs === 0) return;
  const { original } = envelope.data;
  const isText = failure.queue === "text-messages";
  const hasSession = isText || failure.queue === "file-messages";
  await ports.parked.sendBack(
    {
      queue: failure.queue,
      body: isText ? againOf(original) : original,
      ...(hasSession ? { session: failure.conversationId ?? "unknown" } : {}),
      key: `redrive:${failure.id}:${String(failure.redrives)}`,
      lifetimeMs,
    },
    failure.trace,
  );
}

/** A text as it is sent again: its row, if it was scheduled, is gone, and its id is known as failed. */
function againOf(original: unknown): unknown {
  if (typeof original !== "object" || original === null || Array.isArray(original)) return original;
  const { attempt, ...text } = omit(original as Record<string, unknown>, "schedule");
  return { ...text, attempt: typeof attempt === "number" ? attempt + 1 : 2, redriven: true };
}
