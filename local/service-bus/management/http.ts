/**
 * HTTP for this machine only. A page on the internet can make a browser send requests to loopback, and can rename its own host to
 * 127.0.0.1 (DNS rebinding). So each request must name a loopback `Host`; its `Origin`, if it has one, must be loopback; and
 * what a browser sends for another site without an `Origin` (an image, a script) is known by `Sec-Fetch-Site`.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { isLoopback, listenOnLoopback, type LoopbackServer } from "../../loopback-server.js";
import { errorText, log } from "../log.js";
import { Problem, problemFrom } from "./problem.js";

const LARGEST_BODY_BYTES = 1024 * 1024;
const METHODS = "GET, PUT, POST, DELETE";

export interface Request {
  readonly method: string;
  /** Decoded. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  /** The JSON body; undefined without one. */
  readonly body: unknown;
}

/** An answer in JSON or in plain text, or somebody who writes it himself. */
export type Answer =
  | { readonly status: number; readonly json?: unknown; readonly headers?: Readonly<Record<string, string>> }
  | { readonly status: number; readonly text: string; readonly type: string }
  | { readonly stream: (response: ServerResponse) => void };

export type Handle = (request: Request) => Answer | Promise<Answer>;

/** Listens on loopback. Rejects with the system's error when the port cannot be had. */
export function serve(port: number, handle: Handle): Promise<LoopbackServer> {
  const server = createServer((request, response) => {
    answer(request, handle)
      .catch((error: unknown) => failure(error))
      .then((result) => {
        send(request, response, result);
      })
      .catch((error: unknown) => {
        log("error", "A request could not be answered.", { error: errorText(error) });
        response.destroy();
      });
  });
  return listenOnLoopback(server, port);
}

async function answer(request: IncomingMessage, handle: Handle): Promise<Answer> {
  checkCaller(request);
  const method = request.method ?? "GET";
  if (method === "OPTIONS") return { status: 204 };
  const url = new URL(request.url ?? "/", "http://127.0.0.1");
  return handle({
    // A HEAD is a GET whose body Node does not write.
    method: method === "HEAD" ? "GET" : method,
    path: segmentsOf(url.pathname),
    query: url.searchParams,
    headers: request.headers,
    body: await readJson(request),
  });
}

function checkCaller(request: IncomingMessage): void {
  const { origin, host, "sec-fetch-site": site } = request.headers;
  const isForeign =
    !isLoopback(`http://${host ?? ""}`) ||
    (origin !== undefined && !isLoopback(origin)) ||
    (origin === undefined && site === "cross-site");
  if (isForeign) throw new Problem(403, "Only pages and programs of this machine may ask.");
}

function segmentsOf(path: string): string[] {
  try {
    return path.split("/").filter(Boolean).map(decodeURIComponent);
  } catch {
    throw new Problem(400, "The path has a percent sign that does not begin an escape.");
  }
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > LARGEST_BODY_BYTES)
      throw new Problem(413, `A body may have ${LARGEST_BODY_BYTES} bytes at most.`, { connection: "close" });
    chunks.push(chunk);
  }
  if (length === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    throw new Problem(400, "The body is not JSON.");
  }
}

function failure(error: unknown): Answer {
  let problem = problemFrom(error);
  if (problem === undefined) {
    log("error", "An unexpected error.", { error: errorText(error) });
    problem = new Problem(500, "The request could not be processed; the log of the service bus says why.");
  }
  const headers = { "content-type": "application/problem+json", ...problem.headers };
  return { status: problem.status, json: problem, headers };
}

function send(request: IncomingMessage, response: ServerResponse, result: Answer): void {
  if (response.destroyed) return;
  const { origin } = request.headers;
  if (origin !== undefined && isLoopback(origin)) {
    response.setHeader("access-control-allow-origin", origin);
    response.setHeader("access-control-allow-methods", METHODS);
    response.setHeader("access-control-allow-headers", "content-type, last-event-id");
  }
  response.setHeader("vary", "origin");
  response.setHeader("cache-control", "no-store");
  response.setHeader("x-content-type-options", "nosniff");
  if ("stream" in result) {
    result.stream(response);
    return;
  }
  response.statusCode = result.status;
  if ("text" in result) {
    response.setHeader("content-type", result.type);
    response.end(result.text);
    return;
  }
  for (const [name, value] of Object.entries(result.headers ?? {})) response.setHeader(name, value);
  if (result.json === undefined) {
    response.end();
    return;
  }
  if (!response.hasHeader("content-type")) response.setHeader("content-type", "application/json; charset=utf-8");
  response.end(`${JSON.stringify(result.json)}\n`);
}
