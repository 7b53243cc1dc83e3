import type { Activation } from "./activation.js";
import type { QueueContext } from "./context.js";
import type { Forwarding } from "./forwarding.js";
import type { Message, MessageStatus } from "./model.js";
import type { Sessions } from "./sessions.js";
import type { QueueSettings } from "./settings.js";
import type { Shelf } from "./shelf.js";
import { expiryOf } from "./transitions.js";

export interface PlacementOptions {
  readonly settings: QueueSettings;
  readonly context: QueueContext;
  readonly shelfOf: (status: MessageStatus) => Shelf;
  readonly sessions: Sessions;
  readonly activation: Activation;
  readonly forwarding: Forwarding;
  readonly onExpired: (message: Message) => void;
}

/** Puts a message where its status says it is, with the deadline that follows from it. */
export class Placement {
  readonly #options: PlacementOptions;
  #highest = 0;

  constructor(options: PlacementOptions) {
    this.#options = options;
  }

  /** The highest number that was ever stored, which is kept when its message goes: numbers are never given twice (SB-01). */
  get highest(): number {
    return this.#highest;
  }

  place(message: Message, status: MessageStatus): void {
    const { settings, shelfOf, sessions } = this.#options;
    message.status = status;
    message.sequenceNumber = status.sequenceNumber;
    message.expiresAt = expiryOf(status, message.timeToLive, settings);
    if (status.sequenceNumber > this.#highest) this.#highest = status.sequenceNumber;
    const shelf = shelfOf(status);
    shelf.add(message);
    if (settings.requiresSession && status.deadLetter === undefined) {
      message.session = sessions.at(message.sessionId ?? "");
      message.session.messages.add(message);
    }
    if (status.state === "active") this.#placeActive(message, shelf);
    else if (status.state === "scheduled") this.#placeScheduled(message);
  }

  remove(message: Message): void {
    const { shelfOf, context } = this.#options;
    shelfOf(message.status).remove(message);
    message.session?.active.remove(message);
    message.session?.messages.remove(message);
    message.session = undefined;
    context.wallTime.remove(message.deadline);
    context.uptime.remove(message.deadline);
    message.deadline = undefined;
  }

  #placeActive(message: Message, shelf: Shelf): void {
    const { context, forwarding, onExpired } = this.#options;
    const isLeaving = message.status.deadLetter !== undefined && forwarding.takes(message);
    if (!isLeaving) (message.session ?? shelf).active.push(message);
    if (message.expiresAt === Infinity) return;
    message.deadline = context.wallTime.add(message.expiresAt, () => {
      if (message.lock === undefined) onExpired(message);
    });
  }

  #placeScheduled(message: Message): void {
    const { context, activation } = this.#options;
    message.deadline = context.wallTime.add(message.status.scheduledFor ?? 0, () => {
      activation.start(message);
    });
  }
}
