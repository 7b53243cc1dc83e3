/**
 * `/_local`: what this stand-in shows and does beyond Azure, for tests and for looking inside. It is not protected by a
 * key, so only programs of this machine are let in: not a web page from elsewhere, under whatever name it calls.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { z } from "zod";
import type { RecentEvents } from "../recent-events.js";
import type { Connection } from "./realtime/connection.js";
import type { Hub } from "./realtime/hub.js";
import { RestProblem } from "./rest/problem.js";

const LARGEST_BODY_BYTES = 64 * 1024;

const drop = z.union([
  z.strictObject({ userId: z.string() }),
  z.strictObject({ connectionId: z.string() }),
  z.strictObject({ all: z.literal(true) }),
]);

const faults = z.strictObject({
  /** How many of the next messages are answered 202 and lost. */
  lose: z.strictObject({ times: z.int().min(0) }).optional(),
  /** How many of the next REST calls are refused, and how. */
  refuse: z
    .strictObject({
      times: z.int().min(0),
      status: z.int().min(400).max(599),
      retryAfterSeconds: z.int().min(0).optional(),
    })
    .optional(),
});

/** Faults that were asked for, used up one by one. */
export class Faults {
  #lose = 0;
  #refuse: z.infer<typeof faults>["refuse"];

  set({ lose, refuse }: z.infer<typeof faults>): void {
    this.#lose = lose?.times ?? 0;
    this.#refuse = refuse;
  }

  loses(): boolean {
    if (this.#lose === 0) return false;
    this.#lose -= 1;
    return true;
  }

  refusal(): RestProblem | undefined {
    const refuse = this.#refuse;
    if (refuse === undefined || refuse.times === 0) return undefined;
    this.#refuse = { ...refuse, times: refuse.times - 1 };
    const headers = refuse.retryAfterSeconds === undefined ? {} : { "retry-after": String(refuse.retryAfterSeconds) };
    return new RestProblem(refuse.status, "Fault", "Refused as asked for with POST /_local/faults.", headers);
  }
}

export interface LocalDoor {
  readonly hubs: () => Iterable<Hub>;
  readonly faults: Faults;
  readonly events: RecentEvents;
}

export async function serveLocalDoor(
  door: LocalDoor,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { origin, host } = request.headers;
  let answer: { readonly status: number; readonly body: object };
  if (!isLoopback(`http://${host ?? ""}`) || (origin !== undefined && !isLoopback(origin))) {
    request.resume();
    answer = { status: 403, body: { error: "Only pages and programs of this machine may ask." } };
  } else {
    answer = await respond(door, request);
  }
  response.statusCode = answer.status;
  response.setHeader("content-type", "application/json; charset=utf-8");
  response.setHeader("cache-control", "no-store");
  response.end(`${JSON.stringify(answer.body)}\n`);
}

async function respond(
  { hubs, faults: active, events }: LocalDoor,
  request: IncomingMessage,
): Promise<{ readonly status: number; readonly body: object }> {
  try {
    const after = /^\/_local\/events\/(\d{1,15})$/.exec(request.url ?? "")?.[1];
    if (after !== undefined && request.method === "GET") return { status: 200, body: events.after(Number(after)) };
    switch (`${request.method ?? ""} ${request.url ?? ""}`) {
      case "GET /_local/status":
        return { status: 200, body: { hubs: [...hubs()].map(statusOf) } };
      case "GET /_local/connections":
        return { status: 200, body: { connections: [...hubs()].flatMap(connectionsOf) } };
      case "POST /_local/drop":
        return { status: 200, body: { dropped: dropConnections(hubs(), drop.parse(await readJson(request))) } };
      case "POST /_local/faults":
        active.set(faults.parse(await readJson(request)));
        return { status: 200, body: {} };
      default:
        request.resume();
        return {
          status: 404,
          body: {
            error:
              "There are GET /_local/status, /_local/connections and /_local/events/{after}, POST /_local/drop and /_local/faults.",
          },
        };
    }
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : "The body is not JSON of a usual size.";
    return { status: 400, body: { error: reason } };
  }
}

function isLoopback(url: string): boolean {
  try {
    return ["127.0.0.1", "localhost", "[::1]"].includes(new URL(url).hostname);
  } catch {
    return false;
  }
}

function statusOf(hub: Hub): object {
  return {
    name: hub.name,
    connections: hub.connections.size,
    groups: Object.fromEntries([...hub.groupNames].map((group) => [group, hub.inGroup(group).size])),
  };
}

function connectionsOf(hub: Hub): object[] {
  return [...hub.connections.values()].map((connection) => ({
    hub: hub.name,
    connectionId: connection.id,
    userId: connection.userId,
    transport: connection.transport,
    sockets: [...connection.sockets.values()],
    groups: [...connection.groups],
  }));
}

function dropConnections(hubs: Iterable<Hub>, which: z.infer<typeof drop>): number {
  const isMeant = (connection: Connection): boolean =>
    "userId" in which
      ? connection.userId === which.userId
      : "connectionId" in which
        ? connection.id === which.connectionId
        : true;
  const meant = [...hubs].flatMap((hub) => [...hub.connections.values()]).filter(isMeant);
  for (const connection of meant) connection.cut();
  return meant.length;
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > LARGEST_BODY_BYTES) throw new RangeError("too large");
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString("utf8"));
}
