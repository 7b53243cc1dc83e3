/**
 * What proves later what a message said, without keeping what it said: a keyed hash (HMAC-SHA256, RFC 2104) of who said what
 * where. Without the key nobody can tell by it even a message of one word.
 */
import { createHash, createHmac } from "node:crypto";
import { isSameSecret } from "./ids.js";
import type { Evidence, Said } from "./ports-operations.js";

/** @param keys the first one makes proofs, all of them verify; with none there are no proofs */
export function evidenceOf(keys: readonly string[]): Evidence {
  const [newest] = keys;
  return {
    proofOf: (said) => (newest === undefined ? undefined : proof(newest, said)),
    proves: (given, said) =>
      keys.some((key) => given.startsWith(`${nameOf(key)}.`) && isSameSecret(given, proof(key, said))),
  };
}

/** Which key it was made with, for there may be several; says nothing of the key. */
const nameOf = (key: string): string => createHash("sha256").update(`name:${key}`).digest("hex").slice(0, 8);

const proof = (key: string, { conversationId, messageId, author, content }: Said): string => {
  const digest = createHmac("sha256", key).update(JSON.stringify([conversationId, messageId, author, content]));
  return `${nameOf(key)}.${digest.digest("base64url")}`;
};
