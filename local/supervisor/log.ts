/** Lines of the parts: all of them into one file a part, and what a developer wants to see onto the terminal. */
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import path from "node:path";
import { plain, type Styles } from "./styles.js";

type Level = "trace" | "debug" | "info" | "warn" | "error";

/** The names that hosts and libraries give to levels. */
const LEVELS: Readonly<Record<string, Level>> = {
  trace: "trace",
  debug: "debug",
  info: "info",
  information: "info",
  warn: "warn",
  warning: "warn",
  error: "error",
  critical: "error",
};
const SHOWN: ReadonlySet<Level> = new Set<Level>(["info", "warn", "error"]);
const NAME_WIDTH = 11;

export class Logs {
  readonly #folder: string;
  readonly #print: (line: string) => void;
  readonly #styles: Styles;
  readonly #files = new Map<string, number>();

  /** @param print takes what goes onto the terminal; nothing is printed before `show` */
  constructor(folder: string, print: (line: string) => void, styles = plain) {
    this.#folder = folder;
    this.#print = print;
    this.#styles = styles;
    mkdirSync(folder, { recursive: true });
  }

  /** Where a part's lines are. */
  fileOf(part: string): string {
    return path.join(this.#folder, `${part}.log`);
  }

  write(part: string, line: string): void {
    try {
      // Synchronous: nothing is lost when the stack is killed, and a test that reads the file finds what was printed.
      writeSync(this.#fileFor(part), `${line}\n`);
    } catch {
      // A full disk must not end the stack; the terminal still shows what matters.
    }
  }

  show(part: string, text: string): void {
    this.#print(`${this.#styles.dim(`${part.padEnd(NAME_WIDTH)} |`)} ${text}`);
  }

  /** Writes a part's line, and shows what a developer wants to see of it. */
  add(part: string, stream: "stdout" | "stderr", line: string): void {
    this.write(part, line);
    const text = readableLine(stream, line, this.#styles);
    if (text !== undefined) this.show(part, text);
  }

  close(): void {
    for (const file of this.#files.values()) closeSync(file);
    this.#files.clear();
  }

  /** Each start of the stack begins new files; a part that is started again goes on with its own. */
  #fileFor(part: string): number {
    let file = this.#files.get(part);
    if (file === undefined) this.#files.set(part, (file = openSync(this.fileOf(part), "w")));
    return file;
  }
}

/** What to show of a line: a log entry of a shown level, or what comes on standard error and is none; else undefined. */
export function readableLine(stream: "stdout" | "stderr", line: string, styles = plain): string | undefined {
  const entry = parseEntry(line);
  if (entry === undefined) return stream === "stderr" && line.trim() !== "" ? line : undefined;
  const { level, time, source, message } = entry;
  if (!SHOWN.has(level)) return undefined;
  const colour = { trace: "dim", debug: "dim", info: "none", warn: "yellow", error: "red" } as const;
  return [time, styles[colour[level]](level.padEnd(5)), source === undefined ? undefined : `${source}:`, message]
    .filter((each) => each !== undefined)
    .join(" ");
}

interface Entry {
  readonly level: Level;
  readonly time: string | undefined;
  readonly source: string | undefined;
  readonly message: string;
}

/** Reads a JSON log line: `level` and `message`, and as far as present `time`, `function` and `error`. */
function parseEntry(line: string): Entry | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    const value = JSON.parse(line) as Readonly<Record<string, unknown>>;
    const level = LEVELS[asText(value["level"])?.toLowerCase() ?? ""];
    const message = asText(value["message"]);
    if (level === undefined || message === undefined) return undefined;
    const error = asText(value["error"]);
    return {
      level,
      time: asText(value["time"])?.slice(11, 23),
      source: asText(value["function"]),
      message: error === undefined ? message : `${message}\n${error}`,
    };
  } catch {
    return undefined;
  }
}

function asText(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
