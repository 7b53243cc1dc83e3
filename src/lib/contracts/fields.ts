/** The fields that several contracts share. */
import { z } from "zod";
import { MAX_TEXT_BYTES, MAX_TEXT_CHARACTERS } from "../domain/message.js";
import { isUser } from "../domain/user.js";

/** Ids are UUIDv7 (RFC 9562, section 5.7), in lower case: one spelling, for they become keys. */
export const id = z.uuidv7({ error: "must be a UUIDv7" }).toLowerCase();

export const user = z
  .string({ error: "must be a string" })
  .refine(isUser, { error: "must be 1 to 128 printable ASCII characters, without %2F, not . or .." });

/** Of a file's bytes. */
export const sha256 = z
  .string({ error: "must be a string" })
  .regex(/^[0-9a-f]{64}$/i, { error: "must be 64 hexadecimal digits" })
  .toLowerCase();

/** A count that starts at 0: a `seq` of a log. */
export const seq = z.int({ error: "must be a whole number" }).min(0, { error: "must not be negative" });

// Everything of general category Cc but tab, line feed and carriage return: what a terminal or a page could stumble over.
// eslint-disable-next-line no-control-regex -- it is the point
const CONTROL_CHARACTERS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/;
const LONE_SURROGATE = /\p{Surrogate}/u;

/** What people write. Counted in code points and in UTF-8 bytes; see the domain for the limits. */
export const text = z
  .string({ error: "must be a string" })
  .refine((value) => value.trim() !== "", { error: "must not be empty" })
  .refine((value) => Array.from(value).length <= MAX_TEXT_CHARACTERS, {
    error: `must be at most ${MAX_TEXT_CHARACTERS} characters`,
  })
  .refine((value) => new TextEncoder().encode(value).length <= MAX_TEXT_BYTES, {
    error: `must be at most ${MAX_TEXT_BYTES} bytes of UTF-8`,
  })
  .refine((value) => !LONE_SURROGATE.test(value), {
    error: "must be well-formed Unicode: it has half a surrogate pair",
  })
  .refine((value) => !CONTROL_CHARACTERS.test(value), { error: "must not have control characters" });
