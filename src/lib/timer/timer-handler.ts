/** What every timer function has in common: a span of its own, for nobody has caused it, and a line of what it has done. */
import type { InvocationContext, TimerHandler } from "@azure/functions";
import type { Trace } from "../ports.js";
import { services, tracing, type Services } from "../services.js";
import { SpanKind, inSpan } from "../spans.js";
import { within } from "../within.js";

type Call = Pick<Services, "ports" | "dependencies"> & { readonly trace: Trace };

/** A timer function. @param run resolves with what goes to the log; with undefined when there is nothing to say */
export const timerHandler =
  (subject: string, run: (call: Call) => Promise<object | undefined>): TimerHandler =>
  async (_timer, context: InvocationContext) => {
    const [{ ports, dependencies }] = await Promise.all([services(), tracing()]);
    const { functionName, invocationId, traceContext } = context;
    const attributes = { "faas.name": functionName, "faas.invocation_id": invocationId, "faas.trigger": "timer" };
    const span = { name: functionName, kind: SpanKind.INTERNAL, parent: traceContext?.traceParent, attributes };
    await inSpan(span, async (trace) => {
      const done = await run({ ports: within(ports, trace), dependencies, trace });
      if (done !== undefined) context.log(JSON.stringify({ subject, ...done }));
    });
  };
