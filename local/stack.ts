/**
 * The whole stack: starts its parts side by side, keeps an eye on them, stops them in order.
 *
 * The supervisor's own process holds the control, the clock and the issuer; everything else is a process of its own, as in
 * Azure. A part that dies by itself ends the stack, unless the functions host does so in watch mode: it returns with the next save.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { appSettings, AUDIENCE, hubSettings, PAGES, WARM_UP } from "./app-settings.js";
import type { ClockSetting } from "./clock/date.js";
import { startClockServer, type ClockServer } from "./control/clock-server.js";
import { startControl, type Control } from "./control/control.js";
import type { FunctionStatus, HostStatus, QueueCounts } from "./control/idle.js";
import type { ControlledParts, PartStatus } from "./control/parts.js";
import { startIssuer, type Issuer } from "./issuer/issuer.js";
import { RequestError } from "./loopback-server.js";
import { startFailure, StartError } from "./part.js";
import { provisionStorage, type StorageTopology } from "./storage/provision.js";
import type { Identity } from "./supervisor/identity.js";
import { openDataFolder, type DataFolder, type StackInfo } from "./supervisor/data-folder.js";
import { awaitHost, getJson } from "./supervisor/functions-status.js";
import { Logs } from "./supervisor/log.js";
import { PartProcess, type PartEvents } from "./supervisor/part-process.js";
import { choosePorts, type Environment } from "./supervisor/ports.js";
import type { Go } from "./supervisor/standby.js";
import {
  BACKING_PARTS,
  backingSpec,
  functionsSpec,
  USUAL_PORTS,
  type Ports,
  type SpecContext,
} from "./supervisor/specs.js";
import type { Styles } from "./supervisor/styles.js";

export interface StackOptions {
  readonly root: string;
  readonly data: string;
  readonly environment: Environment;
  readonly styles: Styles;
  /** Takes a line for the terminal. */
  readonly print: (line: string) => void;
  readonly printError: (line: string) => void;
  /** Restarting the functions is up to the caller, and so is a functions host that dies. */
  readonly watch?: boolean;
  readonly inspectPort?: number;
  /** The functions get no key, but names of services and an identity, as on Azure. */
  readonly identity?: boolean;
  /** Another program than `out/local/cli.js` to start the parts with. */
  readonly program?: string;
}

export interface ReadyStack {
  readonly info: StackInfo;
  readonly ports: Ports;
  readonly management: string;
  readonly hub: string;
  readonly clock: ClockSetting;
  readonly issuer: Issuer;
  readonly functions: readonly FunctionStatus[];
}

interface Topology extends StorageTopology {
  readonly hub: string;
}

/** The exit code of a program that was interrupted: 128 + SIGINT. */
const KILLED = 130;

/** Why the parts are stopped in this order; the functions hosts come before all of them. */
const STOP_REASONS: Readonly<Record<string, string>> = {
  functions: "first, so that no more work begins",
  "web-pubsub": "no function publishes any more",
  "service-bus": "no function sends or receives any more",
  storage: "last, for everything else writes to it",
};

export class Stack {
  /** Resolves with the exit code when everything has ended. */
  readonly ended: Promise<number>;
  readonly #options: StackOptions;
  readonly #parts = new Map<string, PartProcess>();
  #end: (code: number) => void = () => undefined;
  #stopping: Promise<void> | undefined;
  #killed = false;
  #data: DataFolder | undefined;
  #logs: Logs | undefined;
  #clock: ClockServer | undefined;
  #control: Control | undefined;
  #issuer: Issuer | undefined;
  #identity: Identity | undefined;
  #context: SpecContext | undefined;
  #settings: Readonly<Record<string, string>> = {};

