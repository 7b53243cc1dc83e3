/** The stand-in as its users start it: a process of its own, whose clock a test moves. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { readLines, writeLine } from "../../../local/clock/protocol.js";

export const root = path.resolve(import.meta.dirname, "../../..");
const PRELOAD = new URL("../../../out/local/clock/preload.js", import.meta.url).href;

export interface Announcement {
  readonly address: string;
  readonly connectionString: string;
  readonly management: string;
}

/** A part with its own folder and clock; it may be killed and started again, and keeps port, data and time. */
export class PartProcess {
  /** What it printed on standard error. */
  readonly log: string[] = [];
  readonly #folder: string;
  readonly #clock: Clock;
  #child: ChildProcess | undefined;
  #announcement: Announcement | undefined;

  private constructor(folder: string, clock: Clock) {
    this.#folder = folder;
    this.#clock = clock;
  }

  /** @param queues as in a topology file */
  static async start(queues: readonly object[]): Promise<PartProcess> {
    const folder = await mkdtemp(path.join(tmpdir(), "service-bus-"));
    await writeFile(path.join(folder, "topology.json"), JSON.stringify({ queues }));
    const part = new PartProcess(folder, await Clock.start());
    await part.start();
    return part;
  }

  get announcement(): Announcement {
    if (this.#announcement === undefined) throw new Error("The part has not been started.");
    return this.#announcement;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** @param port of an earlier run, unless said otherwise: clients find it again */
  async start(port = this.#announcement === undefined ? "0" : new URL(this.#announcement.address).port): Promise<void> {
    const program = ["--enable-source-maps", `--import=${PRELOAD}`, path.join(root, "out/local/cli.js"), "service-bus"];
    const topology = path.join(this.#folder, "topology.json");
    const options = ["--port", port, "--management-port", "0", "--data", this.#folder, "--topology", topology];
    const child = spawn(process.execPath, [...program, ...options], {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      env: { ...process.env, LOCAL_CLOCK: this.#clock.address },
    });
    this.#child = child;
    const { stdout, stderr } = child;
    if (stdout === null || stderr === null) throw new Error("The part has no output.");
    createInterface(stderr).on("line", (line) => this.log.push(line));
    const announced = once(createInterface(stdout), "line") as Promise<[string]>;
    const [first] = await Promise.race([announced, once(child, "exit") as Promise<[number | null]>]);
    if (typeof first !== "string") throw new Error(`The part ended with ${String(first)}: ${this.log.join("\n")}`);
    this.#announcement = JSON.parse(first) as Announcement;
  }

  /** Moves the part's wall time forward; resolves when it has moved. */
  advance(ms: number): Promise<void> {
    return this.#clock.advance(ms);
  }

  /** Wall time as the part sees it. */
  now(): number {
    return Date.now() + this.#clock.offsetMs;
  }

  async end(signal: NodeJS.Signals = "SIGKILL"): Promise<number | null> {
    const child = this.#child;
    if (child === undefined) return null;
    this.#child = undefined;
    const exited = once(child, "exit") as Promise<[number | null]>;
    child.kill(signal);
    const [code] = await exited;
    return code;
  }

  /** Ends it, and removes what it has left. */
  async remove(): Promise<void> {
    await this.end();
    await this.#clock.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** The part's side of `local/clock/protocol.ts`, without moving the time of this process. */
class Clock {
  offsetMs = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #id = 0;
  #acknowledged: (id: number) => void = () => undefined;

  private constructor() {
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      writeLine(socket, { id: this.#id, offsetMs: this.offsetMs });
      readLines(socket, (value) => {
        const { ack } = value as { ack?: number };
        if (ack !== undefined) this.#acknowledged(ack);
      });
      socket.on("error", () => socket.destroy());
      socket.on("close", () => {
        this.#sockets.delete(socket);
        // A part that was killed acknowledges nothing any more.
        if (this.#sockets.size === 0) this.#acknowledged(this.#id);
      });
    });
  }

  static async start(): Promise<Clock> {
    const clock = new Clock();
    clock.#server.listen(0, "127.0.0.1");
    await once(clock.#server, "listening");
    return clock;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async advance(ms: number): Promise<void> {
    this.offsetMs += ms;
    const id = ++this.#id;
    const moved = new Promise<void>((resolve) => {
      this.#acknowledged = (acknowledged) => {
        if (acknowledged === id) resolve();
      };
    });
    for (const socket of this.#sockets) writeLine(socket, { id, offsetMs: this.offsetMs });
    if (this.#sockets.size > 0) await moved;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}
