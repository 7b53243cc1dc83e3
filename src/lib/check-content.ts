/** What a file's content is, read once from end to end and never held whole. */
import { createHash } from "node:crypto";

/** Enough for every magic number, and for the first entries of a container. */
const HEAD_BYTES = 64 * 1024;

export interface Content {
  readonly size: number;
  /** SHA-256, hexadecimal. */
  readonly sha256: string;
  /** What the first bytes say it is. */
  readonly type: string | undefined;
  readonly looksLikeText: boolean;
}

export async function checkContent(bytes: AsyncIterable<Uint8Array>): Promise<Content> {
  const hash = createHash("sha256");
  const head: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of bytes) {
    hash.update(chunk);
    if (size < HEAD_BYTES) head.push(chunk.subarray(0, HEAD_BYTES - size));
    size += chunk.length;
  }
  const start = Buffer.concat(head);
  return { size, sha256: hash.digest("hex"), type: await recognise(start), looksLikeText: isText(start) };
}

async function recognise(head: Uint8Array): Promise<string | undefined> {
  // Loaded on demand: no other function needs it.
  const { fileTypeFromBuffer } = await import("file-type");
  return (await fileTypeFromBuffer(head))?.mime;
}

/** UTF-8 without NUL. The head may end in the midst of a character. */
function isText(head: Uint8Array): boolean {
  if (head.includes(0)) return false;
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(head, { stream: true });
    return true;
  } catch {
    return false;
  }
}
