/** The HTTP listener: routes, keys, function calls, the host's own endpoints. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { RETURN, type HostFunction } from "../../functions.js";
import type { Invoker } from "../../invoke.js";
import { isAllowed, type Keys } from "../../keys.js";
import { describeError, type Log } from "../../log.js";
import type { HostSection } from "../../settings.js";
import { handleCors } from "./cors.js";
import { decodePath, parseQuery } from "./path.js";
import { BodyTooLarge, DEFAULT_BODY_LIMIT_BYTES, joinHeaders, readBody, toRpcRequest } from "./request.js";
import { RequestQueue, type RequestLimits } from "./request-queue.js";
import { sendEmpty, sendResult } from "./response.js";
import type { HttpFunction } from "./functions.js";

/** A request as the host's own endpoints see it. */
export interface HostRequest {
  readonly method: string;
  /** Decoded. */
  readonly path: string;
  readonly key: string | undefined;
  readonly body: Buffer | undefined;
}

export interface HostAnswer {
  readonly status: number;
  readonly json?: unknown;
}

/** Answers a request to one of the host's own endpoints; undefined when it is none. */
export type HostEndpoints = (request: HostRequest) => HostAnswer | undefined;

const HOST_HEADER = /^[A-Za-z0-9.\-_~:[\]]+$/;
/** As Kestrel keeps connections; Node's 5 s would close them under clients that think for a moment. */
const KEEP_ALIVE_MS = 130_000;
const LARGEST_HEADERS_BYTES = 32_768;
/** Node takes one connection in each turn of its loop: of a busy process more wait than the usual 511, and whoever finds no room tries again after seconds. */
const BACKLOG = 4_096;

export class HttpListener {
  readonly #server: Server;
  readonly #functions: readonly HttpFunction[];
  readonly #invoker: Invoker;
  readonly #keys: Keys;
  readonly #cors: HostSection;
  readonly #endpoints: HostEndpoints;
  readonly #log: Log;
  readonly #bodyLimitBytes: number;
  readonly #queue: RequestQueue;
  readonly #limits: RequestLimits;

