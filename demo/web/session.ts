/**
 * One signed-in user: the chat client, what the page shows of it, and a network that can be switched off. Everything goes through
 * the typed client; read client/README.md beside this.
 */
import { io } from "socket.io-client";
import { v7 as uuidv7 } from "uuid";
import { ChatClient, type ConversationShape, type MessageShape } from "../../client/chat-client.js";
import { Files } from "./files.js";
import { whatWentWrong, whyItFailed } from "./words.js";

export interface Addresses {
  readonly functions: string;
  readonly issuer: string;
}

const TYPING_SHOWN_MS = 5_000;
const TYPING_TOLD_EVERY_MS = 3_000;
const PRESENCE_EVERY_MS = 30_000;

export class Session {
  readonly user: string;
  readonly client: ChatClient;
  readonly conversations = new Map<string, ConversationShape>();
  /** The caller's own texts that wait for their time, by conversation. */
  readonly scheduled = new Map<string, readonly MessageShape[]>();
  /** What messages are about to say, by id, until the server has it. */
  readonly edits = new Map<string, string>();
  readonly files: Files;
  isOnline = true;
  isConnected = false;
  trouble: string | undefined;
  readonly #addresses: Addresses;
  readonly #changed: () => void;
  /** Until when somebody counts as writing, or as being there: by conversation and user. */
  readonly #typing = new Map<string, number>();
  readonly #present = new Map<string, number>();
  readonly #toldTyping = new Map<string, number>();
  #token: Promise<string> | undefined;
  #here: string | undefined;

