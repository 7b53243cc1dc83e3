import { randomFillSync } from "node:crypto";

const TOKEN_BYTES = 16;
const POOL_BYTES = 256 * TOKEN_BYTES;

const pool = Buffer.alloc(POOL_BYTES);
let used = POOL_BYTES;

/** A random lock token in hexadecimal, in RFC 4122's byte order. Random bytes are drawn by the pool: one call each is dear. */
export function newLockToken(): string {
  if (used === POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  const token = pool.toString("hex", used, used + TOKEN_BYTES);
  used += TOKEN_BYTES;
  return token;
}

/** The token as a delivery tag: .NET's byte order, the first three fields reversed. */
export function toDeliveryTag(token: string): Buffer {
  const tag = Buffer.from(token, "hex");
  tag.subarray(0, 4).reverse();
  tag.subarray(4, 6).reverse();
  tag.subarray(6, 8).reverse();
  return tag;
}

/** The token as an AMQP uuid. */
export function toUuid(token: string): Buffer {
  return Buffer.from(token, "hex");
}

export function fromUuid(uuid: Buffer): string {
  return uuid.toString("hex");
}
