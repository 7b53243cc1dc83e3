/**
 * A chat client: REST for everything that is said, Socket.IO for what is heard, and the contract of docs/client.md between
 * them. For browsers and Node; `io` is socket.io-client's.
 */
import type { ManagerOptions, Socket, SocketOptions } from "socket.io-client";
import type {
  ConversationShape,
  FileShape,
  MessageShape,
  ServerEvents,
  SyncShape,
} from "../src/lib/contracts/shapes.js";
import { FileView } from "./file-view.js";
import { LogFollower, type Change } from "./log-follower.js";
import { Outbox, type Outgoing } from "./outbox.js";
import { FIRST_RETRY_MS, LONGEST_RETRY_MS, Patience } from "./patience.js";
import { Receipts } from "./receipts.js";
import { ProblemError, rest, type FileInput, type Rest, type RestOptions } from "./rest.js";
import { upload, type UploadOptions } from "./upload.js";

const GAP_WAIT_MS = 500;
const SYNC_EVERY_MS = 60_000;
const MOST_HEADS = 100;

export interface ChatClientOptions extends RestOptions {
  readonly io: (url: string, options: Partial<ManagerOptions & SocketOptions>) => Socket;
  /** How the socket connects; socket.io-client's default when absent. */
  readonly transports?: readonly ("polling" | "websocket")[];
  /** Makes ids for messages: UUIDv7. */
  readonly newId: () => string;
  /** Tells the others by itself that messages have come. */
  readonly acknowledge?: boolean;
}

/** Every event that stands in the log; the compiler sees to it that none is missing. */
const LOGGED_EVENTS = Object.keys({
  "message.created": true,
  "message.updated": true,
  "message.expired": true,
  "message.deleted": true,
  "conversation.updated": true,
  "retention.requested": true,
  "retention.retained": true,
  "retention.released": true,
  "retention.lapsed": true,
  "file.opened": true,
  "file.closed": true,
  "file.deleted": true,
} satisfies Record<Change["type"], true>) as readonly Change["type"][];

interface LoggedEvent {
  readonly conversationId: string;
  readonly seq?: number;
  readonly messageId?: string;
  readonly message?: MessageShape;
  readonly user?: string;
  readonly reason?: string;
}

/** What the application hears. Each change of a conversation comes once, in order. */
export interface ChatListener {
  readonly onChange?: (conversationId: string, change: Change) => void;
  readonly onReceipt?: (event: ServerEvents["receipt.updated"]) => void;
  readonly onFailed?: (event: ServerEvents["message.failed"]) => void;
  /** On another device of ours a text was scheduled or changed; with `message` it waits, without it is canceled. */
  readonly onScheduled?: (event: ServerEvents["scheduled.updated"] | ServerEvents["scheduled.canceled"]) => void;
  /** A file of ours that was refused after it had been accepted, or was never completed. */
  readonly onRejected?: (event: ServerEvents["file.rejected"]) => void;
  /** A text of ours that nobody has seen in time. */
  readonly onUndelivered?: (event: ServerEvents["message.expired"]) => void;
  /** What was missed is too long ago to be told: `messages` has what is there now. */
  readonly onRestart?: (conversationId: string) => void;
  /** What waits to be sent has changed. */
  readonly onOutbox?: (conversationId: string) => void;
  readonly onTyping?: (event: ServerEvents["typing"]) => void;
  readonly onPresence?: (event: ServerEvents["presence"]) => void;
  readonly onDisconnect?: () => void;
  /** A conversation that the user is not in any more. */
  readonly onLeft?: (conversationId: string) => void;
  /** Connected, joined and caught up; also after each reconnection. */
  readonly onReady?: () => void;
  readonly onTrouble?: (error: unknown) => void;
}

const isProblem = (error: unknown, code: string): error is ProblemError =>
  error instanceof ProblemError && error.code === code;