  constructor(options: StackOptions) {
    this.#options = options;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** Resolves when all is ready; with undefined when the start failed or was interrupted, and then `ended` tells the rest. */
  async start(): Promise<ReadyStack | undefined> {
    try {
      return await this.#start();
    } catch (error) {
      this.#fail(startFailure(error));
      return undefined;
    }
  }

  /** Stops everything in order; `ended` resolves with `code`. Of a failure no more is said than its reason. */
  stop(code = 0): Promise<void> {
    this.#stopping ??= this.#stop(code === 0).then(() => {
      this.#end(this.#killed ? KILLED : code);
    });
    return this.#stopping;
  }

  /** Ends everything at once, whatever an orderly end still waits for. */
  kill(): void {
    this.#killed = true;
    for (const part of this.#parts.values()) void part.kill("SIGKILL");
  }

  /** Restarts the first functions host; resolves when it serves again. A failure is shown, and the stack goes on. */
  async restartFunctions(): Promise<void> {
    const part = this.#part("functions");
    try {
      const { address } = await part.restart();
      await awaitHost(address, () => part.state === "ready");
      part.prepare();
    } catch (error) {
      if (this.#stopping === undefined) this.#logs?.show(part.name, startFailure(error));
    }
  }

  show(source: string, text: string): void {
    this.#logs?.show(source, text);
  }

  async #start(): Promise<ReadyStack | undefined> {
    const { root, environment } = this.#options;
    const data = await openDataFolder(this.#options.data);
    this.#data = data;
    this.#logs = new Logs(path.join(data.path, "logs"), this.#options.print, this.#options.styles);
    const [ports, topology, time] = await Promise.all([
      choosePorts(USUAL_PORTS, environment),
      readTopology(root),
      data.readClock(),
    ]);
    const clock = await startClockServer(time);
    this.#clock = clock;
    const program = this.#options.program ?? path.join(root, "out", "local", "cli.js");
    const identity = this.#options.identity === true ? await this.#startIdentity(data, ports) : undefined;
    const context: SpecContext = {
      ...{ root, data: data.path, ports, clock: clock.address, program },
      environment: { ...environment, ...identity?.environment },
      ...(identity === undefined ? await eventsOf(data.path, topology.hub, ports, environment) : { tls: identity.tls }),
    };
    this.#context = context;

    const host = this.#prepareFunctionsHost(context);
    const [issuer, [serviceBus, webPubSub, storage], control] = await Promise.all([
      this.#startIssuer(ports, data),
      this.#startBackingParts(context, topology),
      this.#startControl(ports, clock, data),
    ]);
    const connections = {
      ...{ storage, serviceBus: serviceBus.connectionString, webPubSub: webPubSub.connectionString },
      ...{ hub: topology.hub, issuer: issuer.url },
    };
    this.#settings = identity?.settings(connections, environment) ?? appSettings(connections, environment);
    const { status, address } = await this.#startFunctions(host, { settings: this.#settings });
    const info: StackInfo = {
      ...{ functions: address, serviceBus: serviceBus.connectionString, storage },
      ...{ webPubSub: webPubSub.connectionString, issuer: issuer.url, control: control.url, pid: process.pid },
      ...(identity === undefined ? {} : { authority: identity.authority }),
    };
    if (this.#isStopping()) return undefined;
    await data.publish(info);
    const { management } = serviceBus;
    const { functions } = status;
    return { info, ports, management, hub: topology.hub, clock: clock.setting, issuer, functions };
  }

  /** Loaded on demand: few starts are with it. */
  async #startIdentity(data: DataFolder, ports: Ports): Promise<Identity> {
    const { startIdentity } = await import("./supervisor/identity.js");
    return (this.#identity = await startIdentity(data.path, ports));
  }

  async #startIssuer(ports: Ports, data: DataFolder): Promise<Issuer> {
    const dataFolder = path.join(data.path, "issuer");
    return (this.#issuer = await startIssuer({ port: ports.issuer.port, dataFolder, audience: AUDIENCE }));
  }

  async #startControl(ports: Ports, clock: ClockServer, data: DataFolder): Promise<Control> {
    return (this.#control = await startControl({
      port: ports.control.port,
      clock,
      logs: path.join(data.path, "logs"),
      saveClock: (setting) => data.writeClock(setting),
      parts: this.#controlledParts(),
      addresses: () => this.#addresses(),
      doors: {
        serviceBus: () => this.#parts.get("service-bus")?.announcement?.management,
        webPubSub: () => this.#parts.get("web-pubsub")?.announcement?.address,
        storage: () => this.#parts.get("storage")?.announcement?.address,
        functions: () => this.#parts.get("functions")?.announcement?.address,
        functionsData: path.join(data.path, "functions"),
      },
      pages: Object.fromEntries(
        Object.entries(PAGES).map(([prefix, folder]) => [prefix, path.join(this.#options.root, "out", folder)]),
      ),
      idle: {
        queues: (signal) => this.#askQueues(signal),
        hosts: (signal) => this.#askHosts(signal),
      },
    }));
  }

  async #startBackingParts(
    context: SpecContext,
    topology: Topology,
  ): Promise<readonly [ServiceBusAddress, { readonly connectionString: string }, string]> {
    const { ports } = context;
    const started = BACKING_PARTS.map(async (name) => {
      const announcement = await this.#add(new PartProcess(backingSpec(name, context), this.#events())).start();
      const { connectionString, management = "" } = announcement;
      if (connectionString === undefined) throw new StartError(`${name} did not say its connection string.`);
      if (name === "storage") await this.#provision(ports, topology);
      return { connectionString, management };
    });
    const [storage, serviceBus, webPubSub] = await Promise.all(started);
    if (storage === undefined || serviceBus === undefined || webPubSub === undefined) {
      throw new Error("A part is missing.");
    }
    return [serviceBus, webPubSub, storage.connectionString];
  }

  async #provision({ blob, queue, table }: Ports, topology: Topology): Promise<void> {
    const authority = this.#identity === undefined ? undefined : await readFile(this.#identity.authority);
    await provisionStorage({ blob: blob.port, queue: queue.port, table: table.port }, topology, authority);
  }

  /** On standby, it loads its packages while the others start. */
  #prepareFunctionsHost(context: SpecContext): PartProcess {
    const { port } = context.ports.functions;
    const part = this.#add(
      new PartProcess(
        functionsSpec({ name: "functions", port, cors: pageOrigins(context.ports), warmUp: WARM_UP }, context),
        this.#events(),
      ),
    );
    part.prepare();
    return part;
  }

  async #startFunctions(part: PartProcess, go?: Go): Promise<{ status: HostStatus; address: string }> {
    const { inspectPort } = this.#options;
    const inspect = inspectPort === undefined || part.name !== "functions" ? {} : { inspectPort };
    const { address } = await part.start(go === undefined ? undefined : { ...go, ...inspect });
    const status = await awaitHost(address, () => part.state === "ready");
    if (this.#options.watch === true && part.name === "functions") part.prepare();
    return { status, address };
  }

  #add(part: PartProcess): PartProcess {
    // Registered before it starts: an interrupt during the start must find it.
    this.#parts.set(part.name, part);
    if (this.#isStopping()) throw new StartError("interrupted.");
    return part;
  }

  #events(): PartEvents {
    return {
      line: (part, stream, line) => {
        if (part.state === "starting") this.#logs?.write(part.name, line);
        else this.#logs?.add(part.name, stream, line);
      },
      died: (part, how) => {
        if (this.#isStopping()) return;
        const log = this.#logs?.fileOf(part.name) ?? "";
        if (this.#options.watch === true && part.name === "functions") {
          this.#logs?.show(part.name, `ended by itself (${how}); it starts again when a file is saved. Log: ${log}`);
          return;
        }
        this.#fail(`${part.name}: ended by itself (${how}), so everything was stopped. Its log: ${log}`);
      },
    };
  }

  #fail(message: string): void {
    if (this.#isStopping()) return;
    this.#options.printError(message);
    void this.stop(1);
  }

  #isStopping(): boolean {
    return this.#stopping !== undefined;
  }

  async #stop(tell: boolean): Promise<void> {
    this.#data?.unpublish();
    const names = [...this.#parts.keys()];
    const hosts = names.filter((name) => name.startsWith("functions"));
    await Promise.all(hosts.map((name) => this.#stopPart(name, tell)));
    for (const name of BACKING_PARTS.toReversed()) if (names.includes(name)) await this.#stopPart(name, tell);
    await Promise.all([this.#identity?.stop(), this.#issuer?.stop(), this.#control?.stop(), this.#clock?.stop()]);
    this.#logs?.close();
    this.#data?.release();
  }

  async #stopPart(name: string, tell: boolean): Promise<void> {
    const part = this.#part(name);
    const ran = part.pid !== undefined;
    await part.stop();
    if (!ran) return;
    const reason = STOP_REASONS[name.replace(/-\d+$/, "")] ?? "";
    if (tell) this.#logs?.show(name, `stopped: ${reason}`);
  }

  /** Base URLs alone: what a page may know. */
  #addresses(): Readonly<Record<string, string>> {
    const functions = this.#parts.get("functions")?.announcement?.address;
    const issuer = this.#issuer?.url;
    return {
      ...(functions === undefined ? {} : { functions }),
      ...(issuer === undefined ? {} : { issuer }),
    };
  }

  #part(name: string): PartProcess {
    const part = this.#parts.get(name);
    if (part === undefined) {
      throw new RequestError(404, `There is no part ${name}; there are ${[...this.#parts.keys()].join(", ")}.`);
    }
    return part;
  }

  #controlledParts(): ControlledParts {
    const start = async (part: PartProcess): Promise<PartStatus> => {
      try {
        if (part.name.startsWith("functions")) await this.#startFunctions(part);
        else await part.start();
      } catch (error) {
        if (error instanceof StartError) throw new RequestError(409, error.message);
        throw error;
      }
      return statusOf(part);
    };
    return {
      list: () => [...this.#parts.values()].map(statusOf),
      kill: async (name, signal) => {
        await this.#part(name).kill(signal);
        return statusOf(this.#part(name));
      },
      start: (name) => start(this.#part(name)),
      restart: async (name) => {
        await this.#part(name).stop();
        return start(this.#part(name));
      },
      addFunctionsHost: async (disabled) => {
        if (this.#context === undefined) throw new RequestError(409, "The stack is not ready yet.");
        return statusOf(await this.#anotherFunctionsHost(disabled, this.#context));
      },
    };
  }

  async #anotherFunctionsHost(disabled: readonly string[], context: SpecContext): Promise<PartProcess> {
    const number = [...this.#parts.keys()].filter((name) => name.startsWith("functions")).length + 1;
    const { host } = await choosePorts({ host: 0 }, { DAYFLY_PORTS: "0" });
    const disable = disabled.map((name) => [`AzureWebJobs.${name}.Disabled`, "true"]);
    const settings = { ...this.#settings, ...(Object.fromEntries(disable) as Record<string, string>) };
    const options = { name: `functions-${number}`, port: host.port, cors: pageOrigins(context.ports), warmUp: WARM_UP };
    const spec = functionsSpec(options, context);
    const part = this.#add(new PartProcess(spec, this.#events()));
    await this.#startFunctions(part, { settings });
    return part;
  }

  async #askQueues(signal: AbortSignal): Promise<readonly QueueCounts[]> {
    const management = this.#part("service-bus").announcement?.management;
    if (management === undefined) throw new Error("service-bus is not ready");
    return getJson<readonly QueueCounts[]>(`${management}/queues`, signal);
  }

  #askHosts(signal: AbortSignal): Promise<readonly HostStatus[]> {
    const expected = [...this.#parts.values()].filter(
      (part) => part.name.startsWith("functions") && (part.state === "starting" || part.state === "ready"),
    );
    return Promise.all(
      expected.map((part) => getJson<HostStatus>(`${part.announcement?.address ?? ""}/_local/status`, signal)),
    );
  }
}

interface ServiceBusAddress {
  readonly connectionString: string;
  readonly management: string;
}

function statusOf(part: PartProcess): PartStatus {
  const { name, state, pid, announcement } = part;
  return {
    ...{ name, state },
    ...(pid === undefined ? {} : { pid }),
    ...(announcement === undefined ? {} : { address: announcement.address }),
    ...(announcement?.management === undefined ? {} : { management: announcement.management }),
  };
}

/** The pages that the control serves are of another origin than the functions they call. */
function pageOrigins({ control }: Ports): string {
  return ["127.0.0.1", "localhost"].map((host) => `http://${host}:${control.port}`).join(",");
}

async function readTopology(root: string): Promise<Topology> {
  return JSON.parse(await readFile(path.join(root, "config", "topology.json"), "utf8")) as Topology;
}

/** Web PubSub tells the functions of its sockets, unless `DAYFLY_EVENTS=off`: the app must work without, too. */
async function eventsOf(
  data: string,
  hub: string,
  { functions }: Ports,
  environment: Environment,
): Promise<{ readonly hubSettings?: string }> {
  if (environment["DAYFLY_EVENTS"] === "off") return {};
  const folder = path.join(data, "web-pubsub");
  const file = path.join(folder, "hub-settings.json");
  await mkdir(folder, { recursive: true });
  await writeFile(file, JSON.stringify(hubSettings(hub, `http://127.0.0.1:${functions.port}`), undefined, 2));
  return { hubSettings: file };
}
