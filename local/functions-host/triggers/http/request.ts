/** HTTP requests on their way to a function, as the host hands them to its worker (GrpcMessageConversionExtensions.cs). */
import type { IncomingMessage } from "node:http";
import type { Nullable, RpcHttp } from "../../rpc.js";
import { encodePath, parseQuery } from "./path.js";

/** `FUNCTIONS_REQUEST_BODY_SIZE_LIMIT`'s default. */
export const DEFAULT_BODY_LIMIT_BYTES = 104_857_600;

export class BodyTooLarge extends Error {}

/**
 * Reads a body that has a Content-Length. A chunked body is read and dropped, as the real host does without HTTP streaming.
 * @throws BodyTooLarge
 */
export async function readBody(request: IncomingMessage, limitBytes: number): Promise<Buffer | undefined> {
  const length = Number(request.headers["content-length"] ?? 0);
  if (length > limitBytes) throw new BodyTooLarge();
  if (!(length > 0)) {
    request.resume();
    return undefined;
  }
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Header values by lower-case name, repeated ones joined with a comma. */
export function joinHeaders(rawHeaders: readonly string[]): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? "").toLowerCase();
    const value = rawHeaders[i + 1] ?? "";
    const known = headers.get(name);
    headers.set(name, known === undefined ? value : `${known},${value}`);
  }
  return headers;
}

/** The request as the library takes it; `path` is the decoded path, `query` the raw text after the question mark. */
export function toRpcRequest(options: {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly params: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
}): RpcHttp {
  const { method, host, path, query, headers, params, body } = options;
  return {
    method,
    url: `http://${host}${encodePath(path)}${query === "" ? "" : `?${query}`}`,
    nullableHeaders: nullable(headers),
    nullableQuery: nullable(parseQuery(query)),
    nullableParams: nullable(new Map(Object.entries(params))),
    body: body === undefined ? null : { bytes: body },
  };
}

function nullable(values: ReadonlyMap<string, string>): Record<string, Nullable<string>> {
  // Without a prototype, so that a query of `__proto__=1` is a key like any other.
  const result = Object.create(null) as Record<string, Nullable<string>>;
  for (const [name, value] of values) result[name] = { value };
  return result;
}
