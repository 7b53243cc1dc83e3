/** Texts that are written and not in their conversation yet: shown at once, sent in order, one after another. */
import type { MessageShape } from "../src/lib/contracts/shapes.js";
import { ProblemError } from "./rest.js";

/** `accepted`: the server has it, and it will be in the conversation soon. `failed`: it will not, and `code` says why. */
export interface Outgoing {
  readonly id: string;
  readonly text: string;
  readonly replyTo?: string;
  readonly state: "sending" | "accepted" | "failed";
  /** A code of docs/errors.md. */
  readonly code?: string;
}

export interface OutboxOptions {
  readonly newId: () => string;
  /** Sends for as long as there is hope; the id makes repetitions one. */
  readonly send: (
    conversationId: string,
    input: { readonly id: string; readonly text: string; readonly replyTo?: string },
  ) => Promise<MessageShape>;
  readonly changed: (conversationId: string) => void;
}

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #waiting = new Map<string, readonly Outgoing[]>();
  readonly #sending = new Set<string>();

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  of(conversationId: string): readonly Outgoing[] {
    return this.#waiting.get(conversationId) ?? [];
  }

  add(conversationId: string, text: string, replyTo?: string): Outgoing {
    const id = this.#options.newId();
    const outgoing: Outgoing = { id, text, state: "sending", ...(replyTo === undefined ? {} : { replyTo }) };
    this.#set(conversationId, [...this.of(conversationId), outgoing]);
    void this.#send(conversationId);
    return outgoing;
  }

  retry(conversationId: string, id: string): void {
    this.#change(conversationId, id, { state: "sending" });
    void this.#send(conversationId);
  }

  fail(conversationId: string, id: string, code: string): void {
    this.#change(conversationId, id, { state: "failed", code });
  }

  /** It is in the conversation, or given up. */
  remove(conversationId: string, id: string): void {
    const before = this.of(conversationId);
    const after = before.filter((each) => each.id !== id);
    if (after.length !== before.length) this.#set(conversationId, after);
  }

  async #send(conversationId: string): Promise<void> {
    if (this.#sending.has(conversationId)) return;
    this.#sending.add(conversationId);
    for (let next = this.#next(conversationId); next !== undefined; next = this.#next(conversationId)) {
      const { id, text } = next;
      try {
        await this.#options.send(conversationId, { id, text, ...replyOf(next) });
        this.#change(conversationId, id, { state: "accepted" });
      } catch (error) {
        this.fail(conversationId, id, error instanceof ProblemError ? error.code : "");
      }
    }
    this.#sending.delete(conversationId);
  }

  #next(conversationId: string): Outgoing | undefined {
    return this.of(conversationId).find(({ state }) => state === "sending");
  }

  #change(conversationId: string, id: string, change: Pick<Outgoing, "state" | "code">): void {
    const before = this.of(conversationId);
    if (!before.some((each) => each.id === id)) return;
    this.#set(
      conversationId,
      before.map((each) => (each.id === id ? { id, text: each.text, ...replyOf(each), ...change } : each)),
    );
  }

  #set(conversationId: string, outgoing: readonly Outgoing[]): void {
    this.#waiting.set(conversationId, outgoing);
    this.#options.changed(conversationId);
  }
}

const replyOf = ({ replyTo }: Outgoing): Pick<Outgoing, "replyTo"> => (replyTo === undefined ? {} : { replyTo });
