import type { Place } from "../broker/shelf.js";

/** What an address of a link, or the name in a token request, stands for. */
export interface Address {
  /** As written, without the namespace: for messages to people. */
  readonly entity: string;
  readonly queue: string;
  readonly place: Place;
  readonly management: boolean;
}

const MANAGEMENT = "/$management";
const DEAD_LETTER_QUEUE = "/$deadletterqueue";

/** Reads `queue`, `queue/$DeadLetterQueue`, each with `/$management` behind it, with or without `sb://host/` before it. SB-31. */
export function parseAddress(address: string): Address {
  const entity = address.replace(/^[a-z]+:\/\/[^/]*\//i, "").replace(/^\/+|\/+$/g, "");
  let queue = entity;
  const management = queue.toLowerCase().endsWith(MANAGEMENT);
  if (management) queue = queue.slice(0, -MANAGEMENT.length);
  const isDeadLetter = queue.toLowerCase().endsWith(DEAD_LETTER_QUEUE);
  if (isDeadLetter) queue = queue.slice(0, -DEAD_LETTER_QUEUE.length);
  return { entity, queue, place: isDeadLetter ? "dead-letter" : "main", management };
}
