/** Starts the parts under test as their users do: as processes of their own. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";

export const root = path.resolve(import.meta.dirname, "../../..");
export const fixture = path.join(import.meta.dirname, "fixture");

export interface LogLine {
  readonly time: string;
  readonly level: string;
  readonly category: string;
  readonly message: string;
  readonly event?: string;
  readonly function?: string;
  readonly succeeded?: boolean;
}

/** Lines as they come, kept, so that one may wait for what has already been. */
export class Lines {
  readonly all: LogLine[] = [];
  /** What each function has told as JSON in `context.log`. */
  readonly #told = new Map<string, unknown[]>();
  readonly #waiting = new Set<() => void>();

  add(line: LogLine): void {
    this.all.push(line);
    const name = /^Function\.(.+)\.User$/.exec(line.category)?.[1];
    if (name !== undefined && line.message.startsWith("{")) {
      this.#told.set(name, [...this.toldBy(name), JSON.parse(line.message)]);
    }
    for (const check of [...this.#waiting]) check();
  }

  /** Resolves once `isTrue`; asked again with each line. */
  until(isTrue: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (!isTrue()) return;
        this.#waiting.delete(check);
        resolve();
      };
      this.#waiting.add(check);
      check();
    });
  }

  /** Resolves to the first `count` lines that fit, once there are as many. */
  async waitFor(fits: (line: LogLine) => boolean, count = 1): Promise<readonly LogLine[]> {
    await this.until(() => this.all.filter(fits).length >= count);
    return this.all.filter(fits).slice(0, count);
  }

  toldBy(functionName: string): readonly unknown[] {
    return this.#told.get(functionName) ?? [];
  }

  /** Resolves to the first `count` values that fit, of those that a function has told. */
  async told<T>(functionName: string, count = 1, fits: (value: T) => boolean = () => true): Promise<readonly T[]> {
    const fitting = (): readonly T[] => (this.toldBy(functionName) as readonly T[]).filter(fits);
    await this.until(() => fitting().length >= count);
    return fitting().slice(0, count);
  }

  executed(functionName: string, count = 1): Promise<readonly LogLine[]> {
    return this.waitFor((line) => line.event === "executed" && line.function === functionName, count);
  }
}

export interface Process {
  readonly announcement: Readonly<Record<string, string>>;
  readonly lines: Lines;
  readonly child: ChildProcess;
  /** Resolves to the exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

export class StartFailure extends Error {}

/**
 * Starts `local <part> …` from the compiled output; resolves when it has announced itself.
 * @throws StartFailure with what it printed when it ends instead
 */
export async function startPart(
  part: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Process> {
  const child = spawn(process.execPath, ["--enable-source-maps", path.join(root, "out/local/cli.js"), part, ...args], {
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    env: { PATH: process.env["PATH"] ?? "", ...environment },
  });
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error("The process has no output.");
  const lines = new Lines();
  const other: string[] = [];
  createInterface(stderr).on("line", (line) => {
    if (line.startsWith("{")) lines.add(JSON.parse(line) as LogLine);
    else other.push(line);
  });
  const exited = once(child, "exit") as Promise<[number | null]>;
  const closed = once(child, "close");
  const announced = once(createInterface(stdout), "line") as Promise<[string]>;
  const [first] = await Promise.race([announced, exited]);
  if (typeof first !== "string") {
    await closed;
    throw new StartFailure(other.join("\n"));
  }
  return {
    announcement: JSON.parse(first) as Record<string, string>,
    lines,
    child,
    end: async (signal) => {
      child.kill(signal);
      const [code] = await exited;
      return code;
    },
  };
}

export interface Host extends Process {
  readonly address: string;
}

/** Settings that the fixture needs, with a broker that is not there. */
export const SETTINGS: Readonly<Record<string, string>> = {
  PLAIN_QUEUE: "plain",
  YEARLY: "0 0 0 1 1 *",
  BUS: "Endpoint=sb://localhost:1;SharedAccessKeyName=any;SharedAccessKey=any;UseDevelopmentEmulator=true",
  LOCAL_FUNCTIONS_MASTER_KEY: "the-master-key",
  LOCAL_FUNCTIONS_HOST_KEY: "the-host-key",
  LOCAL_FUNCTIONS_KEY_forKey: "its-own-key",
  "AzureWebJobs.switchedOff.Disabled": "true",
  AzureFunctionsJobHost__logging__logLevel__default: "Trace",
};

export async function startHost(
  dataFolder: string,
  settings: Readonly<Record<string, string>> = {},
  args: readonly string[] = ["--app", fixture],
): Promise<Host> {
  const all = ["--port", "0", "--data", dataFolder, "--log-format", "json", ...args];
  const process = await startPart("functions", all, { ...SETTINGS, ...settings });
  return { ...process, address: process.announcement["address"] ?? "" };
}

export const temporaryFolder = (): Promise<string> => mkdtemp(path.join(tmpdir(), "functions-host-"));
export const removeFolder = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true });
