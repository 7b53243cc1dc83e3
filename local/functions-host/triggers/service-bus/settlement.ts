/** Settling messages, one at a time on each link. */
import type { ServiceBusReceivedMessage, ServiceBusReceiver } from "@azure/service-bus";

type Receiver = Pick<ServiceBusReceiver, "completeMessage" | "abandonMessage">;

/**
 * Settles the messages of one receiver. rhea merges the dispositions of neighbouring deliveries that change in one turn of the
 * event loop, without comparing their outcomes: an abandoned message would be completed. So each goes out in a turn of its own.
 */
export class Settlement {
  readonly #receiver: Receiver;
  #turn: Promise<void> = Promise.resolve();

  constructor(receiver: Receiver) {
    this.#receiver = receiver;
  }

  /** Resolves when the broker has answered; rejects with the SDK's error, such as a lost lock. */
  async settle(message: ServiceBusReceivedMessage, outcome: "complete" | "abandon"): Promise<void> {
    const turn = this.#turn;
    let next!: () => void;
    this.#turn = new Promise((resolve) => (next = resolve));
    await turn;
    const settled =
      outcome === "complete" ? this.#receiver.completeMessage(message) : this.#receiver.abandonMessage(message);
    setImmediate(next);
    await settled;
  }
}
