import type { IncomingMessage } from "node:http";
import { badRequest, RestProblem } from "./problem.js";

/** The service takes no larger body (REST API, `:send`). */
const LARGEST_BODY_BYTES = 1024 * 1024;

/** Beyond this nobody waits for the rest of a body that is refused. */
const MOST_DRAINED_BYTES = 64 * 1024 * 1024;

/**
 * The whole body. One that is too large is read to its end before it is refused: a client that is cut off while it sends sees
 * a broken connection instead of the answer, and repeats the call.
 *
 * @throws RestProblem (400) for a body of more than 1 MiB, or one that does not say its length.
 */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= LARGEST_BODY_BYTES) chunks.push(chunk);
    else if (length > MOST_DRAINED_BYTES) break;
  }
  if (length > LARGEST_BODY_BYTES || (length > 0 && request.headers["content-length"] === undefined)) {
    throw badRequest("Invalid Content-Length header.");
  }
  return Buffer.concat(chunks);
}

/** @throws RestProblem (415) when the request's media type is none of these. */
export function mediaTypeOf(request: IncomingMessage, supported: readonly string[]): string {
  const mediaType = (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  if (!supported.includes(mediaType)) {
    throw new RestProblem(415, "UnsupportedMediaType", `Content-Type must be ${supported.join(", ")}.`);
  }
  return mediaType;
}

export function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    throw badRequest("The request body is not a valid JSON.");
  }
}
