/**
 * What the conformance tests run against: the part, started as users do, as a process; or with `WEBPUBSUB_CONNECTION_STRING` a
 * resource of the kind SocketIO that runs already, where only those tests run that need no look behind the scenes.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { randomUUID } from "node:crypto";
import { test } from "@jest/globals";
import { WebPubSubServiceClient, type GenerateClientTokenOptions } from "@azure/web-pubsub";
import { io, type ManagerOptions, type Socket, type SocketOptions } from "socket.io-client";

export type Transport = "polling" | "websocket";

export interface Part {
  readonly address: string;
  readonly connectionString: string;
  readonly log: readonly string[];
  /** SIGTERM; resolves to the exit code. */
  stop(): Promise<number | null>;
  kill(): Promise<void>;
}

const RESOURCE = process.env["WEBPUBSUB_CONNECTION_STRING"] ?? "";

/** A test that the stand-in alone can pass. */
export const standInTest = RESOURCE === "" ? test : test.skip;

/** Hubs come to be by their use: what others do in a resource that they share with us is not ours. */
export const HUB = RESOURCE === "" ? "chat" : `conformance${randomUUID().replaceAll("-", "")}`;

const root = path.resolve(import.meta.dirname, "../../..");

export async function temporaryFolder(): Promise<string> {
  return mkdtemp(path.join(tmpdir(), "web-pubsub-"));
}

export const removeFolder = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true });

/** What runs already, or a part of our own. */
export async function startTarget(): Promise<Part> {
  if (RESOURCE === "") return startPart();
  const [, address = ""] = /(?:^|;)Endpoint=([^;]*?)\/?(?:;|$)/u.exec(RESOURCE) ?? [];
  const stays = (): Promise<never> => Promise.reject(new Error("A resource that runs already goes on running."));
  return { address, connectionString: RESOURCE, log: [], stop: () => Promise.resolve(0), kill: stays };
}

/** Rejects with what the part printed when it does not start. */
export async function startPart(
  options: Readonly<Record<string, string>> = {},
  { execArgv = [], env = {} }: { execArgv?: readonly string[]; env?: Readonly<Record<string, string>> } = {},
): Promise<Part> {
  const args = Object.entries({ port: "0", "access-key": "primary-key", "secondary-key": "secondary-key", ...options })
    .filter(([, value]) => value !== "")
    .flatMap(([name, value]) => [`--${name}`, value]);
  const child = spawn(
    process.execPath,
    ["--enable-source-maps", ...execArgv, path.join(root, "out/local/cli.js"), "web-pubsub", ...args],
    { stdio: ["ignore", "pipe", "pipe", "ipc"], env: { ...process.env, ...env } },
  );
  const log: string[] = [];
  const { stdout, stderr } = child;
  if (stdout === null || stderr === null) throw new Error("The part has no output.");
  createInterface(stderr).on("line", (line) => log.push(line));
  const announced = once(createInterface(stdout), "line") as Promise<[string]>;
  const exited = once(child, "exit") as Promise<[number | null]>;
  const first = await Promise.race([announced, exited]);
  if (typeof first[0] !== "string") throw new Error(`The part ended with ${String(first[0])}: ${log.join("\n")}`);
  const { address, connectionString } = JSON.parse(first[0]) as { address: string; connectionString: string };
  return { address, connectionString, log, stop: () => end(child, exited, "SIGTERM"), kill: () => kill(child, exited) };
}

async function end(
  child: ChildProcess,
  exited: Promise<[number | null]>,
  signal: NodeJS.Signals,
): Promise<number | null> {
  child.kill(signal);
  const [code] = await exited;
  return code;
}

async function kill(child: ChildProcess, exited: Promise<[number | null]>): Promise<void> {
  await end(child, exited, "SIGKILL");
}

export async function settingsFile(folder: string, settings: object): Promise<string> {
  const file = path.join(folder, "settings.json");
  await writeFile(file, JSON.stringify(settings));
  return file;
}

export function serviceClient(part: Part, hub = HUB, connectionString = part.connectionString): WebPubSubServiceClient {
  return new WebPubSubServiceClient(connectionString, hub, {
    allowInsecureConnection: true,
    retryOptions: { maxRetries: 0 },
  });
}

