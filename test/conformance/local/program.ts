/** A program under test: started, read line by line, waited for. */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";

export const ROOT = path.resolve(import.meta.dirname, "..", "..", "..");
export const CLI = path.join(ROOT, "out", "local", "cli.js");
export const PRELOAD = new URL("../../../out/local/clock/preload.js", import.meta.url).href;

export function fixture(name: string): string {
  return path.join(import.meta.dirname, "fixtures", name);
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class Program {
  readonly child: ChildProcess;
  /** Resolves when the process has ended and all that it printed is read. */
  readonly exit: Promise<Exit>;
  readonly stdout: string[] = [];
  readonly stderr: string[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(args: readonly string[], env: Readonly<Record<string, string | undefined>> = {}, ipc = false) {
    this.child = spawn(process.execPath, args, {
      stdio: ["ignore", "pipe", "pipe", ...(ipc ? (["ipc"] as const) : [])],
      env: { ...process.env, NO_COLOR: "1", ...env },
    });
    const read = (["stdout", "stderr"] as const).map((stream) => {
      const input = this.child[stream];
      if (input === null) return Promise.resolve();
      const lines = createInterface({ input }).on("line", (line) => {
        this[stream].push(line);
        for (const check of this.#waiting) check();
      });
      return new Promise<void>((resolve) => lines.once("close", resolve));
    });
    // Not "close": after `disconnect` it never comes (Node 20).
    this.exit = new Promise((resolve) => {
      this.child.on("exit", (code, signal) => {
        void Promise.all(read).then(() => {
          resolve({ code, signal });
        });
      });
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Resolves with the first line, of those printed already too, for which `test` is true; rejects when the program ends before. */
  line(test: (line: string) => boolean): Promise<string> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        const found = [...this.stdout, ...this.stderr].find(test);
        if (found === undefined) return;
        this.#waiting.delete(check);
        resolve(found);
      };
      this.#waiting.add(check);
      void this.exit.then(({ code }) => {
        reject(
          new Error(`ended (${String(code)}) before it printed that:\n${[...this.stdout, ...this.stderr].join("\n")}`),
        );
      });
      check();
    });
  }

  /** The first line that is a JSON object. */
  async json<T>(): Promise<T> {
    return JSON.parse(await this.line((line) => line.startsWith("{"))) as T;
  }

  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<Exit> {
    this.child.kill(signal);
    return this.exit;
  }
}

/** Resolves when no process has any of these ids. */
export async function allGone(pids: readonly number[]): Promise<void> {
  while (pids.some(exists)) await new Promise((resolve) => setImmediate(resolve));
}

/** Resolves when the file is there. */
export async function fileExists(file: string): Promise<void> {
  while (!existsSync(file)) await new Promise((resolve) => setImmediate(resolve));
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // One that has ended but was not yet collected by its new parent (Linux).
  const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, "utf8") : "";
  return !stat.includes(") Z ");
}

export async function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(url, { method: "POST", body: JSON.stringify(body), headers });
  return { status: response.status, body: (await response.json()) as Answer["body"] };
}

export async function get(url: string): Promise<Answer> {
  const response = await fetch(url);
  return { status: response.status, body: (await response.json()) as Answer["body"] };
}

export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}
