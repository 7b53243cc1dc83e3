/** The app's own push service, told which users wait for which message. Signed as https://www.standardwebhooks.com asks. */
import { createHmac } from "node:crypto";
import type { Hook } from "./ports.js";

const TIMEOUT_MS = 10_000;

/**
 * Where a hook may be: HTTPS, or this machine, where a developer's service has no certificate. Only a setting names it, never a
 * caller.
 */
export function isHookAddress(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const url = new URL(address);
  if (url.username !== "" || url.password !== "") return false;
  return (
    url.protocol === "https:" ||
    (url.protocol === "http:" && ["127.0.0.1", "[::1]", "localhost"].includes(url.hostname))
  );
}

/** Of Standard Webhooks, version 1: HMAC-SHA256 over id, time in seconds and body. */
export function signatureOf(secret: string, id: string, timestamp: string, body: string): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  return `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64")}`;
}

/**
 * @param secret base64, after `whsec_` if that stands before it
 * @param now milliseconds since the epoch
 */
export const webhook = (address: string, secret: string, now: () => number): Hook => ({
  tell: async (id, notice) => {
    const timestamp = Math.floor(now() / 1_000).toString();
    const body = JSON.stringify({ type: "message.waiting", timestamp: new Date(now()).toISOString(), data: notice });
    try {
      const response = await fetch(address, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          "webhook-id": id,
          "webhook-timestamp": timestamp,
          "webhook-signature": signatureOf(secret, id, timestamp, body),
        },
        body,
        // Where it leads to is not what was configured.
        redirect: "manual",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      await response.body?.cancel();
      if (response.status === 410) return "gone";
      return response.ok ? "taken" : "later";
    } catch {
      return "later";
    }
  },
});
