import type { Trace } from "../ports.js";

/** The trace's id (W3C Trace Context, section 3.2.2.3), for what keeps it. */
export function tracedBy(trace: Trace): { readonly traceId?: string } {
  const traceId = trace?.split("-")[1];
  return traceId === undefined ? {} : { traceId };
}
