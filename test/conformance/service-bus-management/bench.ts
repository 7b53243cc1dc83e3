/** The part under test as its users start it: a process of its own, spoken to by the real SDK and over HTTP. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { ServiceBusClient, type ServiceBusClientOptions } from "@azure/service-bus";

const root = path.resolve(import.meta.dirname, "../../..");

export interface Reply<T = Readonly<Record<string, unknown>>> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

export class Bench {
  readonly folder: string;
  /** What the part has written to standard error. */
  readonly log: string[] = [];
  readonly #clients: ServiceBusClient[] = [];
  #child: ChildProcess | undefined;
  #announcement: { readonly connectionString: string; readonly management: string } | undefined;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async start(queues: readonly object[], options: readonly string[] = []): Promise<Bench> {
    const bench = new Bench(await mkdtemp(path.join(tmpdir(), "service-bus-management-")));
    await bench.run(queues, options);
    return bench;
  }

  get management(): string {
    return this.#announcement?.management ?? "";
  }

  /** Starts the process with this topology. */
  async run(queues: readonly object[], options: readonly string[] = []): Promise<void> {
    const topology = path.join(this.folder, "topology.json");
    await writeFile(topology, JSON.stringify({ queues }));
    const cli = path.join(root, "out/local/cli.js");
    const args = ["--port", "0", "--management-port", "0", "--data", path.join(this.folder, "data"), "--topology"];
    const child = spawn(process.execPath, ["--enable-source-maps", cli, "service-bus", ...args, topology, ...options], {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    this.#child = child;
    const { stdout, stderr } = child;
    if (stdout === null || stderr === null) throw new Error("The part has no output.");
    createInterface(stderr).on("line", (line) => this.log.push(line));
    const [first] = (await Promise.race([once(createInterface(stdout), "line"), once(child, "exit")])) as unknown[];
    if (typeof first !== "string") throw new Error(`The part ended: ${this.log.join("\n")}`);
    this.#announcement = JSON.parse(first) as { connectionString: string; management: string };
  }

  /** As a crash would end it. */
  async kill(): Promise<void> {
    await this.closeClients();
    const child = this.#child;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }

  async closeClients(): Promise<void> {
    await Promise.all(this.#clients.splice(0).map((client) => client.close()));
  }

  /** A client that does not try again, so that a test sees each error; closed with the bench. */
  client(options: ServiceBusClientOptions = { retryOptions: { maxRetries: 0 } }): ServiceBusClient {
    const client = new ServiceBusClient(this.#announcement?.connectionString ?? "", options);
    this.#clients.push(client);
    return client;
  }

  /** Asks the management port. */
  async ask<T = Readonly<Record<string, unknown>>>(method: string, where: string, body?: unknown): Promise<Reply<T>> {
    const response = await fetch(`${this.management}${where}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json") === true;
    return { status: response.status, headers: response.headers, body: (isJson ? JSON.parse(text) : text) as T };
  }

  /** The counts of a queue. */
  async counts(queue: string): Promise<Readonly<Record<string, number>>> {
    return (await this.ask<Readonly<Record<string, number>>>("GET", `/queues/${queue}`)).body;
  }
}