  /** @param changed called whenever something to be seen has changed */
  constructor(user: string, addresses: Addresses, changed: () => void) {
    this.user = user;
    this.#addresses = addresses;
    this.#changed = changed;
    this.files = new Files(() => this.client, changed);
    this.client = new ChatClient(
      {
        baseUrl: addresses.functions,
        token: (why) => this.#signIn(why === "rejected"),
        fetch: (input, init) => (this.isOnline ? fetch(input, init) : Promise.reject(new TypeError("offline"))),
        io,
        newId: uuidv7,
        acknowledge: true,
      },
      {
        onChange: (conversationId, { type, messageId }) => {
          if (!this.conversations.has(conversationId) || type === "conversation.updated")
            void this.#look(conversationId);
          if (this.scheduled.get(conversationId)?.some(({ id }) => id === messageId) === true) {
            void this.loadScheduled(conversationId);
          }
          if (type === "message.created") this.#typing.clear();
          if (type === "file.deleted") this.files.deleted(conversationId, messageId ?? "");
          changed();
        },
        onRejected: ({ code }) => {
          this.trouble = `Your file was not sent. ${whyItFailed(code)}`;
          changed();
        },
        onRestart: changed,
        onOutbox: changed,
        onReceipt: ({ conversationId, ...receipt }) => {
          const conversation = this.conversations.get(conversationId);
          if (conversation === undefined) return;
          const others = conversation.receipts.filter(({ user: each }) => each !== receipt.user);
          this.conversations.set(conversationId, { ...conversation, receipts: [...others, receipt] });
          changed();
        },
        onTyping: ({ conversationId, user: writer }) => {
          if (writer === user) return;
          this.#typing.set(`${conversationId} ${writer}`, Date.now() + TYPING_SHOWN_MS);
          setTimeout(changed, TYPING_SHOWN_MS + 50);
          changed();
        },
        onPresence: ({ conversationId, user: other, until }) => {
          if (other === user) return;
          const key = `${conversationId} ${other}`;
          // Who comes cannot know who is there already: tell.
          if (until !== undefined && !this.#present.has(key) && this.#here === conversationId) void this.#beat();
          if (until === undefined) this.#present.delete(key);
          else this.#present.set(key, Date.parse(until));
          changed();
        },
        onLeft: (conversationId) => {
          this.conversations.delete(conversationId);
          changed();
        },
        onDisconnect: () => {
          this.isConnected = false;
          changed();
        },
        onReady: () => {
          this.isConnected = true;
          void this.#loadConversations();
          void this.#beat();
        },
        onTrouble: (error) => this.tell(error),
      },
    );
  }

  async start(): Promise<void> {
    setInterval(() => void this.#beat(), PRESENCE_EVERY_MS);
    addEventListener("focus", () => void this.client.sync().catch(() => undefined));
    await this.attempt(() => this.client.connect());
  }

  /** Does what the user asked for; what goes wrong is told. */
  async attempt<Result>(act: () => Promise<Result>): Promise<Result | undefined> {
    try {
      const result = await act();
      this.#changed();
      return result;
    } catch (error) {
      this.tell(error);
      return undefined;
    }
  }

  /** Changes what a message says: shown at once, and taken back when it was refused. Answers whether it was done. */
  async edit(conversationId: string, id: string, text: string): Promise<boolean> {
    this.edits.set(id, text);
    this.#changed();
    const edited = await this.attempt(() => this.client.edit(conversationId, id, text));
    if (this.edits.get(id) === text) this.edits.delete(id);
    this.#changed();
    return edited !== undefined;
  }

  tell(error: unknown): void {
    this.trouble = whatWentWrong(error);
    this.#changed();
  }

  /** The switch in the page: as if the cable were pulled. */
  setOnline(isOnline: boolean): void {
    this.isOnline = isOnline;
    if (isOnline) this.client.socket?.connect();
    else this.client.socket?.disconnect();
    this.#changed();
  }

  /** The user looks at this conversation now, and no longer at the one before. */
  enter(conversationId: string | undefined): void {
    const left = this.#here;
    if (left === conversationId) return;
    this.#here = conversationId;
    if (left !== undefined) this.client.api.presence(left, "away").catch(() => undefined);
    void this.#beat();
    if (conversationId !== undefined) void this.loadScheduled(conversationId);
  }

  typing(conversationId: string): void {
    const now = Date.now();
    if (now - (this.#toldTyping.get(conversationId) ?? 0) < TYPING_TOLD_EVERY_MS) return;
    this.#toldTyping.set(conversationId, now);
    this.client.api.typing(conversationId).catch(() => undefined);
  }

  /** What was written is sent: the next letter is news again. */
  stopTyping(conversationId: string): void {
    this.#toldTyping.delete(conversationId);
  }

  writers(conversationId: string): readonly string[] {
    return usersIn(this.#typing, conversationId, Date.now());
  }

  present(conversationId: string): readonly string[] {
    return usersIn(this.#present, conversationId, this.client.now());
  }

  async loadScheduled(conversationId: string): Promise<void> {
    const page = await this.attempt(() => this.client.api.scheduled(conversationId));
    if (page === undefined) return;
    this.scheduled.set(conversationId, page.items);
    this.#changed();
  }

  async #loadConversations(): Promise<void> {
    for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
      const page = await this.attempt(() => this.client.api.conversations(cursor));
      for (const conversation of page?.items ?? []) this.conversations.set(conversation.id, conversation);
      cursor = page?.nextCursor;
    }
    this.#changed();
  }

  async #look(conversationId: string): Promise<void> {
    const conversation = await this.client.api.conversation(conversationId).catch(() => undefined);
    if (conversation === undefined) return;
    this.conversations.set(conversationId, conversation);
    this.#changed();
  }

  async #beat(): Promise<void> {
    const here = this.#here;
    if (here === undefined || !this.isConnected || document.hidden) return;
    await this.client.api.presence(here, "here").catch(() => undefined);
  }

  /** Locally anybody is whoever they say: a deployed app asks its identity provider here. */
  #signIn(again: boolean): Promise<string> {
    if (again) this.#token = undefined;
    return (this.#token ??= this.#askIssuer().catch((error: unknown) => {
      this.#token = undefined;
      throw error;
    }));
  }

  async #askIssuer(): Promise<string> {
    if (!this.isOnline) throw new TypeError("offline");
    const response = await fetch(`${this.#addresses.issuer}/token`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ sub: this.user }),
    });
    return ((await response.json()) as { access_token: string }).access_token;
  }
}

function usersIn(until: ReadonlyMap<string, number>, conversationId: string, now: number): readonly string[] {
  return [...until].flatMap(([key, ends]) => {
    const [conversation, user = ""] = key.split(" ");
    return conversation === conversationId && ends > now ? [user] : [];
  });
}
