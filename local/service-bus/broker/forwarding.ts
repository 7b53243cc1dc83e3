/**
 * Auto-forwarding of dead letters: what comes to the dead-letter queue of a queue that names another goes on to that one, as a new
 * message. Both ends are one commit. What the other queue refuses stays a dead letter here, to be received as any; it is tried again
 * when that may help (the target is full, or gone, or the disk is).
 */
import type { QueueContext } from "./context.js";
import { BrokerError } from "./error.js";
import type { Change } from "./journal.js";
import type { Locks } from "./locks.js";
import type { Message } from "./model.js";
import type { QueueSettings } from "./settings.js";
import type { Shelf } from "./shelf.js";

/** "Don't create a chain that exceeds four hops": Azure's page on auto-forwarding. */
const MOST_HOPS = 4;
const RETRY_MS = 1_000;

export interface ForwardingOptions {
  readonly settings: QueueSettings;
  readonly context: QueueContext;
  readonly letters: Shelf;
  readonly locks: Locks;
  /** What is to be written when the message goes. */
  readonly removal: (message: Message) => Change[];
  /** It has gone. */
  readonly gone: (message: Message) => void;
}

export class Forwarding {
  readonly #options: ForwardingOptions;
  /** Not taken over by the other queue, and never will be. */
  #refused = new WeakSet<Message>();
  readonly #again = new Set<Message>();
  #told = false;
  #closed = false;

  constructor(options: ForwardingOptions) {
    this.#options = options;
  }

  /** Whether a dead letter that has just come is on its way to another queue: nobody may receive it here then. */
  takes(message: Message): boolean {
    const { settings } = this.#options;
    if (settings.forwardDeadLetteredMessagesTo === undefined || this.#refused.has(message)) return false;
    if (this.#again.has(message)) return false;
    queueMicrotask(() => void this.#send(message));
    return true;
  }

  /** It may be another queue now. */
  changed(): void {
    this.#refused = new WeakSet();
    this.#again.clear();
  }

  close(): void {
    this.#closed = true;
    this.#again.clear();
  }

  /** Resolves to whether it has gone. */
  async #send(message: Message): Promise<boolean> {
    const { settings, context, letters, locks, removal, gone } = this.#options;
    const { forwardDeadLetteredMessagesTo: to } = settings;
    if (this.#closed || !letters.has(message) || message.lock !== undefined || to === undefined) return false;
    letters.active.remove(message);
    const lock = locks.lock(message);
    locks.beginSettling(lock);
    try {
      await context.forward(to, forwarded(message, settings.name), removal(message));
    } catch (error) {
      locks.release(lock);
      this.#keep(message, error);
      return false;
    }
    locks.release(lock);
    this.#again.delete(message);
    this.#told = false;
    // The queue may have been deleted meanwhile, with everything in it.
    if (letters.has(message)) gone(message);
    return true;
  }

  #keep(message: Message, error: unknown): void {
    const { context, letters } = this.#options;
    if (!letters.has(message)) return;
    if (mayHelp(error)) {
      if (this.#again.size === 0) this.#tryAgain();
      this.#again.add(message);
    } else {
      this.#refused.add(message);
    }
    if (!this.#told) context.onFailure(error);
    this.#told = true;
    letters.active.push(message);
    letters.dispatcher.pump();
  }

  /** One is tried first, and the others when it has gone. */
  #tryAgain(): void {
    const { clock, uptime } = this.#options.context;
    uptime.add(clock.uptime() + RETRY_MS, () => {
      const { letters } = this.#options;
      for (const message of this.#again) if (!letters.has(message)) this.#again.delete(message);
      const first = [...this.#again].find(({ lock }) => lock === undefined);
      if (first === undefined) {
        if (this.#again.size > 0) this.#tryAgain();
        return;
      }
      this.#again.delete(first);
      void this.#send(first).then((hasGone) => {
        const rest = [...this.#again];
        this.#again.clear();
        if (hasGone) for (const message of rest) void this.#send(message);
        else for (const message of rest) this.#again.add(message);
      });
    });
  }
}

/** A full or missing target may have room again, as the disk may; a message that the target can never take stays. */
function mayHelp(error: unknown): boolean {
  return !(error instanceof BrokerError) || !["not-allowed", "argument-error"].includes(error.refusal);
}

/** SB-36: number and reason go along, and where it was a dead letter. It is new otherwise: its count, its time to live (our choice). */
function forwarded(message: Message, source: string): Parameters<QueueContext["forward"]>[1] {
  const { status, messageId, sessionId, timeToLive } = message;
  const hops = (status.forwarded?.hops ?? 0) + 1;
  if (hops > MOST_HOPS) throw new BrokerError("not-allowed", `A message is forwarded ${MOST_HOPS} times at most.`);
  return {
    content: message.content.read(),
    messageId,
    sessionId,
    timeToLive,
    modified: status.modified,
    forwarded: {
      source,
      hops,
      letter: status.deadLetter ?? {},
      sequenceNumber: status.forwarded?.sequenceNumber ?? status.scheduledNumber ?? status.sequenceNumber,
    },
  };
}
