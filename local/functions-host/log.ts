/** The host's log: lines on standard error, for people or, as JSON, for programs. Never bodies, keys or tokens. */
import { inspect } from "node:util";
import type { LogLevel } from "./rpc.js";

export type LogFormat = "text" | "json";

/** Facts of one line, besides its text; what a program can read without parsing the text. */
export interface LogFields {
  readonly event?: "ready" | "executing" | "executed" | "stopping";
  readonly function?: string;
  readonly invocationId?: string;
  readonly durationMs?: number;
  readonly succeeded?: boolean;
}

export type Log = (level: LogLevel, category: string, message: string, fields?: LogFields) => void;

const LEVELS: readonly LogLevel[] = ["trace", "debug", "information", "warning", "error", "critical", "none"];

/** `host.json`'s `logging.logLevel`: a category, or the front part of one up to a dot, to its lowest level. */
export type LogLevels = Readonly<Record<string, string>>;

/** The lowest level of a category: that of the longest entry that it starts with, else `default`, else Information. */
export function lowestLevel(category: string, levels: LogLevels): number {
  let best = "";
  for (const name of Object.keys(levels)) {
    // Without case, as all of .NET's configuration.
    const applies = `${category}.`.toLowerCase().startsWith(`${name}.`.toLowerCase());
    if (applies && name.length > best.length) best = name;
  }
  const level = (levels[best] ?? levels["default"] ?? "information").toLowerCase();
  const index = LEVELS.indexOf(level as LogLevel);
  return index === -1 ? LEVELS.indexOf("information") : index;
}

const MARKS: Readonly<Record<LogLevel, string>> = {
  trace: "trce",
  debug: "dbug",
  information: "info",
  warning: "warn",
  error: "fail",
  critical: "crit",
  none: "none",
};

/** A log that writes lines to `out`; `now` is wall time in milliseconds. */
export function createLog(options: {
  readonly format: LogFormat;
  readonly levels: LogLevels;
  readonly now: () => number;
  readonly out: (line: string) => void;
}): Log {
  const { format, levels, now, out } = options;
  const lowest = new Map<string, number>();
  return (level, category, message, fields = {}) => {
    let threshold = lowest.get(category);
    if (threshold === undefined) lowest.set(category, (threshold = lowestLevel(category, levels)));
    if (LEVELS.indexOf(level) < threshold) return;
    const time = new Date(now()).toISOString();
    if (format === "json") {
      out(`${JSON.stringify({ time, level, category, message, ...fields })}\n`);
    } else {
      // A line break in a message must not look like a line of its own.
      out(`[${time}] ${MARKS[level]}: ${category}: ${message.replaceAll("\n", "\n    ")}\n`);
    }
  };
}

/** What a person reads of something thrown: its stack where it has one. */
export function describeError(error: unknown): string {
  if (error instanceof Error) return error.stack ?? `${error.name}: ${error.message}`;
  return typeof error === "string" ? error : inspect(error);
}
