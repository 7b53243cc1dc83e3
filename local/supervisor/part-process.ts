/** One part of the stack as a child process: started, watched, stopped, killed and started again. */
import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { StartError } from "../part.js";
import type { Go } from "./standby.js";

export interface PartSpec {
  readonly name: string;
  /** Node's own options, the program and its arguments. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The program waits for its settings; see `standby.ts`. */
  readonly standby?: boolean;
}

/** What a part says of itself when it serves: one JSON line with its name. */
export interface Announcement {
  readonly part: string;
  readonly address: string;
  readonly connectionString?: string;
  readonly management?: string;
}

/**
 * new → starting → ready → stopping → stopped. `killed` was asked for, `dead` was not. From the last three it can be started again.
 */
export type PartState = "new" | "starting" | "ready" | "stopping" | "stopped" | "killed" | "dead";

export interface PartEvents {
  /** Every line that the part prints, but for its announcement. */
  line(part: PartProcess, stream: "stdout" | "stderr", line: string): void;
  /** The part ended although nobody had asked it to. */
  died(part: PartProcess, how: string): void;
}

export interface PartTimes {
  readonly startMs: number;
  /** How long an orderly stop may take before the process is killed. */
  readonly stopMs: number;
}

const TIMES: PartTimes = { startMs: 15_000, stopMs: 10_000 };
const KEPT_ERROR_LINES = 20;

export class PartProcess {
  readonly spec: PartSpec;
  readonly #events: PartEvents;
  readonly #times: PartTimes;
  #state: PartState = "new";
  #child: ChildProcess | undefined;
  /** A process on standby, for the next start. */
  #spare: ChildProcess | undefined;
  #go: Go = { settings: {} };
  #announcement: Announcement | undefined;
  #exited: Promise<void> = Promise.resolve();
  #errorLines: string[] = [];

  constructor(spec: PartSpec, events: PartEvents, times = TIMES) {
    this.spec = spec;
    this.#events = events;
    this.#times = times;
  }

  get name(): string {
    return this.spec.name;
  }

