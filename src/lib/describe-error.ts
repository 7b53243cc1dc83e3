/** A client's error may carry the request that failed, body and token included: only what names the error is logged. */
export function describeError(error: unknown): string {
  if (typeof error !== "object" || error === null) return String(error);
  const { name, code, statusCode, stack } = error as Record<string, unknown>;
  const frames = typeof stack === "string" ? stack.split("\n").filter((line) => /^\s+at /.test(line)) : [];
  return [name, code, statusCode, ...frames]
    .flatMap((part) => (part === undefined ? [] : [JSON.stringify(part)]))
    .join(" ");
}
