/**
 * Keeps one conversation complete while its events may repeat, overtake each other or get lost. It knows nothing of networks:
 * it is told what came, and tells when something is missing. docs/client.md is the contract that it fulfils.
 */
import type { ChangeShape, MessageShape } from "../src/lib/contracts/shapes.js";

/** A change as it comes: from an event of the socket, or from the log. */
export type Change = Pick<ChangeShape, "seq" | "type" | "messageId" | "message" | "user" | "reason">;

export class LogFollower {
  #seq = 0;
  readonly #early = new Map<number, Change>();
  readonly #messages = new Map<string, MessageShape>();
  readonly #apply: (change: Change) => void;

  /** @param apply called once for each change, in order */
  constructor(apply: (change: Change) => void) {
    this.#apply = apply;
  }

  /** Everything up to here is known. */
  get seq(): number {
    return this.#seq;
  }

  /** The messages that are there, in the order of their delivery. */
  get messages(): readonly MessageShape[] {
    return [...this.#messages.values()].sort((a, b) => (a.seq ?? 0) - (b.seq ?? 0));
  }

  message(id: string): MessageShape | undefined {
    return this.#messages.get(id);
  }

  /** Something beyond a gap has come: what is between must be fetched, unless it comes within 500 ms. */
  get hasGap(): boolean {
    return this.#early.size > 0;
  }

  /** Takes an event of the socket. */
  onEvent(change: Change): void {
    if (change.seq <= this.#seq) return;
    this.#early.set(change.seq, change);
    this.#drain();
  }

  /** Takes a page of the log that starts right after `seq`: its first change is the next one, whatever its number. */
  onPage(items: readonly Change[]): void {
    for (const change of items) {
      if (change.seq <= this.#seq) continue;
      this.#early.delete(change.seq);
      this.#take(change);
    }
    for (const seq of this.#early.keys()) if (seq <= this.#seq) this.#early.delete(seq);
    this.#drain();
  }

  /** Takes what the lists say instead of all that is known: everything up to `seq` is in `messages`, or is over. */
  restart(seq: number, messages: readonly MessageShape[]): void {
    if (seq < this.#seq) return;
    this.#seq = seq;
    this.#messages.clear();
    for (const message of messages) this.#messages.set(message.id, message);
    for (const early of this.#early.keys()) if (early <= seq) this.#early.delete(early);
    this.#drain();
  }

  /** Takes a message's state from an answer to a request: it may be newer than what the log has told so far. */
  update(message: MessageShape): void {
    if (this.#messages.has(message.id)) this.#messages.set(message.id, message);
  }

  #drain(): void {
    for (let next = this.#early.get(this.#seq + 1); next !== undefined; next = this.#early.get(this.#seq + 1)) {
      this.#early.delete(next.seq);
      this.#take(next);
    }
  }

  #take(change: Change): void {
    this.#seq = change.seq;
    const { type, messageId, message } = change;
    // A change carries the message's present state, whatever changed: keeping it, and until when.
    if (message !== undefined) this.#messages.set(message.id, message);
    const removes = type === "message.expired" || type === "message.deleted" || type === "file.deleted";
    if (removes && messageId !== undefined) this.#messages.delete(messageId);
    this.#apply(change);
  }
}
