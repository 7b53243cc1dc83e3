import { createHash } from "node:crypto";
import { v7 } from "uuid";

/** A new id: UUIDv7 (RFC 9562, section 5.7), which sorts by the time at which it was made. */
export const uuidv7 = (): string => v7();

/** The same for the same failure, so that reporting it twice is one: 32 hexadecimal digits. */
export const failureId = (parts: readonly unknown[]): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
