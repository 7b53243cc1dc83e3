import type { BenchStack } from "./stack.js";

/** What the broker bills: one for each message that is sent or scheduled, delivered, settled (Service Bus pricing, FAQ). */
const OPERATION =
  /^servicebus_messages_(?:sent|received|completed|abandoned|deferred|dead_lettered|canceled)_total\{[^}]*\} (\d+)$/gm;

/** Operations of Service Bus so far, by the stand-in's own metrics. */
export async function billedOperations(stack: BenchStack): Promise<number> {
  const management = (await stack.parts()).get("service-bus")?.management ?? "";
  const page = await (await fetch(`${management}/metrics`)).text();
  return [...page.matchAll(OPERATION)].reduce((sum, [, value]) => sum + Number(value), 0);
}