/** What a negotiate endpoint answers. */
export async function negotiate(
  service: WebPubSubServiceClient,
  options: GenerateClientTokenOptions = {},
): Promise<{ endpoint: string; path: string; token: string }> {
  const { baseUrl, token } = await service.getClientAccessToken({ clientProtocol: "socketio", ...options });
  const url = new URL(baseUrl.replace(/^ws/, "http"));
  return { endpoint: url.origin, path: url.pathname, token };
}

/** The clients of a test file, closed together. */
export class Clients {
  readonly #sockets: Socket[] = [];

  /** A client that has not connected yet. */
  open(
    { endpoint, path, token }: { endpoint: string; path: string; token?: string },
    options: Partial<ManagerOptions & SocketOptions> = {},
    namespace = "/",
  ): Socket {
    const socket = io(endpoint + (namespace === "/" ? "" : namespace), {
      path,
      query: token === undefined ? {} : { access_token: token },
      forceNew: true,
      reconnectionDelay: 10,
      reconnectionDelayMax: 20,
      ...options,
    });
    this.#sockets.push(socket);
    return socket;
  }

  async connect(
    service: WebPubSubServiceClient,
    userId: string,
    options: Partial<ManagerOptions & SocketOptions> = {},
    namespace = "/",
  ): Promise<Socket> {
    const socket = this.open(await negotiate(service, { userId }), options, namespace);
    await connected(socket);
    return socket;
  }

  /** Another namespace over the same connection. */
  async join(socket: Socket, namespace: string): Promise<Socket> {
    const other = socket.io.socket(namespace);
    this.#sockets.push(other);
    await connected(other);
    return other;
  }

  closeAll(): void {
    for (const socket of this.#sockets.splice(0)) socket.close();
  }
}

/** Rejects when the connection is refused. */
export function connected(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("connect_error", reject);
  });
}

/** The arguments of the next event of that name. */
export function next(socket: Socket, event: string): Promise<unknown[]> {
  return new Promise((resolve) => socket.once(event, (...args: unknown[]) => resolve(args)));
}

/** All events that come before the one named `end`, as [name, ...args]. */
export function until(socket: Socket, end: string): Promise<unknown[][]> {
  const seen: unknown[][] = [];
  return new Promise((resolve) => {
    const listen = (name: string, ...args: unknown[]): void => {
      if (name !== end) {
        seen.push([name, ...args]);
        return;
      }
      socket.offAny(listen);
      resolve(seen);
    };
    socket.onAny(listen);
  });
}

const base64url = (text: string): string => Buffer.from(text).toString("base64url");
/** Written out here a second time: a mistake in the stand-in's own names must show. */
export const groupOf = (room?: string, namespace = "/"): string =>
  `0~${base64url(namespace)}~${room === undefined ? "" : base64url(room)}`;

export const text = { contentType: "text/plain" } as const;

/** By the service's own interface: a socket is alone in the group of its id. */
export async function connectionIdOf(service: WebPubSubServiceClient, socket: Socket): Promise<string> {
  const [id, ...others] = await membersOf(service, groupOf(socket.id));
  if (id === undefined || others.length > 0) throw new Error("The socket has no connection of its own.");
  return id;
}

/** The ids of a group's connections, in order. */
export async function membersOf(service: WebPubSubServiceClient, group: string): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const { connectionId } of await service.group(group).listConnections()) ids.push(connectionId);
  return ids.sort();
}

interface LocalConnection {
  readonly hub: string;
  readonly connectionId: string;
  readonly userId: string | null;
  readonly transport: string;
  readonly sockets: readonly { readonly id: string; readonly namespace: string }[];
  readonly groups: readonly string[];
}

async function localConnections(part: Part): Promise<readonly LocalConnection[]> {
  const response = await fetch(`${part.address}/_local/connections`);
  return ((await response.json()) as { connections: LocalConnection[] }).connections;
}

export async function connectionOf(part: Part, socket: Socket): Promise<LocalConnection> {
  const found = (await localConnections(part)).find(({ sockets }) => sockets.some(({ id }) => id === socket.id));
  if (found === undefined) throw new Error("The socket has no connection.");
  return found;
}

export async function drop(part: Part, which: object): Promise<number> {
  const response = await fetch(`${part.address}/_local/drop`, { method: "POST", body: JSON.stringify(which) });
  return ((await response.json()) as { dropped: number }).dropped;
}
