/**
 * A small JSON-over-HTTP server for this machine only: bound to loopback, and closed to web pages from elsewhere.
 *
 * A page on the internet can make a browser send requests to loopback, and can rename its own host to 127.0.0.1 (DNS
 * rebinding). So each request must name a loopback `Host`, and its `Origin`, if it has one, must be loopback too.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const LARGEST_BODY_BYTES = 64 * 1024;

export interface LocalRequest {
  readonly method: string;
  readonly url: URL;
  /** The parsed JSON body; undefined without one. */
  readonly body: unknown;
  /** Aborts when the caller hangs up. */
  readonly signal: AbortSignal;
}

/** An answer in JSON, a file, or somebody who writes it himself. */
export type LocalAnswer =
  | { readonly status: number; readonly body?: unknown }
  | { readonly status: number; readonly content: Buffer; readonly headers: Readonly<Record<string, string>> }
  | { readonly stream: (response: ServerResponse) => void };

export interface LoopbackServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** An answer that says what is wrong with a request. */
export class RequestError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export function startLoopbackServer(
  port: number,
  handle: (request: LocalRequest) => LocalAnswer | Promise<LocalAnswer>,
  largestBodyBytes = LARGEST_BODY_BYTES,
): Promise<LoopbackServer> {
  const server = createServer((request, response) => {
    answerLocally(request, response, handle, largestBodyBytes);
  });
  return listenOnLoopback(server, port);
}

/** Answers one request of whatever server, with the same care. */
export function answerLocally(
  request: IncomingMessage,
  response: ServerResponse,
  handle: (request: LocalRequest) => LocalAnswer | Promise<LocalAnswer>,
  largestBodyBytes = LARGEST_BODY_BYTES,
): void {
  answer(request, response, { handle, largestBodyBytes }).catch((error: unknown) => {
    console.error("A request could not be answered:", error);
    response.destroy();
  });
}

/** Rejects with the system's error when the port cannot be had. */
export async function listenOnLoopback(server: Server, port: number): Promise<LoopbackServer> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  {
    handle,
    largestBodyBytes,
  }: {
    readonly handle: (request: LocalRequest) => LocalAnswer | Promise<LocalAnswer>;
    readonly largestBodyBytes: number;
  },
): Promise<void> {
  const { origin, host } = request.headers;
  if (!isLoopback(`http://${host ?? ""}`) || (origin !== undefined && !isLoopback(origin))) {
    send(response, { status: 403, body: { error: "Only pages and programs of this machine may ask." } });
    return;
  }
  if (origin !== undefined) allowOrigin(origin, response);
  if (request.method === "OPTIONS") {
    send(response, { status: 204 });
    return;
  }
  const hangUp = new AbortController();
  response.on("close", () => {
    hangUp.abort();
  });
  try {
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    const body = await readJson(request, largestBodyBytes);
    send(response, await handle({ method: request.method ?? "GET", url, body, signal: hangUp.signal }));
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    send(response, { status: error.status, body: { error: error.message } });
  }
}

/** Whether a URL, or an origin, is of this machine. */
export function isLoopback(url: string): boolean {
  try {
    return ["127.0.0.1", "localhost", "[::1]"].includes(new URL(url).hostname);
  } catch {
    return false;
  }
}

function allowOrigin(origin: string, response: ServerResponse): void {
  response.setHeader("access-control-allow-origin", origin);
  response.setHeader("access-control-allow-headers", "authorization, content-type");
  response.setHeader("access-control-allow-methods", "GET, POST, PUT, DELETE");
  response.setHeader("access-control-max-age", "600");
  response.setHeader("vary", "origin");
}

async function readJson(request: IncomingMessage, largestBytes: number): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > largestBytes) throw new RequestError(413, `A body may have ${largestBytes} bytes at most.`);
    chunks.push(chunk);
  }
  if (length === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw new RequestError(400, "The body is not JSON.");
  }
}

function send(response: ServerResponse, answer: LocalAnswer): void {
  if (response.destroyed) return;
  response.setHeader("cache-control", "no-store");
  if ("stream" in answer) {
    answer.stream(response);
    return;
  }
  response.statusCode = answer.status;
  if ("content" in answer) {
    for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value);
    response.end(answer.content);
    return;
  }
  if (answer.body === undefined) {
    response.end();
    return;
  }
  response.setHeader("content-type", "application/json; charset=utf-8");
  response.end(`${JSON.stringify(answer.body)}\n`);
}
