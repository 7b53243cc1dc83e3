/** Watermarks on their way to the server: at most one request a second and conversation, with what is true by then. */

const BETWEEN_MS = 1_000;

export interface Marks {
  readonly deliveredSeq?: number;
  readonly readSeq?: number;
}

interface Conversation {
  told: Required<Marks>;
  wanted: Required<Marks>;
  isWaiting: boolean;
}

export class Receipts {
  readonly #send: (conversationId: string, marks: Marks) => Promise<void>;
  readonly #after: (ms: number, act: () => Promise<void>) => void;
  readonly #conversations = new Map<string, Conversation>();

  /** @param after calls back later; what fails there is the caller's to tell */
  constructor(
    send: (conversationId: string, marks: Marks) => Promise<void>,
    after: (ms: number, act: () => Promise<void>) => void,
  ) {
    this.#send = send;
    this.#after = after;
  }

  mark(conversationId: string, { deliveredSeq = 0, readSeq = 0 }: Marks): void {
    let conversation = this.#conversations.get(conversationId);
    if (conversation === undefined) {
      const none = { deliveredSeq: 0, readSeq: 0 };
      this.#conversations.set(conversationId, (conversation = { told: none, wanted: none, isWaiting: false }));
    }
    const { wanted } = conversation;
    conversation.wanted = {
      deliveredSeq: Math.max(wanted.deliveredSeq, deliveredSeq, readSeq),
      readSeq: Math.max(wanted.readSeq, readSeq),
    };
    this.#tell(conversationId, conversation, 0);
  }

  #tell(conversationId: string, conversation: Conversation, ms: number): void {
    const { told, wanted } = conversation;
    if (conversation.isWaiting) return;
    if (wanted.deliveredSeq <= told.deliveredSeq && wanted.readSeq <= told.readSeq) return;
    conversation.isWaiting = true;
    this.#after(ms, async () => {
      const marks = conversation.wanted;
      conversation.told = marks;
      // Lost, it is made up for by the next; the mark only moves on.
      await this.#send(conversationId, marks).catch(() => undefined);
      this.#after(BETWEEN_MS, () => {
        conversation.isWaiting = false;
        this.#tell(conversationId, conversation, 0);
        return Promise.resolve();
      });
    });
  }
}
