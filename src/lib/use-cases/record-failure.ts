/** From a message in `failed-messages` to a failure that operators can see: written down first, then deferred. */
import { FailureEnvelope } from "../contracts/queue.js";
import { record } from "../domain/failure.js";
import { MAX_TEXT_LIFETIME_MS } from "../domain/message.js";
import { failureId } from "../ids.js";
import type { Ports } from "../ports.js";
import type { ParkedMessage } from "../ports-operations.js";

/** The queue of failures itself: what comes through it and is none has no queue to go back to. */
export const FAILURES_QUEUE = "failed-messages";

/** Records the failure; again, after a crash, changes nothing. Answers what is to become of the message. */
export async function recordFailure(ports: Ports, message: ParkedMessage): Promise<"defer" | "complete"> {
  const parsed = FailureEnvelope.safeParse(message.body);
  const envelope = parsed.success ? parsed.data : notAFailure(message.body, ports.clock.now());
  for (;;) {
    const known = await ports.failures.get(envelope.id);
    const recording = record(known, {
      id: envelope.id,
      queue: envelope.queue,
      reason: envelope.reason,
      detail: envelope.detail,
      lastAt: new Date(envelope.at),
      attempts: envelope.attempts,
      endsAt: new Date(envelope.endsAt),
      sequenceNumber: message.sequenceNumber,
      ...(envelope.conversation === undefined ? {} : { conversationId: envelope.conversation }),
      ...(envelope.message === undefined ? {} : { messageId: envelope.message }),
      ...(envelope.author === undefined ? {} : { author: envelope.author }),
      ...(message.trace === undefined ? {} : { trace: message.trace }),
    });
    if (recording.kind === "copy") return "complete";
    if (recording.failure === undefined) return "defer";
    if (!(await ports.failures.save(recording.failure, known))) continue;
    // What was redriven and not yet let go of has come back: its old message is needed no more.
    if (known?.isHeld === true) await dropParked(ports, known.sequenceNumber);
    return "defer";
  }
}

/** Removes a parked message; one that is gone is removed. @throws dependency-unavailable while somebody else has it */
export async function dropParked({ parked }: Pick<Ports, "parked">, sequenceNumber: string): Promise<void> {
  const taken = await parked.take(sequenceNumber);
  if (typeof taken === "object") await taken.complete();
}

/** Nobody knows what it is, so it is treated as if it held a text: a day, and it goes. */
const notAFailure = (body: unknown, now: number): FailureEnvelope => ({
  v: 1,
  id: failureId([FAILURES_QUEUE, body]),
  queue: FAILURES_QUEUE,
  reason: "contract-violation",
  detail: "The message is no failure.",
  at: new Date(now).toISOString(),
  attempts: 1,
  endsAt: new Date(now + MAX_TEXT_LIFETIME_MS).toISOString(),
  original: body,
});
