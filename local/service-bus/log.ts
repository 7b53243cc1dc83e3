/** The part's log: a JSON line each on standard error. Never bodies, keys or tokens; names, ids and counts only. */

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

let lowest = LOG_LEVELS.indexOf("info");

/** Lines below this level are not written. Of the process: there is one part in it. */
export function setLogLevel(level: LogLevel): void {
  lowest = LOG_LEVELS.indexOf(level);
}

export function log(level: LogLevel, message: string, fields: Readonly<Record<string, unknown>> = {}): void {
  if (LOG_LEVELS.indexOf(level) < lowest) return;
  process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), level, message, ...fields })}\n`);
}

/** An error that nobody foresaw, for the field `error`. */
export function errorText(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
