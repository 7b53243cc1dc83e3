import { TextEnvelope, TextOrigin } from "../contracts/queue.js";
import { decideRevival, type Revival } from "../domain/message.js";
import type { Ports, Trace } from "../ports.js";
import { isErased } from "./erase-account.js";
import { expireUndelivered, failText } from "./end-text.js";
import { orPause } from "./patience.js";

/**
 * Decides what becomes of a text in the dead-letter queue of `text-messages`: expired, sent again with what is left of its
 * time, or a failure. No text stays there: a dead-letter queue has no TTL.
 */
export async function reviveText(
  ports: Ports,
  body: unknown,
  attempts: number,
  trace: Trace,
): Promise<{ readonly outcome: Revival }> {
  return { outcome: await orPause(ports.clock, () => revive(ports, body, attempts, trace)) };
}

async function revive(ports: Ports, body: unknown, attempts: number, trace: Trace): Promise<Revival> {
  const parsed = TextEnvelope.safeParse(body);
  if (!parsed.success) {
    await failText(
      ports,
      {
        body,
        origin: TextOrigin.safeParse(body).data,
        code: "contract-violation",
        detail: "A dead letter that is not a text.",
        attempts,
      },
      trace,
    );
    return "failed";
  }
  const envelope = parsed.data;
  const fate = decideRevival({ expiresAt: new Date(envelope.endsAt), attempt: envelope.attempt }, ports.clock.now());
  switch (fate) {
    case "expired":
      if (!(await isErased(ports, envelope.author, new Date(envelope.sentAt), { isLate: true })))
        await expireUndelivered(ports, envelope, trace);
      break;
    case "again":
      // A new broker id, because the broker remembers the old one and would drop it.
      await ports.queues.sendText({ ...envelope, attempt: envelope.attempt + 1 }, trace);
      break;
    case "failed":
      await failText(
        ports,
        { body: envelope, origin: envelope, code: "attempts-exhausted", detail: "It came back too often.", attempts },
        trace,
      );
      break;
  }
  return fate;
}
