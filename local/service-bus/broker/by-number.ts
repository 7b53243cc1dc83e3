/** Messages that are asked for by their numbers: all of them, or an error. */
import { BrokerError } from "./error.js";
import type { Message, Session } from "./model.js";
import type { Shelf } from "./shelf.js";

/** SB-39, SB-40: deferred and not locked. @param session whose they must be, if any's */
export function deferredWith(numbers: readonly number[], { messages }: Shelf, session: Session | undefined): Message[] {
  const found = numbers
    .map((number) => messages.get(number))
    .filter(
      (message) =>
        message?.status.state === "deferred" &&
        message.lock === undefined &&
        (session === undefined || message.session === session),
    ) as Message[];
  if (found.length === numbers.length && new Set(found).size === found.length) return found;
  throw new BrokerError(
    "message-not-found",
    "Failed to lock one or more specified messages. The message does not exist.",
  );
}

/** SB-43: scheduled, and not being activated. */
export function scheduledWith(numbers: readonly number[], { messages }: Shelf): Message[] {
  const found = new Map<number, Message>();
  for (const number of numbers) {
    const message = messages.get(number);
    if (message?.status.state === "scheduled" && message.lock === undefined) found.set(number, message);
  }
  const missing = numbers.filter((number) => !found.has(number));
  if (missing.length === 0) return [...found.values()];
  throw new BrokerError("message-not-found", `Messages not found. Missing sequence numbers: ${missing.join(", ")}`);
}
