/** A link on which a client sends messages to a queue (AMQP 1.0, 2.6 and 2.7). */
import { BrokerError } from "../broker/error.js";
import type { Queue } from "../broker/queue.js";
import { accept, reject } from "./answers.js";
import { readTransfer } from "./codec/incoming.js";
import { amqpErrorOf } from "./conditions.js";
import type { Faults } from "./faults.js";
import { formatOf } from "./format.js";
import { checkSize, maxMessageBytes } from "./limits.js";
import { resolve, type Peer } from "./peer.js";
import type { RheaDelivery, RheaReceiver } from "./rhea.js";

export function attachSenderLink(peer: Peer, link: RheaReceiver, address: string): void {
  peer.authorization.check();
  const { queue, place } = resolve(peer.namespace, address);
  if (place === "dead-letter") throw new BrokerError("not-allowed", "Messages cannot be sent to a dead-letter queue.");
  link.set_target({ address });
  // Without it the SDK's batches take no message.
  link.local.attach.max_message_size = maxMessageBytes(queue);
  link.on("message", ({ message, delivery }: { message: Buffer; delivery: RheaDelivery }) => {
    receive(peer.namespace.faults, queue, message, delivery).then(
      () => {
        accept(delivery);
      },
      (error: unknown) => {
        reject(delivery, amqpErrorOf(error));
      },
    );
  });
}

/** Resolves when the messages of the transfer are on disk (SB-05). */
async function receive(faults: Faults, queue: Queue, message: Buffer, delivery: RheaDelivery): Promise<void> {
  const before = faults.at("send", queue, delivery.link);
  if (before !== undefined) await before;
  checkSize(queue, message);
  await queue.intake.send(readTransfer(message, formatOf(delivery)));
  const after = faults.at("stored", queue, delivery.link);
  if (after !== undefined) await after;
}
