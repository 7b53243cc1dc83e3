/** What is worth knowing only now: who is writing, who is there. Nothing of it is stored; who misses it misses little. */
import type { Presence } from "../contracts/http.js";
import type { PresenceShape } from "../contracts/shapes.js";
import type { Ports } from "../ports.js";
import { isApart } from "./block-user.js";
import { requireMember } from "./membership.js";

/** Longer than the minute after which browsers wake a hidden tab. */
const LEASE_MS = 75_000;
const HEARTBEAT_SECONDS = 30;

/** Tells the others that the caller is writing; at most one a second and conversation. @throws conversation-unknown */
export async function signalTyping(ports: Ports, caller: string, conversationId: string): Promise<void> {
  await requireMember(ports, conversationId, caller);
  const now = ports.clock.now();
  if (isTooOften(ports, `typing:${conversationId}`, now)) return;
  if (await isApart(ports, caller, conversationId)) return;
  await ports.realtime
    .publish("typing", { conversationId, at: new Date(now).toISOString(), user: caller })
    .catch(() => undefined);
}

/** Tells the others that the caller is there, for as long as the lease lasts, or is no more. @throws conversation-unknown */
export async function signalPresence(
  ports: Ports,
  caller: string,
  conversationId: string,
  { state }: Presence,
): Promise<PresenceShape> {
  await requireMember(ports, conversationId, caller);
  const now = ports.clock.now();
  const lease = state === "here" ? { until: new Date(now + LEASE_MS).toISOString() } : {};
  const isNews = !isTooOften(ports, `presence:${conversationId}:${caller}:${state}`, now);
  if (isNews && !(await isApart(ports, caller, conversationId))) {
    await ports.realtime
      .publish("presence", { conversationId, at: new Date(now).toISOString(), user: caller, ...lease })
      .catch(() => undefined);
  }
  return { ...lease, heartbeatSeconds: HEARTBEAT_SECONDS };
}

/** Everyone's every keystroke to everyone would be noise, and cost as such. Each process counts for itself. */
function isTooOften({ recent }: Ports, what: string, now: number): boolean {
  const key = `${what}:${String(Math.floor(now / 1000))}`;
  if (recent.has(key)) return true;
  recent.add(key);
  return false;
}
