/** An event handler as an application has one: a small HTTP server that keeps what it was sent. */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export class EventHandler {
  readonly received: Received[] = [];
  /** What it answers; a promise holds the event back. */
  reply: (event: Received) => Reply | Promise<Reply> = (event) => this.usual(event);
  readonly #changes = new EventTarget();
  readonly #server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      const event = { method, url, headers, body: Buffer.concat(chunks).toString() };
      this.received.push(event);
      this.#changes.dispatchEvent(new Event("change"));
      void Promise.resolve(this.reply(event)).then(({ status, headers: more = {}, body = "" }) => {
        response.writeHead(status, more).end(body);
      });
    });
  });

  async start(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Allows whoever asks, and takes every event. */
  usual({ method }: Received): Reply {
    return method === "OPTIONS" ? { status: 200, headers: { "webhook-allowed-origin": "*" } } : { status: 204 };
  }

  /** The first event, past or to come, that is meant. */
  async waitFor(isMeant: (event: Received) => boolean): Promise<Received> {
    for (;;) {
      const found = this.received.find(isMeant);
      if (found !== undefined) return found;
      await new Promise((resolve) => {
        this.#changes.addEventListener("change", resolve, { once: true });
      });
    }
  }

  event(name: string, socketId?: string): Promise<Received> {
    return this.waitFor(
      ({ method, headers }) =>
        method === "POST" &&
        headers["ce-eventname"] === name &&
        (socketId === undefined || headers["ce-socketid"] === socketId),
    );
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
