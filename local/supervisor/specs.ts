/** How each part of the stack is started. */
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { PartSpec } from "./part-process.js";
import type { ChosenPort, Environment } from "./ports.js";

/** The parts' usual ports: those of Azure's own tools, where it has some. */
export const USUAL_PORTS = {
  functions: 7071,
  serviceBus: 5672,
  serviceBusManagement: 5673,
  blob: 10_000,
  queue: 10_001,
  table: 10_002,
  webPubSub: 8080,
  issuer: 8090,
  control: 7070,
  // With `--identity` alone:
  serviceBusTls: 5671,
  webPubSubTls: 8443,
  identity: 8091,
} as const;

export type Ports = Readonly<Record<keyof typeof USUAL_PORTS, ChosenPort>>;

export interface SpecContext {
  /** The folder with `host.json`, `config/` and `out/`. */
  readonly root: string;
  readonly data: string;
  readonly ports: Ports;
  /** host:port of the clock server. */
  readonly clock: string;
  readonly environment: Environment;
  /** A file with the hub's settings; without it the hub tells nobody of its sockets. */
  readonly hubSettings?: string;
  /** The program that starts a part by its name: `local/cli.js`, but for tests of the supervisor. */
  readonly program: string;
  /** With it the parts are reached as in Azure: over TLS, with access tokens. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly tokenKeys: string };
}

export type BackingPart = "storage" | "service-bus" | "web-pubsub";

/** The parts that the functions need, in the order in which they are stopped (last first). */
export const BACKING_PARTS: readonly BackingPart[] = ["storage", "service-bus", "web-pubsub"];

export function backingSpec(name: BackingPart, context: SpecContext): PartSpec {
  const { ports, root, tls } = context;
  const certificate = tls === undefined ? [] : ["--tls-cert", tls.cert, "--tls-key", tls.key];
  const secureDoor = (tlsPort: ChosenPort): readonly string[] =>
    tls === undefined ? [] : ["--tls-port", port(tlsPort), ...certificate, "--token-keys", tls.tokenKeys];
  const data = ["--data", path.join(context.data, name)];
  const args: Readonly<Record<BackingPart, readonly string[]>> = {
    storage: [
      ...["--blob-port", port(ports.blob), "--queue-port", port(ports.queue), "--table-port", port(ports.table)],
      ...data,
      ...certificate,
    ],
    "service-bus": [
      ...["--port", port(ports.serviceBus), "--management-port", port(ports.serviceBusManagement)],
      ...["--topology", path.join(root, "config", "topology.json"), ...data],
      ...secureDoor(ports.serviceBusTls),
    ],
    "web-pubsub": [
      ...["--port", port(ports.webPubSub), ...data],
      ...secureDoor(ports.webPubSubTls),
      ...(context.hubSettings === undefined ? [] : ["--settings", context.hubSettings]),
    ],
  };
  return spec(name, name, args[name], context);
}

export interface FunctionsHostOptions {
  readonly name: string;
  readonly port: number;
  /** Origins of pages that may call them, comma separated. */
  readonly cors: string;
  /** Packages that the functions load, to be loaded ahead. */
  readonly warmUp: readonly string[];
}

/** `DAYFLY_APP` names another folder with the app in it: the package that is deployed. */
export function functionsSpec(options: FunctionsHostOptions, context: SpecContext): PartSpec {
  const app = context.environment["DAYFLY_APP"] ?? context.root;
  const args = [
    ...["--port", String(options.port), "--app", app, "--data", path.join(context.data, "functions")],
    ...["--settings", path.join(context.root, "local.settings.json"), "--log-format", "json"],
    ...["--cors", options.cors],
  ];
  const standby = `--import=${compiledUrl(context.root, "supervisor", "standby.js")}`;
  const { env, ...rest } = spec(options.name, "functions", args, context, [standby]);
  return { ...rest, env: { ...env, LOCAL_WARM_UP: options.warmUp.join(",") }, standby: true };
}

function spec(
  name: string,
  command: string,
  args: readonly string[],
  { root, clock, environment, program, ports }: SpecContext,
  nodeOptions: readonly string[] = [],
): PartSpec {
  const preload = compiledUrl(root, "clock", "preload.js");
  return {
    name,
    args: ["--enable-source-maps", `--import=${preload}`, ...nodeOptions, program, command, ...args],
    // The control takes spans; somebody who has a collector names that instead.
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port(ports.control)}`,
      ...environment,
      LOCAL_CLOCK: clock,
    },
  };
}

function compiledUrl(root: string, ...file: readonly string[]): string {
  return pathToFileURL(path.join(root, "out", "local", ...file)).href;
}

function port({ port }: ChosenPort): string {
  return String(port);
}
