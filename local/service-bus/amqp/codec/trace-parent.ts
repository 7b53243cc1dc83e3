import { parseTraceParent, type TraceParent } from "../../../spans.js";
import { APPLICATION_PROPERTIES, readSections } from "./sections.js";
import { pairsOf, readTyped } from "./typed.js";

/** The trace that an encoded message carries, as Azure's SDKs and W3C name it. */
export function traceParentIn(encoded: Buffer): TraceParent | undefined {
  const section = readSections(encoded).find(({ code }) => code === APPLICATION_PROPERTIES);
  if (section === undefined) return undefined;
  const properties = new Map(pairsOf(readTyped(encoded.subarray(section.value, section.end))));
  return parseTraceParent((properties.get("traceparent") ?? properties.get("Diagnostic-Id"))?.value);
}