  constructor(options: {
    readonly functions: readonly HttpFunction[];
    readonly invoker: Invoker;
    readonly keys: Keys;
    readonly cors: HostSection;
    readonly endpoints: HostEndpoints;
    readonly log: Log;
    readonly limits: RequestLimits;
    readonly bodyLimitBytes?: number;
  }) {
    this.#functions = options.functions;
    this.#invoker = options.invoker;
    this.#keys = options.keys;
    this.#cors = options.cors;
    this.#endpoints = options.endpoints;
    this.#log = options.log;
    this.#limits = options.limits;
    this.#queue = new RequestQueue(options.limits);
    this.#bodyLimitBytes = options.bodyLimitBytes ?? DEFAULT_BODY_LIMIT_BYTES;
    this.#server = createServer(
      { maxHeaderSize: LARGEST_HEADERS_BYTES, keepAliveTimeout: KEEP_ALIVE_MS },
      (request, response) => {
        this.#handle(request, response).catch((error: unknown) => {
          // A client that went away while its body was read, or an answer that cannot be written.
          this.#log("debug", "Host.Http", describeError(error));
          if (response.headersSent) response.destroy();
          else sendEmpty(response, 500);
        });
      },
    );
  }

  /** Resolves to the port; rejects with EADDRINUSE and the like. */
  listen(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ port, host: "127.0.0.1", backlog: BACKLOG }, () => {
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  /** Takes no new requests; those that run go on. */
  stop(): void {
    this.#server.close();
    this.#server.closeIdleConnections();
  }

  close(): void {
    this.#server.closeAllConnections();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Node keeps a Date of its own for this header, which a clock that is moved does not reach.
    response.setHeader("date", new Date().toUTCString());
    const host = request.headers.host ?? "127.0.0.1";
    const { path, query } = splitTarget(request.url ?? "/");
    if (path === undefined || !HOST_HEADER.test(host)) {
      sendEmpty(response, 400);
      return;
    }
    if (handleCors(request, response, this.#cors)) return;
    let body: Buffer | undefined;
    try {
      body = await readBody(request, this.#bodyLimitBytes);
    } catch (error) {
      if (!(error instanceof BodyTooLarge)) throw error;
      response.setHeader("connection", "close");
      sendEmpty(response, 413);
      return;
    }
    const method = request.method ?? "GET";
    const key = keyOf(request, query);
    const own = this.#endpoints({ method, path, key, body });
    if (own !== undefined) {
      sendJson(response, own);
      return;
    }
    const isTaken = await this.#queue.run(() =>
      this.#call(request, response, { method, host, path, query, key, body }),
    );
    if (isTaken) return;
    const { maxOutstandingRequests: limit } = this.#limits;
    this.#log(
      "information",
      "Host.HttpThrottleMiddleware",
      `Http request queue limit of ${String(limit)} has been exceeded.`,
    );
    sendEmpty(response, 429);
  }

  async #call(
    request: IncomingMessage,
    response: ServerResponse,
    { method, host, path, query, key, body }: HostRequest & { readonly host: string; readonly query: string },
  ): Promise<void> {
    const match = this.#match(method, path);
    if (match === undefined) {
      sendEmpty(response, 404);
      return;
    }
    const { fn, authLevel } = match.function;
    if (!isAllowed(this.#keys, authLevel, key, fn.name)) {
      sendEmpty(response, 401);
      return;
    }
    const headers = joinHeaders(request.rawHeaders);
    const result = await this.#invoker.invoke(fn, {
      reason: "This function was programmatically called via the host APIs.",
      data: { http: toRpcRequest({ method, host, path, query, headers, params: match.params, body }) },
      traceParent: headers.get("traceparent"),
      traceState: headers.get("tracestate"),
    });
    // ExceptionMiddleware: an empty 500, the stack is in the log.
    if (!result.succeeded) sendEmpty(response, 500);
    else sendResult(response, returned(fn, result.response));
  }

  #match(
    method: string,
    path: string,
  ): { readonly function: HttpFunction; readonly params: Readonly<Record<string, string>> } | undefined {
    for (const each of this.#functions) {
      if (each.fn.disabled || !each.methods.includes(method)) continue;
      const params = each.route.match(path);
      if (params !== undefined) return { function: each, params };
    }
    return undefined;
  }
}

/** The value of the http output binding: the return value, or the output of that name. */
function returned(fn: HostFunction, response: Parameters<typeof findOutput>[1]): ReturnType<typeof findOutput> {
  const http = fn.outputs.find(({ binding }) => binding.type.toLowerCase() === "http");
  return http === undefined ? undefined : findOutput(http.name, response);
}

function findOutput(
  name: string,
  response: Extract<Awaited<ReturnType<Invoker["invoke"]>>, { readonly succeeded: true }>["response"],
): Parameters<typeof sendResult>[1] {
  return name === RETURN ? response.returnValue : response.outputData?.find((output) => output.name === name)?.data;
}

function splitTarget(target: string): { readonly path: string | undefined; readonly query: string } {
  // The absolute form that proxies use (RFC 9112, section 3.2.2).
  const relative = target.startsWith("/") ? target : target.replace(/^[a-z]+:\/\/[^/?]*/i, "");
  const question = relative.indexOf("?");
  const raw = question === -1 ? relative : relative.slice(0, question);
  return {
    path: decodePath(raw.startsWith("/") ? raw : `/${raw}`),
    query: question === -1 ? "" : relative.slice(question + 1),
  };
}

function keyOf(request: IncomingMessage, query: string): string | undefined {
  const header = request.headers["x-functions-key"];
  if (typeof header === "string" && header !== "") return header;
  for (const [name, value] of parseQuery(query)) if (name.toLowerCase() === "code") return value;
  return undefined;
}

function sendJson(response: ServerResponse, { status, json }: HostAnswer): void {
  if (json === undefined) {
    sendEmpty(response, status);
    return;
  }
  const body = Buffer.from(`${JSON.stringify(json)}\n`);
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    "content-length": body.length,
    "cache-control": "no-store",
  });
  response.end(body);
}
