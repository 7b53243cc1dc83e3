/** Asks a functions host how it is. */
import { setTimeout as delay } from "node:timers/promises";
import type { HostStatus } from "../control/idle.js";
import { StartError } from "../part.js";

const POLL_MS = 20;
const READY_WITHIN_MS = 15_000;

/** Resolves when the host has connected all its triggers. */
export async function awaitHost(address: string, isAlive: () => boolean): Promise<HostStatus> {
  const signal = AbortSignal.timeout(READY_WITHIN_MS);
  while (isAlive()) {
    const status = await getJson<HostStatus>(`${address}/_local/status`, signal).catch(() => undefined);
    if (status?.ready === true) return status;
    if (signal.aborted) {
      throw new StartError(
        `functions did not become ready within ${READY_WITHIN_MS / 1_000} s. Its log says what it waits for.`,
      );
    }
    await delay(POLL_MS);
  }
  throw new StartError("functions: ended before it was ready. Its log says why.");
}

export async function getJson<T>(url: string, signal: AbortSignal): Promise<T> {
  const response = await fetch(url, { signal });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return (await response.json()) as T;
}
