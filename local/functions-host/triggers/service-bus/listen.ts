/** The listener that a Service Bus trigger needs. */
import { BatchListener } from "./batch.js";
import type { Listener, ListenerContext } from "./processor.js";
import { QueueListener } from "./queue.js";
import { SessionListener } from "./sessions.js";

export function createListener(context: ListenerContext): Listener {
  if (context.trigger.many) return new BatchListener(context);
  return context.trigger.sessions ? new SessionListener(context) : new QueueListener(context);
}
