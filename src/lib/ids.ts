import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { v7 } from "uuid";

/** A new id: UUIDv7 (RFC 9562, section 5.7), which sorts by the time at which it was made. */
export const uuidv7 = (): string => v7();

/** The same for the same failure, so that reporting it twice is one: 32 hexadecimal digits. */
export const failureId = (parts: readonly unknown[]): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);

/** 128 bits that nobody can guess, as 22 characters of base64url. */
export const secret = (): string => randomBytes(16).toString("base64url");

/** Compares without telling by its time how much of it was right. */
export function isSameSecret(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
