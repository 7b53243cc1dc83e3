/** The Service Bus stand-in as its users start it: a process, in a folder of its own. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";

const CLI = path.resolve(import.meta.dirname, "../../local/cli.js");

export class BenchBroker {
  connectionString = "";
  management = "";
  readonly #folder: string;
  #child: ChildProcess | undefined;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async start(queues: readonly object[]): Promise<BenchBroker> {
    const folder = await mkdtemp(path.join(tmpdir(), "service-bus-bench-"));
    await writeFile(path.join(folder, "topology.json"), JSON.stringify({ queues }));
    const broker = new BenchBroker(folder);
    await broker.start();
    return broker;
  }

  /** Resolves to the milliseconds from spawn until it serves. */
  async start(): Promise<number> {
    const begun = performance.now();
    const data = ["--data", path.join(this.#folder, "data"), "--topology", path.join(this.#folder, "topology.json")];
    const profile = process.env["BENCH_CPU_PROFILE"];
    const flags = profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`];
    const ports = ["--port", "0", "--management-port", "0"];
    const child = spawn(process.execPath, [...flags, CLI, "service-bus", ...ports, ...data], {
      stdio: ["ignore", "pipe", "inherit", "ipc"],
    });
    this.#child = child;
    if (child.stdout === null) throw new Error("The broker has no output.");
    const [line] = (await once(createInterface(child.stdout), "line")) as [string];
    const { connectionString, management } = JSON.parse(line) as { connectionString: string; management: string };
    this.connectionString = connectionString;
    this.management = management;
    return performance.now() - begun;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  }

  async stop(): Promise<void> {
    await this.end("SIGTERM");
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** CPU seconds that a process has used: Linux counts them in hundredths (proc(5), stat: utime and stime). */
export async function cpuSecondsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${String(pid)}/stat`, "utf8").catch(() => "");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / 100;
}

/** Resident memory of a process in megabytes, and the most it has been. */
export async function memoryOf(pid: number): Promise<{ now: number; peak: number }> {
  const status = await readFile(`/proc/${String(pid)}/status`, "utf8").catch(() => "");
  const megabytes = (field: string): number =>
    Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? NaN) / 1024;
  return { now: megabytes("VmRSS"), peak: megabytes("VmHWM") };
}
