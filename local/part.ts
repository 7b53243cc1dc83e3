/**
 * What the parts of the local stack have in common as programs: options, `--help`, one JSON line when ready, an orderly end.
 */
import { parseArgs } from "node:util";

/** One option of a part's command line; every option takes a value, a port or a path or a text. */
export interface PartOption {
  readonly description: string;
  readonly default?: string;
}

/** A part of the stack that can be started alone: `npm run local -- <name> [options]`. */
export interface PartCommand {
  readonly name: string;
  readonly summary: string;
  readonly options: Readonly<Record<string, PartOption>>;
  /** Resolves when the part serves; rejects with a `StartError` when a person can do something about it. */
  start(options: Readonly<Record<string, string | undefined>>): Promise<RunningPart>;
}

export interface RunningPart {
  /** Where it is to be found; printed as one JSON line on standard output. */
  readonly announcement: Readonly<Record<string, unknown>>;
  /** Ends it in order; resolves when nothing of it is left running. */
  stop(): Promise<void>;
}

/** A start that failed for a reason that a person can act upon. The message says what happened and what to do. */
export class StartError extends Error {
  override readonly name = "StartError";
}

/** Runs a part as a process: until SIGINT or SIGTERM, or until the process that started it is gone. */
export async function runPart(command: PartCommand, args: readonly string[]): Promise<void> {
  const values: Readonly<Record<string, string | boolean | undefined>> = parseArgs({
    args: [...args],
    options: {
      help: { type: "boolean", short: "h" },
      ...Object.fromEntries(Object.keys(command.options).map((name) => [name, { type: "string" as const }])),
    },
  }).values;
  if (values["help"] === true) {
    console.log(help(command));
    return;
  }
  const options = Object.fromEntries(
    Object.entries(command.options).map(([name, option]) => [
      name,
      (values[name] as string | undefined) ?? option.default,
    ]),
  );
  let part: RunningPart;
  try {
    part = await command.start(options);
  } catch (error) {
    console.error(`${command.name}: ${startFailure(error)}`);
    process.exit(1);
  }

  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    part.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(`${command.name}: did not stop in order:`, error);
        process.exit(1);
      },
    );
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  // With an IPC channel the process belongs to the one that started it, and must not outlive it, however that one ended.
  process.on("disconnect", stop);
  // It may have gone before this process was there to hear of it.
  const { connected } = process as { connected?: boolean };
  if (connected === false) stop();
  console.log(JSON.stringify({ part: command.name, ...part.announcement }));
}

/** What to print for a start that failed: the known causes in words, anything else with its stack. */
export function startFailure(error: unknown): string {
  if (error instanceof StartError) return error.message;
  const { code, port, path, syscall } = error as Partial<Record<"code" | "port" | "path" | "syscall", unknown>>;
  if (code === "EADDRINUSE") {
    return `port ${String(port)} is taken. Stop what listens there, or choose another port (0 takes any free one).`;
  }
  if (code === "EACCES" || code === "EROFS" || code === "EPERM") {
    return `${String(path ?? port)} may not be written or opened. Choose another folder (--data, DAYFLY_DATA) or port.`;
  }
  // Any other that the system tells of a file: a folder where a file should be, a full disk.
  if (typeof syscall === "string" && typeof path === "string") {
    return `${path} cannot be used (${String(code)}). Make room for it, or choose another folder (--data, DAYFLY_DATA).`;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function help(command: PartCommand): string {
  const lines = Object.entries(command.options).map(
    ([name, { description, default: preset }]) =>
      `  --${name.padEnd(18)} ${description}${preset === undefined ? "" : ` (default: ${preset})`}`,
  );
  return [`${command.name}: ${command.summary}`, "", "Options:", ...lines, "  --help               this text"].join(
    "\n",
  );
}
