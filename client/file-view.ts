/** One reader's view of one file: its heartbeats, its fresh URLs, and its end. */
import type { CloseShape, ViewShape } from "../src/lib/contracts/shapes.js";
import { ProblemError, type Rest, type ViewName } from "./rest.js";

export class FileView {
  readonly name: ViewName;
  readonly closeToken: string;
  readonly #api: Rest;
  readonly #socketId: () => string | undefined;
  readonly #timer: ReturnType<typeof setInterval>;
  #url: string;
  #leaseExpiresAt: string;
  #isOpen = true;
  /** Called with each fresh URL: what plays for minutes goes on with it. */
  onUrl: ((url: string) => void) | undefined;
  /** Called once when the view ends without `close`: its lease was lost, or the file is gone. */
  onEnd: (() => void) | undefined;

  constructor(api: Rest, name: ViewName, view: ViewShape, socketId: () => string | undefined) {
    this.#api = api;
    this.name = name;
    this.closeToken = view.closeToken;
    this.#url = view.url;
    this.#leaseExpiresAt = view.leaseExpiresAt;
    this.#socketId = socketId;
    this.#timer = setInterval(() => {
      // Trouble that passes is met by the next one.
      this.beat().catch(() => undefined);
    }, view.heartbeatSeconds * 1_000);
  }

  /** Where the bytes are, for about a minute. */
  get url(): string {
    return this.#url;
  }

  get leaseExpiresAt(): string {
    return this.#leaseExpiresAt;
  }

  /**
   * What closes the view from a page that goes away: `navigator.sendBeacon(view.beacon.url, view.beacon.body)`. A body that is a
   * string goes as text/plain, which a browser sends without asking first.
   */
  get beacon(): { readonly url: string; readonly body: string } {
    const body = JSON.stringify({ closeToken: this.closeToken, reason: "navigated" });
    return { url: this.#api.closeAddress(this.name), body };
  }

  /** Says that the reader is still there. Comes by itself; a player that needs a URL sooner may call it. */
  async beat(): Promise<void> {
    if (!this.#isOpen) return;
    try {
      const socketId = this.#socketId();
      const beaten = await this.#api.heartbeat(this.name, socketId === undefined ? {} : { socketId });
      this.#url = beaten.url;
      this.#leaseExpiresAt = beaten.leaseExpiresAt;
      this.onUrl?.(beaten.url);
    } catch (error) {
      if (error instanceof ProblemError && (error.status === 404 || error.status === 410)) this.#end();
      throw error;
    }
  }

  async close(reason: "closed" | "navigated" = "closed"): Promise<CloseShape> {
    this.abandon();
    return this.#api.closeView(this.name, { reason });
  }

  /** Stops the heartbeats and says nothing: the lease ends by itself. */
  abandon(): void {
    this.#isOpen = false;
    clearInterval(this.#timer);
  }

  #end(): void {
    if (!this.#isOpen) return;
    this.abandon();
    this.onEnd?.();
  }
}