  get state(): PartState {
    return this.#state;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Known once the part has been ready; kept when it is gone, for it comes back at the same address. */
  get announcement(): Announcement | undefined {
    return this.#announcement;
  }

  /** Has a process on standby, so that the next start is quick. */
  prepare(): void {
    this.#spare ??= this.#spawn();
  }

  /**
   * Resolves when the part serves. Rejects with a `StartError` that says what happened and what to do.
   * @param go what a program on standby waits for; later starts without it use the same
   */
  async start(go = this.#go): Promise<Announcement> {
    if (this.#child !== undefined) throw new StartError(`${this.name} is running already.`);
    this.#go = go;
    this.#state = "starting";
    this.#errorLines = [];
    const child = this.#spare?.connected === true ? this.#spare : this.#spawn();
    this.#spare = undefined;
    this.#child = child;
    if (this.spec.standby === true) child.send(go);
    const announced = this.#readOutput(child);
    const exit = this.#watchExit(child);
    try {
      this.#announcement = await this.#firstOf(announced, exit);
    } catch (error) {
      await this.kill("SIGKILL");
      throw error;
    }
    // It may have been told to stop meanwhile.
    if (this.#state === ("starting" as PartState)) this.#state = "ready";
    return this.#announcement;
  }

  /** Ends it in order, or with force when it takes too long. */
  async stop(): Promise<void> {
    this.#endSpare();
    await this.#end();
  }

  /** An orderly end and a new start; on standby is who was prepared. */
  async restart(): Promise<Announcement> {
    await this.#end();
    return this.start();
  }

  async #end(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const serves = this.#state === "ready";
    this.#state = "stopping";
    // To a part, a closed channel means the same as SIGTERM (see `runPart`), and it works on Windows. One that is still
    // starting does not listen yet, and has nothing to lose.
    if (serves && child.connected) child.disconnect();
    else child.kill("SIGTERM");
    const tooLong = setTimeout(() => child.kill("SIGKILL"), this.#times.stopMs);
    await this.#exited;
    clearTimeout(tooLong);
    this.#state = "stopped";
  }

  /** Ends it as a crash would. It stays down until it is started. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    this.#endSpare();
    if (this.#child === undefined) return;
    this.#state = "killed";
    this.#child.kill(signal);
    await this.#exited;
  }

  #spawn(): ChildProcess {
    return spawn(process.execPath, this.spec.args, {
      env: this.spec.env,
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      // A group of its own: Ctrl-C in the terminal reaches the supervisor alone, which ends the parts in order.
      detached: true,
    });
  }

  #endSpare(): void {
    this.#spare?.kill("SIGKILL");
    this.#spare = undefined;
  }

  /** Resolves with the announcement: one line, the first that is a JSON object with this part's name. */
  #readOutput(child: ChildProcess): Promise<Announcement> {
    return new Promise((resolve) => {
      let announced = false;
      const read = (stream: "stdout" | "stderr", onLine: (line: string) => void): void => {
        const input = child[stream];
        if (input !== null) createInterface({ input, crlfDelay: Infinity }).on("line", onLine);
      };
      read("stdout", (line) => {
        const announcement = announced ? undefined : parseAnnouncement(line);
        if (announcement === undefined) {
          this.#events.line(this, "stdout", line);
          return;
        }
        announced = true;
        resolve(announcement);
      });
      read("stderr", (line) => {
        if (line.trim() !== "") this.#errorLines.push(line.trim());
        if (this.#errorLines.length > KEPT_ERROR_LINES) this.#errorLines.shift();
        this.#events.line(this, "stderr", line);
      });
    });
  }

  /** Resolves with how it ended, after its last line has been read. */
  #watchExit(child: ChildProcess): Promise<string> {
    const ended = new Promise<string>((resolve) => {
      child.on("error", (error) => {
        // Without a process there is no "exit".
        if (child.pid === undefined) resolve(error.message);
      });
      // Not "close": after `disconnect` it never comes (Node 20). Its last lines are read before it counts as ended.
      child.on("exit", (code, signal) => {
        void Promise.all([closed(child.stdout), closed(child.stderr)]).then(() => {
          resolve(signal ?? `exit code ${String(code)}`);
        });
      });
    });
    this.#exited = ended.then((how) => {
      this.#child = undefined;
      const state = this.#state;
      if (state !== "starting" && state !== "ready") return;
      this.#state = "dead";
      // Of a part that never served, `start` tells.
      if (state === "ready") this.#events.died(this, how);
    });
    return ended;
  }

  #firstOf(announced: Promise<Announcement>, exit: Promise<string>): Promise<Announcement> {
    return new Promise((resolve, reject) => {
      const tooLong = setTimeout(() => {
        reject(new StartError(`${this.name} did not say that it serves within ${this.#times.startMs / 1_000} s.`));
      }, this.#times.startMs);
      void announced.then(resolve).finally(() => {
        clearTimeout(tooLong);
      });
      void exit.then((how) => {
        clearTimeout(tooLong);
        reject(new StartError(this.#whyItEnded(how)));
      });
    });
  }

  /** A part that knows why it cannot start says so in one line that begins with its name. */
  #whyItEnded(how: string): string {
    const reason = this.#errorLines.find((line) => line.startsWith(`${this.name}: `));
    const firstLine = this.#errorLines[0] ?? "it did not say why";
    return reason ?? `${this.name}: ended before it served (${how}): ${firstLine}`;
  }
}

function closed(stream: Readable | null): Promise<void> {
  return new Promise((resolve) => {
    if (stream === null || stream.destroyed) resolve();
    else stream.once("close", resolve);
  });
}

function parseAnnouncement(line: string): Announcement | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    const value = JSON.parse(line) as Partial<Announcement>;
    return typeof value.part === "string" && typeof value.address === "string" ? (value as Announcement) : undefined;
  } catch {
    return undefined;
  }
}
