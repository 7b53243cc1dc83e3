import { BrokerError } from "../broker/error.js";
import type { Queue } from "../broker/queue.js";

const BYTES_PER_KILOBYTE = 1024;

export function maxMessageBytes(queue: Queue): number {
  return queue.settings.maxMessageSizeInKilobytes * BYTES_PER_KILOBYTE;
}

/** SB-55: of one message or a whole batch, encoded. */
export function checkSize(queue: Queue, message: Buffer): void {
  const limit = maxMessageBytes(queue);
  if (message.length > limit) {
    throw new BrokerError(
      "message-size-exceeded",
      `The received message has ${message.length} bytes, which exceeds the limit of ${limit} bytes currently allowed on the link.`,
    );
  }
}
