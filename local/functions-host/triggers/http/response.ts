/** A function's answer on its way to the client. */
import type { ServerResponse } from "node:http";
import type { RpcCookie, RpcHttp, TypedData } from "../../rpc.js";

/** Headers that the server itself decides, for the body is sent whole. */
const OWN_HEADERS = ["content-length", "transfer-encoding", "connection", "keep-alive"];

/** Sends what a function returned; nothing returned is 204. */
export function sendResult(response: ServerResponse, value: TypedData | null | undefined): void {
  if (value?.http === undefined) {
    sendEmpty(response, 204);
    return;
  }
  const { http } = value;
  const body = bodyBytes(http);
  response.statusCode = Number(http.statusCode ?? 200);
  for (const [name, content] of Object.entries(http.headers ?? {})) {
    if (!OWN_HEADERS.includes(name.toLowerCase())) response.setHeader(name, content);
  }
  for (const cookie of http.cookies ?? []) response.appendHeader("set-cookie", formatCookie(cookie));
  if (body.length > 0 && !response.hasHeader("content-type")) {
    response.setHeader("content-type", "application/octet-stream");
  }
  const bodyless = response.statusCode === 204 || response.statusCode === 205 || response.statusCode === 304;
  if (!bodyless) response.setHeader("content-length", body.length);
  response.end(bodyless ? undefined : body);
}

/** An answer without a body, as the real host's own are. */
export function sendEmpty(response: ServerResponse, status: number): void {
  response.statusCode = status;
  if (status !== 204) response.setHeader("content-length", 0);
  response.end();
}

function bodyBytes(http: RpcHttp): Buffer {
  const { body } = http;
  if (body?.bytes !== undefined) return Buffer.from(body.bytes);
  return Buffer.from(body?.string ?? body?.json ?? "");
}

/** A `Set-Cookie` as ASP.NET Core writes it (SetCookieHeaderValue.cs): lower-case attributes, `path=/` unless another is given. */
export function formatCookie(cookie: RpcCookie): string {
  const parts = [`${cookie.name}=${encodeURIComponent(cookie.value)}`];
  if (cookie.expires) parts.push(`expires=${new Date(cookie.expires.value.seconds * 1000).toUTCString()}`);
  if (cookie.maxAge) parts.push(`max-age=${Math.trunc(cookie.maxAge.value)}`);
  if (cookie.domain) parts.push(`domain=${cookie.domain.value}`);
  parts.push(`path=${cookie.path?.value ?? "/"}`);
  if (cookie.secure?.value === true) parts.push("secure");
  if (cookie.sameSite === "lax" || cookie.sameSite === "strict") parts.push(`samesite=${cookie.sameSite}`);
  if (cookie.sameSite === "explicitNone") parts.push("samesite=none");
  if (cookie.httpOnly?.value === true) parts.push("httponly");
  return parts.join("; ");
}
