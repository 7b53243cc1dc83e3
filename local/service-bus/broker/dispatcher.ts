import type { Heap } from "./heap.js";
import type { Consumer, Message, ReceiveMode, Subscription } from "./model.js";

/** Hands a message that was just taken from the active ones over to a consumer. */
export type Take = (subscription: Subscription, message: Message) => void;

export function newSubscription(consumer: Consumer, mode: ReceiveMode): Subscription {
  return { consumer, mode, pending: 0, closed: false };
}

export function roomOf(subscription: Subscription): number {
  return subscription.closed ? 0 : subscription.consumer.capacity() - subscription.pending;
}

/**
 * Competing consumers of active messages: in the order of sequence numbers (SB-03), turn by turn. A consumer without room leaves the
 * rotation until it is woken, so that idle ones cost nothing.
 */
export class Dispatcher {
  readonly #active: Heap<Message>;
  readonly #take: Take;
  readonly #ready = new Set<Subscription>();
  #pumping = false;

  constructor(active: Heap<Message>, take: Take) {
    this.#active = active;
    this.#take = take;
  }

  /** The subscription's consumer may have room again. */
  wake(subscription: Subscription): void {
    if (subscription.closed) return;
    this.#ready.add(subscription);
    this.pump();
  }

  remove(subscription: Subscription): void {
    subscription.closed = true;
    this.#ready.delete(subscription);
  }

  pump(): void {
    // Handing a message over may end in another wake.
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      while (this.#active.size > 0 && this.#ready.size > 0) this.#serve();
    } finally {
      this.#pumping = false;
    }
  }

  #serve(): void {
    const [subscription] = this.#ready;
    if (subscription === undefined) return;
    this.#ready.delete(subscription);
    const room = roomOf(subscription);
    if (room <= 0) return;
    const share = this.#ready.size === 0 ? room : 1;
    for (let taken = 0; taken < share; taken++) {
      const message = this.#active.pop();
      if (message === undefined) break;
      this.#take(subscription, message);
    }
    if (!subscription.closed) this.#ready.add(subscription);
  }
}
