/** The feed as server-sent events (HTML Living Standard, 9.2). */
import type { ServerResponse } from "node:http";
import { log } from "../log.js";
import type { EventFeed, Reader } from "./event-feed.js";
import { Problem } from "./problem.js";

const MOST_READERS = 32;
/** What may wait for a reader; one who is slower is dropped, and can come back with the id of what he has seen. */
const MOST_WAITING_BYTES = 1024 * 1024;
const HEARTBEAT_MS = 15_000;
/** How long events are recorded for a reader who has lost his connection. */
const GRACE_MS = 60_000;
const RECONNECT_MS = 1_000;

export class EventStreams {
  readonly #feed: EventFeed;
  readonly #open = new Set<ServerResponse>();
  #heartbeat: NodeJS.Timeout | undefined;
  #rest: NodeJS.Timeout | undefined;

  constructor(feed: EventFeed) {
    this.#feed = feed;
  }

  /** @throws Problem when too many read already */
  check(): void {
    if (this.#open.size >= MOST_READERS) {
      throw new Problem(503, `${MOST_READERS} readers are connected, and more are not served. Close one of them.`);
    }
  }

  start(response: ServerResponse, queues: ReadonlySet<string> | undefined, after: string | undefined): void {
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
    const reader: Reader = {
      queues,
      push: (text) => {
        write(response, text);
      },
    };
    write(response, `retry: ${RECONNECT_MS}\n\n`);
    this.#feed.add(reader, after);
    this.#open.add(response);
    clearTimeout(this.#rest);
    this.#heartbeat ??= setInterval(() => {
      for (const each of this.#open) write(each, ": still here\n\n");
    }, HEARTBEAT_MS).unref();
    response.on("close", () => {
      this.#feed.remove(reader);
      this.#open.delete(response);
      if (this.#open.size === 0) this.#lastOneGone();
    });
  }

  stop(): void {
    clearInterval(this.#heartbeat);
    clearTimeout(this.#rest);
    for (const response of this.#open) response.destroy();
  }

  #lastOneGone(): void {
    clearInterval(this.#heartbeat);
    this.#heartbeat = undefined;
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => {
      this.#feed.rest();
    }, GRACE_MS).unref();
  }
}

function write(response: ServerResponse, text: string): void {
  if (response.destroyed) return;
  response.write(text);
  if (response.writableLength <= MOST_WAITING_BYTES) return;
  log("warn", "A reader of the event stream is too slow and was dropped.", { waitingBytes: response.writableLength });
  response.destroy();
}
