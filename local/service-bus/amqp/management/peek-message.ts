import { encodeMessage } from "../codec/outgoing.js";
import { numberOf, textOf, type Operation } from "./operation.js";

const MOST_MESSAGES = 250;
/** What fits comfortably into an answer; whoever peeks asks on from the last number. */
const MOST_BYTES = 8 * 1024 * 1024;
const NO_CONTENT = 204;

/** SB-58: messages from a number on, whatever their state, without a lock or any other effect. */
export const peekMessage: Operation = (request) => {
  const { queue, place } = request.target;
  const from = numberOf(request, "from-sequence-number", 1);
  const count = Math.min(numberOf(request, "message-count", 1), MOST_MESSAGES);
  const messages: { message: Buffer }[] = [];
  let bytes = 0;
  for (const each of queue.peek(place, from, count, textOf(request, "session-id"))) {
    const message = encodeMessage(each, { received: false });
    bytes += message.length;
    if (bytes > MOST_BYTES && messages.length > 0) break;
    messages.push({ message });
  }
  if (messages.length === 0) return { status: NO_CONTENT, description: "No Content" };
  return { body: { messages } };
};
