import { BrokerError } from "../../broker/error.js";
import { readTransfer } from "../codec/incoming.js";
import { checkSize } from "../limits.js";
import { types } from "../rhea.js";
import { listOf, numbersOf, type Operation } from "./operation.js";

const LONG = 0x81;

/** SB-41. */
export const scheduleMessage: Operation = async (request) => {
  const { queue, place } = request.target;
  if (place === "dead-letter") throw new BrokerError("not-allowed", "Messages cannot be sent to a dead-letter queue.");
  const messages = listOf(request, "messages").flatMap((entry) => {
    const bytes = (entry as Readonly<Record<string, unknown>> | null)?.["message"];
    if (!Buffer.isBuffer(bytes)) throw new BrokerError("argument-error", "'message' must be binary.");
    checkSize(queue, bytes);
    return readTransfer(bytes, 0);
  });
  const numbers = await queue.intake.send(messages);
  return { body: { "sequence-numbers": types.wrap_array(numbers, LONG, undefined) } };
};

/** SB-43. */
export const cancelScheduledMessage: Operation = async (request) => {
  await request.target.queue.cancelScheduled(numbersOf(request, "sequence-numbers"));
  return {};
};
