/**
 * What happens in all parts, as one stream of server-sent events: messages in the broker, runs of functions, what is sent to
 * sockets, jumps of the clock. Nothing is asked before somebody has listened; from then on the last events are kept for the next.
 */
import type { ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { LocalEvent } from "../recent-events.js";
import type { Doors } from "./gateway.js";

const KEPT = 5_000;
const POLL_MS = 150;
const RETRY_MS = 500;

export interface HubEvent extends LocalEvent {
  readonly source: "service-bus" | "functions" | "web-pubsub" | "control";
}

export class EventHub {
  readonly #doors: Doors;
  readonly #ended = new AbortController();
  readonly #events: string[] = [];
  readonly #listeners = new Set<ServerResponse>();
  #isStarted = false;

  constructor(doors: Doors) {
    this.#doors = doors;
  }

  /** Sends what is kept, then what happens. */
  listen(response: ServerResponse): void {
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
    response.write(`retry: 1000\n\n${this.#events.join("")}`);
    this.#listeners.add(response);
    response.on("close", () => {
      this.#listeners.delete(response);
    });
    if (this.#isStarted) return;
    this.#isStarted = true;
    void this.#followBroker();
    void this.#poll("functions", () => this.#doors.functions());
    void this.#poll("web-pubsub", () => this.#doors.webPubSub());
  }

  publish(event: HubEvent): void {
    const text = `data: ${JSON.stringify(event)}\n\n`;
    this.#events.push(text);
    if (this.#events.length > KEPT) this.#events.shift();
    for (const response of this.#listeners) response.write(text);
  }

  stop(): void {
    this.#ended.abort();
    for (const response of this.#listeners) response.destroy();
  }

  async #followBroker(): Promise<void> {
    for (let last = ""; !this.#isOver();) {
      try {
        const { signal } = this.#ended;
        const headers = last === "" ? {} : { "last-event-id": last };
        const response = await fetch(`${this.#doors.serviceBus() ?? ""}/events`, { signal, headers });
        let text = "";
        for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
          const blocks = (text + chunk).split("\n\n");
          text = blocks.pop() ?? "";
          for (const block of blocks) last = this.#takeBlock(block) ?? last;
        }
      } catch {
        // It is away, or about to start: again, behind what is known.
      }
      await this.#wait(RETRY_MS);
    }
  }

  /** One event of the broker's stream; answers its id. */
  #takeBlock(block: string): string | undefined {
    const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1];
    const [kind, data, id] = [field("event"), field("data"), field("id")];
    if (kind === undefined || data === undefined || kind === "ready") return id;
    const at = new Date().toISOString();
    this.publish({ at, ...(JSON.parse(data) as object), source: "service-bus", kind });
    return id;
  }

  /** The functions and the sockets are asked a few times a second, and only while somebody looks. */
  async #poll(source: "functions" | "web-pubsub", address: () => string | undefined): Promise<void> {
    for (let after = 0; !this.#isOver();) {
      await this.#wait(POLL_MS);
      if (this.#listeners.size === 0) continue;
      try {
        const response = await fetch(`${address() ?? ""}/_local/events/${after}`, { signal: this.#ended.signal });
        const { events, next } = (await response.json()) as { events: readonly LocalEvent[]; next: number };
        for (const event of events) this.publish({ ...event, source });
        after = next;
      } catch {
        // It is away, or about to start.
      }
    }
  }

  #isOver(): boolean {
    return this.#ended.signal.aborted;
  }

  async #wait(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#ended.signal }).catch(() => undefined);
  }
}
