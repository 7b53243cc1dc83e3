import { Dispatcher, type Take } from "./dispatcher.js";
import { Heap } from "./heap.js";
import type { Message } from "./model.js";
import { SequenceIndex } from "./sequence-index.js";

/** Which of a queue's two places is meant. */
export type Place = "main" | "dead-letter";

/** One of a queue's two places for messages: the queue itself, or its dead-letter queue. */
export class Shelf {
  readonly messages = new SequenceIndex<Message>();
  /** Active, unlocked messages; a session queue keeps them with their sessions instead. */
  readonly active = new Heap<Message>((a, b) => a.sequenceNumber < b.sequenceNumber);
  readonly dispatcher: Dispatcher;
  readonly counts = { active: 0, scheduled: 0, deferred: 0 };

  constructor(take: Take) {
    this.dispatcher = new Dispatcher(this.active, take);
  }

  has(message: Message): boolean {
    return this.messages.get(message.sequenceNumber) === message;
  }

  add(message: Message): void {
    this.messages.add(message);
    this.counts[message.status.state]++;
  }

  remove(message: Message): void {
    this.messages.remove(message);
    this.active.remove(message);
    this.counts[message.status.state]--;
  }
}
