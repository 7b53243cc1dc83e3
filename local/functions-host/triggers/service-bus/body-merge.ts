/**
 * What the host does with a message whose body is a JSON object: it copies the top-level properties over the binding data
 * (`Utility.ApplyBindingData`, with Newtonsoft.Json), so that a body's `messageId` hides the message's own.
 */
import type { TypedData } from "../../rpc.js";

/** A text that Newtonsoft.Json takes for a date while it reads. */
const DATE = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,7})?(?:Z|[+-]\d{2}:?\d{2})?$/;

/** The metadata with the body's properties over it; keys know no case. Arrays and nulls are left out. */
export function mergeBody(
  metadata: Readonly<Record<string, TypedData>>,
  body: string,
): Readonly<Record<string, TypedData>> {
  const properties = parseObject(body);
  if (properties === undefined) return metadata;
  const merged = new Map(Object.entries(metadata).map((entry) => [entry[0].toLowerCase(), entry]));
  for (const [name, value] of Object.entries(properties)) {
    const data = toBindingData(value);
    if (data === undefined) continue;
    merged.set(name.toLowerCase(), [merged.get(name.toLowerCase())?.[0] ?? name, data]);
  }
  return Object.fromEntries(merged.values());
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  const trimmed = text.trim();
  if (!trimmed.startsWith("{") || !trimmed.endsWith("}")) return undefined;
  try {
    return JSON.parse(trimmed) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** Everything but an object becomes a text; the library parses texts that are JSON, so a number comes back as one. */
function toBindingData(value: unknown): TypedData | undefined {
  switch (typeof value) {
    case "string":
      return { string: DATE.test(value) ? invariantDate(value) : value };
    case "number":
      return { string: String(value) };
    case "boolean":
      return { string: value ? "True" : "False" };
    case "object":
      return value === null || Array.isArray(value) ? undefined : { json: JSON.stringify(value) };
    default:
      return undefined;
  }
}

/** A DateTime in .NET's invariant culture: `11/23/2026 08:00:00`. */
function invariantDate(text: string): string {
  const zoned = /(?:Z|[+-]\d{2}:?\d{2})$/.test(text) ? text : `${text}Z`;
  const date = new Date(zoned.replace(/(\.\d{3})\d*/, "$1"));
  if (Number.isNaN(date.getTime())) return text;
  const [day = "", time = ""] = date.toISOString().split("T");
  const [year = "", month = "", dayOfMonth = ""] = day.split("-");
  return `${month}/${dayOfMonth}/${year} ${time.slice(0, 8)}`;
}
