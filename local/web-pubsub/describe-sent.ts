import { idsOf, type LocalEvent } from "../recent-events.js";
import { parseTraceParent, type SpanSender } from "../spans.js";
import type { Sent } from "./rest/call.js";

/** Engine.IO message, Socket.IO event; namespace and acknowledgement id may follow. */
const EVENT = /^42(?:\/[^,]*,)?\d*(\[[^]*)$/;

/** What was sent and how many it reached: names, numbers and ids, not what it says. */
export function describeSent({ hub, to, filter, payload, reached, lost }: Sent, now: number): LocalEvent {
  const [name, argument] = argumentsOf(payload);
  const room = to["group"] === undefined ? undefined : roomOf(to["group"]);
  return {
    kind: "sent",
    at: new Date(now).toISOString(),
    hub,
    ...(room === undefined ? to : { room }),
    ...(filter === undefined ? {} : { filter }),
    ...(typeof name === "string" ? { event: name } : {}),
    ids: idsOf(argument),
    reached,
    ...(lost === true ? { lost } : {}),
  };
}

/** A span for what a caller with a trace has sent: until it was written to the sockets. */
export function reportSent({ hub, reached, lost, traceParent, since }: Sent, now: number, spans: SpanSender): void {
  const parent = parseTraceParent(traceParent);
  if (!spans.wanted || parent === undefined) return;
  const attributes = {
    "messaging.system": "webpubsub",
    "messaging.destination.name": hub,
    "webpubsub.reached": reached,
  };
  spans.report({ name: "write to sockets", parent, start: since, end: now, attributes, failed: lost === true });
}

function argumentsOf(payload: string): readonly unknown[] {
  try {
    const parsed: unknown = JSON.parse(EVENT.exec(payload)?.[1] ?? "[]");
    return Array.isArray(parsed) ? parsed : [];
  } catch {
    return [];
  }
}

/** The room that a group stands for: `0~{namespace}~{room}`, both in base64url. */
function roomOf(group: string): string {
  const [kind, , room] = group.split("~");
  return kind === "0" && room !== undefined ? Buffer.from(room, "base64url").toString("utf8") : group;
}
