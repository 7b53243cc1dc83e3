/** One user's files: what is going up, what is open, and what has just gone. */
import type { ChatClient, MessageShape } from "../../client/chat-client.js";
import type { FileView } from "../../client/file-view.js";

/** How long the page says that a file is gone. */
const GONE_SHOWN_MS = 20_000;

export interface Upload {
  readonly id: number;
  readonly conversationId: string;
  readonly file: File;
  /** Bytes. */
  readonly sent: number;
  readonly error?: unknown;
}

/** No view lasts longer (docs/client.md). */
const LONGEST_VIEW_MS = 10 * 60_000;

export interface OpenFile {
  readonly view: FileView;
  readonly url: string;
  /** When it closes by itself: milliseconds since the epoch, by the server's clock. */
  readonly until: number;
}

/** `open` while this user has it, `closed` when the one chance to read it is over. */
export type Reading = { readonly state: "open"; readonly open: OpenFile } | { readonly state: "closed" };

export class Files {
  readonly #client: () => ChatClient;
  readonly #changed: () => void;
  readonly #uploads = new Map<number, Upload & { readonly control: AbortController }>();
  readonly #readings = new Map<string, Reading>();
  readonly #names = new Map<string, string>();
  readonly #gone = new Map<string, { readonly conversationId: string; readonly name: string }>();
  #lastId = 0;

  /** @param changed called whenever something to be seen has changed */
  constructor(client: () => ChatClient, changed: () => void) {
    this.#client = client;
    this.#changed = changed;
    // A tab that is closed has no time for a request of the usual kind.
    addEventListener("pagehide", () => {
      for (const reading of this.#readings.values()) {
        if (reading.state !== "open") continue;
        const { url, body } = reading.open.view.beacon;
        navigator.sendBeacon(url, body);
      }
    });
  }

  uploads(conversationId: string): readonly Upload[] {
    return [...this.#uploads.values()].filter((upload) => upload.conversationId === conversationId);
  }

  reading(fileId: string): Reading | undefined {
    return this.#readings.get(fileId);
  }

  gone(conversationId: string): readonly { readonly id: string; readonly name: string }[] {
    return [...this.#gone]
      .filter(([, gone]) => gone.conversationId === conversationId)
      .map(([id, { name }]) => ({ id, name }));
  }

  /** Sends a file; failing, it stays to be tried again or discarded. */
  send(conversationId: string, file: File, id = ++this.#lastId): void {
    const control = new AbortController();
    const upload = { id, conversationId, file, sent: 0, control };
    this.#uploads.set(id, upload);
    this.#changed();
    const facts = { name: file.name, contentType: file.type === "" ? "application/octet-stream" : file.type };
    const progress = {
      signal: control.signal,
      onProgress: (sent: number) => this.#update(id, { ...upload, sent }),
    };
    this.#client()
      .sendFile(conversationId, { ...facts, bytes: file }, progress)
      .then(
        () => this.discard(id),
        (error: unknown) => {
          if (control.signal.aborted) this.discard(id);
          else this.#update(id, { ...upload, error });
        },
      );
  }

  retry(id: number): void {
    const upload = this.#uploads.get(id);
    if (upload !== undefined) this.send(upload.conversationId, upload.file, id);
  }

  discard(id: number): void {
    this.#uploads.get(id)?.control.abort();
    this.#uploads.delete(id);
    this.#changed();
  }

  #update(id: number, upload: Upload & { readonly control: AbortController }): void {
    if (this.#uploads.get(id)?.control !== upload.control) return;
    this.#uploads.set(id, upload);
    this.#changed();
  }

  /** @throws ProblemError `view-closed` when it was open before: that was the one time */
  async open({ conversationId, id, expiresAt }: MessageShape): Promise<void> {
    const client = this.#client();
    const view = await client.openFile(conversationId, id);
    const until = Math.min(client.now() + LONGEST_VIEW_MS, Date.parse(expiresAt));
    view.onEnd = () => this.#end(id);
    // One URL: the fresh ones of the heartbeats are for players that ask again, and what is shown here has been fetched.
    this.#readings.set(id, { state: "open", open: { view, url: view.url, until } });
    this.#changed();
  }

  async close(fileId: string): Promise<void> {
    const reading = this.#readings.get(fileId);
    this.#end(fileId);
    if (reading?.state === "open") await reading.open.view.close();
  }

  #end(fileId: string): void {
    this.#readings.set(fileId, { state: "closed" });
    this.#changed();
  }

  /** Remembers what the file was called: its end tells an id alone. */
  seen({ id, file }: MessageShape): void {
    if (file !== undefined) this.#names.set(id, file.name);
  }

  deleted(conversationId: string, fileId: string): void {
    const name = this.#names.get(fileId);
    this.#readings.delete(fileId);
    if (name === undefined) return;
    this.#names.delete(fileId);
    this.#gone.set(fileId, { conversationId, name });
    setTimeout(() => {
      this.#gone.delete(fileId);
      this.#changed();
    }, GONE_SHOWN_MS);
  }
}