export type {
  Change,
  ConversationShape,
  FileInput,
  FileShape,
  FileView,
  MessageShape,
  Outgoing,
  Rest,
  RestOptions,
  ServerEvents,
  UploadOptions,
};
export { ProblemError, rest };

export class ChatClient {
  readonly api: Rest;
  readonly #options: ChatClientOptions;
  readonly #listener: ChatListener;
  readonly #conversations = new Map<string, LogFollower>();
  readonly #catchingUp = new Map<string, Promise<void>>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  readonly #outbox: Outbox;
  readonly #receipts: Receipts;
  readonly #patience = new Patience();
  /** How far the server's clock is ahead of ours, in milliseconds, as last heard. */
  #clockOffsetMs = 0;
  #socket: Socket | undefined;
  #isClosed = false;
  readonly #views = new Set<FileView>();

  constructor(options: ChatClientOptions, listener: ChatListener = {}) {
    this.#options = options;
    this.#listener = listener;
    this.api = rest(options);
    this.#outbox = new Outbox({
      newId: options.newId,
      send: (conversationId, input) =>
        this.#patience.retrying(() => this.api.send(conversationId, input), { most: Infinity }),
      changed: (conversationId) => listener.onOutbox?.(conversationId),
    });
    this.#receipts = new Receipts(
      (conversationId, marks) => this.api.receipts(conversationId, marks),
      (ms, act) => this.#after(ms, act),
    );
  }

  /** The socket, while there is one: for tests that cut the connection. */
  get socket(): Socket | undefined {
    return this.#socket;
  }

  /** The messages of a conversation that this client knows, in order. */
  messages(conversationId: string): readonly MessageShape[] {
    return this.#conversations.get(conversationId)?.messages ?? [];
  }

  /** The conversations that this client follows. */
  get conversations(): readonly string[] {
    return [...this.#conversations.keys()];
  }

  /** What is written and not in the conversation yet, in order. */
  outgoing(conversationId: string): readonly Outgoing[] {
    return this.#outbox.of(conversationId);
  }

  /** The server's time, in milliseconds since the epoch, as far as it has told: to count down to `expiresAt`. */
  now(): number {
    return Date.now() + this.#clockOffsetMs;
  }

  /** Connects and stays connected; resolves when caught up for the first time. */
  async connect(): Promise<void> {
    const { endpoint, path, token } = await this.#patience.retrying(() => this.api.negotiate());
    const { transports } = this.#options;
    const socket = this.#options.io(endpoint, {
      path,
      query: { access_token: token },
      reconnectionDelay: FIRST_RETRY_MS,
      reconnectionDelayMax: LONGEST_RETRY_MS,
      ...(transports === undefined ? {} : { transports: [...transports] }),
    });
    this.#socket = socket;
    this.#listen(socket);
    this.#every(SYNC_EVERY_MS, () => this.sync());
    await new Promise<void>((resolve) => {
      socket.on("connect", () => {
        this.#onConnect(socket).then(resolve, (error: unknown) => this.#listener.onTrouble?.(error));
      });
    });
  }

  /** Starts a conversation, or answers the one that this id has started. */
  async start(members: readonly string[], title?: string): Promise<ConversationShape> {
    const input = { id: this.#options.newId(), members, ...(title === undefined ? {} : { title }) };
    const conversation = await this.#patience.retrying(() => this.api.createConversation(input));
    this.#follow(conversation.id);
    return conversation;
  }

  /** Sends a text, as often as it takes: its id makes the repetitions one. */
  async send(conversationId: string, text: string, replyTo?: string): Promise<MessageShape> {
    const input = { id: this.#options.newId(), text, ...(replyTo === undefined ? {} : { replyTo }) };
    return this.#patience.retrying(() => this.api.send(conversationId, input));
  }

  /**
   * Sends a file: announces it, uploads it to the storage itself, and has it checked and sent. Fails with the problem for which it
   * is refused, or with the signal's reason once it is aborted. It shows as a message, as a text does.
   */
  async sendFile(
    conversationId: string,
    { bytes, ...facts }: Omit<FileInput, "id" | "size"> & { readonly bytes: Uint8Array<ArrayBuffer> | Blob },
    options: UploadOptions = {},
  ): Promise<MessageShape> {
    const { signal } = options;
    const body = bytes instanceof Blob ? bytes : new Blob([bytes]);
    const input = { ...facts, id: this.#options.newId(), size: body.size };
    const announced = await this.#patience.retrying(() => this.api.createFile(conversationId, input), { signal });
    await this.#patience.retrying(
      async () => {
        const status = await upload(announced.upload, body, this.#options.fetch ?? fetch, options);
        // Refused because something is there: an earlier try got through, and its answer was lost.
        if ((status >= 200 && status < 300) || status === 403 || status === 409) return;
        throw new ProblemError(status, { title: "The storage did not take the upload." }, null);
      },
      { signal },
    );
    return this.#patience.retrying(() => this.api.completeFile(conversationId, announced.id), { signal });
  }

  /** Opens a file, and keeps it open until it is closed, by this side or the other. */
  async openFile(conversationId: string, fileId: string): Promise<FileView> {
    const { id: socketId } = this.#socket ?? {};
    const options = { key: this.#options.newId(), ...(socketId === undefined ? {} : { socketId }) };
    const view = await this.#patience.retrying(() => this.api.openView(conversationId, fileId, options));
    const opened = new FileView(this.api, { conversationId, fileId, viewId: view.id }, view, {
      socketId: () => this.#socket?.id,
      retrying: (attempt) => this.#patience.retrying(attempt),
      ended: () => this.#views.delete(opened),
    });
    this.#views.add(opened);
    return opened;
  }

  /**
   * Writes a text that is shown at once (`outgoing`), and sends it for as long as it takes, one after another in each conversation.
   * It leaves `outgoing` when it is in the conversation, or by `discard`.
   * @returns its id
   */
  post(conversationId: string, text: string, replyTo?: string): string {
    return this.#outbox.add(conversationId, text, replyTo).id;
  }

  /** Sends one again that was refused. */
  retry(conversationId: string, id: string): void {
    this.#outbox.retry(conversationId, id);
  }

  discard(conversationId: string, id: string): void {
    this.#outbox.remove(conversationId, id);
  }

  /**
   * Changes what a text of the user's says; consents to keep the old one are void. Repeats until there is an answer.
   * @throws ProblemError `message-edited` when another device has changed it meanwhile
   */
  async edit(conversationId: string, id: string, text: string): Promise<MessageShape> {
    const change = { text, edits: this.#editsOf(conversationId, id) };
    return this.#take(await this.#patience.retrying(() => this.api.edit(conversationId, id, change)));
  }

  /**
   * Asks everyone to keep a text, or agrees to it, as it was last told here.
   * @throws ProblemError `message-edited` when it says something else by now
   */
  async consent(conversationId: string, id: string): Promise<MessageShape> {
    return this.#take(await this.api.consent(conversationId, id, { edits: this.#editsOf(conversationId, id) }));
  }

  /** Withdraws the consent, or declines. */
  async withdrawConsent(conversationId: string, id: string): Promise<MessageShape> {
    return this.#take(await this.api.withdrawConsent(conversationId, id));
  }

  /** The user has read everything up to `seq`. */
  read(conversationId: string, seq: number): void {
    this.#receipts.mark(conversationId, { readSeq: seq });
  }

  /** Asks for everything that was missed: after each connection, every minute, and whenever the user comes back. */
  async sync(): Promise<void> {
    const known = [...this.#conversations];
    for (let from = 0; from === 0 || from < known.length; from += MOST_HEADS) {
      const heads = Object.fromEntries(
        known.slice(from, from + MOST_HEADS).map(([id, follower]) => [id, follower.seq] as const),
      );
      const { items, left, others } = await this.#syncPage(heads);
      for (const id of left) this.#forget(id);
      for (const item of items) this.#follow(item.conversationId).onPage(item.items);
      const unfinished = items.filter((item) => item.hasMore).map((item) => item.conversationId);
      const unknown = others.filter((id) => !this.#conversations.has(id));
      await Promise.all([...unfinished, ...unknown].map((id) => this.catchUp(id)));
    }
  }

  /** One sync; conversations of which too much was missed start again. */
  async #syncPage(heads: Record<string, number>): Promise<SyncShape> {
    for (;;) {
      try {
        return await this.#patience.retrying(() => this.api.sync(heads));
      } catch (error) {
        if (!isProblem(error, "cursor-expired")) throw error;
        for (const { pointer } of error.errors) {
          const id = pointer.slice("/heads/".length);
          heads[id] = await this.#restart(id);
        }
      }
    }
  }

  /** Starts again from the lists. The head comes first: what happens between the two reads comes once more as a change. */
  async #restart(conversationId: string): Promise<number> {
    const { headSeq } = await this.#patience.retrying(() => this.api.conversation(conversationId));
    const messages: MessageShape[] = [];
    for (let cursor: string | undefined, hasMore = true; hasMore; hasMore = cursor !== undefined) {
      const from = cursor === undefined ? {} : { cursor };
      const page = await this.#patience.retrying(() => this.api.messages(conversationId, { limit: 100, ...from }));
      messages.push(...page.items);
      cursor = page.nextCursor;
    }
    this.#follow(conversationId).restart(headSeq, messages);
    this.#listener.onRestart?.(conversationId);
    return headSeq;
  }

  /** Fetches what follows the last known change of a conversation; one fetch at a time. */
  catchUp(conversationId: string): Promise<void> {
    const running = this.#catchingUp.get(conversationId);
    if (running !== undefined) return running;
    const catching = this.#catchUp(conversationId).finally(() => this.#catchingUp.delete(conversationId));
    this.#catchingUp.set(conversationId, catching);
    return catching;
  }

  async #catchUp(conversationId: string): Promise<void> {
    const follower = this.#follow(conversationId);
    for (let hasMore = true; hasMore;) {
      try {
        const page = await this.#patience.retrying(() => this.api.changes(conversationId, follower.seq));
        follower.onPage(page.items);
        hasMore = page.hasMore;
      } catch (error) {
        if (isProblem(error, "cursor-expired")) {
          await this.#restart(conversationId);
          continue;
        }
        if (!isProblem(error, "conversation-unknown")) throw error;
        this.#forget(conversationId);
        return;
      }
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#patience.end();
    // Their leases end by themselves.
    for (const view of [...this.#views]) view.abandon();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#socket?.disconnect();
  }

  async #onConnect(socket: Socket): Promise<void> {
    const { id } = socket;
    if (id === undefined) return;
    // First into the rooms, then ask what was missed: in the other order something could fall between.
    await this.#patience.retrying(() => this.api.join(id));
    await this.sync();
    this.#listener.onReady?.();
  }

  #listen(socket: Socket): void {
    for (const type of LOGGED_EVENTS) {
      socket.on(type, (event: LoggedEvent) => {
        const { conversationId, seq, messageId, message, user, reason } = event;
        // Of our own texts that were never delivered; the log does not know them.
        if (seq === undefined) return this.#listener.onUndelivered?.(event as ServerEvents["message.expired"]);
        const about = {
          ...(messageId === undefined ? {} : { messageId }),
          ...(message === undefined ? {} : { message }),
          ...(user === undefined ? {} : { user }),
          ...(reason === undefined ? {} : { reason }),
        };
        this.#onEvent(conversationId, { seq, type, ...about });
      });
    }
    socket.on("message.failed", (event: ServerEvents["message.failed"]) => {
      this.#outbox.fail(event.conversationId, event.messageId, event.code);
      this.#listener.onFailed?.(event);
    });
    socket.on("typing", (event: ServerEvents["typing"]) => {
      this.#learnTime(Date.parse(event.at));
      this.#listener.onTyping?.(event);
    });
    socket.on("presence", (event: ServerEvents["presence"]) => {
      this.#learnTime(Date.parse(event.at));
      this.#listener.onPresence?.(event);
    });
    socket.on("disconnect", (reason: Socket.DisconnectReason) => {
      this.#listener.onDisconnect?.();
      // The one end after which Socket.IO does not connect again by itself.
      if (reason === "io server disconnect" && !this.#isClosed) {
        this.#after(FIRST_RETRY_MS, async () => {
          await this.#patience.retrying(() => this.#renewToken(socket), { most: Infinity });
          socket.connect();
        });
      }
    });
    for (const type of ["scheduled.updated", "scheduled.canceled"] as const) {
      socket.on(type, (event: ServerEvents[typeof type]) => this.#listener.onScheduled?.(event));
    }
    socket.on("file.rejected", (event: ServerEvents["file.rejected"]) => this.#listener.onRejected?.(event));
    socket.on("receipt.updated", (event: ServerEvents["receipt.updated"]) => this.#listener.onReceipt?.(event));
    // The token is checked at each handshake and `query` is fixed: without this, every reconnection after an hour fails.
    socket.io.on("reconnect_error", () => {
      this.#renewToken(socket).catch((error: unknown) => this.#listener.onTrouble?.(error));
    });
  }

  async #renewToken(socket: Socket): Promise<void> {
    const { token } = await this.api.negotiate();
    socket.io.opts.query = { access_token: token };
  }

  #onEvent(conversationId: string, change: Change): void {
    const follower = this.#follow(conversationId);
    follower.onEvent(change);
    if (follower.hasGap) {
      this.#after(GAP_WAIT_MS, async () => {
        if (follower.hasGap) await this.catchUp(conversationId);
      });
    }
  }

  #follow(conversationId: string): LogFollower {
    let follower = this.#conversations.get(conversationId);
    if (follower === undefined) {
      follower = new LogFollower((change) => this.#onChange(conversationId, change));
      this.#conversations.set(conversationId, follower);
    }
    return follower;
  }

  #onChange(conversationId: string, change: Change): void {
    const { messageId, message, type, seq } = change;
    // Each message says how much of its life was left when it was told: what time it was there.
    if (message !== undefined) this.#learnTime(Date.parse(message.expiresAt) - message.expiresInMs);
    if (messageId !== undefined) this.#outbox.remove(conversationId, messageId);
    if (this.#options.acknowledge === true && type === "message.created") {
      this.#receipts.mark(conversationId, { deliveredSeq: seq });
    }
    this.#listener.onChange?.(conversationId, change);
  }

  #editsOf(conversationId: string, id: string): number {
    return this.#conversations.get(conversationId)?.message(id)?.edited?.times ?? 0;
  }

  /** Not every change of a consent is told to everyone: the answer is all that its giver hears. */
  #take(message: MessageShape): MessageShape {
    this.#follow(message.conversationId).update(message);
    return message;
  }

  #forget(conversationId: string): void {
    if (this.#conversations.delete(conversationId)) this.#listener.onLeft?.(conversationId);
  }

  #learnTime(now: number): void {
    this.#clockOffsetMs = now - Date.now();
  }

  #after(ms: number, act: () => Promise<void>): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act().catch((error: unknown) => this.#listener.onTrouble?.(error));
    }, ms);
    this.#timers.add(timer);
  }

  #every(ms: number, act: () => Promise<void>): void {
    this.#after(ms, async () => {
      if (this.#isClosed) return;
      this.#every(ms, act);
      await act();
    });
  }
}
