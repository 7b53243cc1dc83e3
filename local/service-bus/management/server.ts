/** The management port: what is in the queues and what happens there, as JSON over HTTP, for people, tests and tools. */
import type { LoopbackServer } from "../../loopback-server.js";
import type { RheaConnection } from "../amqp/rhea.js";
import type { Broker } from "../broker/broker.js";
import type { Place } from "../broker/shelf.js";
import type { EventFeed } from "./event-feed.js";
import { EventStreams } from "./event-stream.js";
import { clearFaults, listFaults, removeFault, setFault } from "./fault-door.js";
import type { FaultSwitches } from "./faults.js";
import { serve, type Answer, type Request } from "./http.js";
import { cancelScheduled, locks, peek, purge, redrive, sessions } from "./messages.js";
import { METRICS_TYPE, metricsPage } from "./metrics.js";
import { Problem } from "./problem.js";
import type { QueueAdmin } from "./queues.js";
import type { Watch } from "./watch.js";

export interface ManagementOptions {
  readonly broker: Broker;
  readonly watch: Watch;
  readonly feed: EventFeed;
  readonly faults: FaultSwitches;
  readonly admin: QueueAdmin;
  readonly connections: () => Iterable<RheaConnection>;
  readonly storeBytes: () => Promise<number>;
}

interface Context extends ManagementOptions {
  readonly streams: EventStreams;
}

export async function startManagement(options: ManagementOptions, port: number): Promise<LoopbackServer> {
  const streams = new EventStreams(options.feed);
  const context: Context = { ...options, streams };
  const server = await serve(port, (request) => respond(context, request));
  return {
    url: server.url,
    stop: () => {
      streams.stop();
      return server.stop();
    },
  };
}

async function respond(context: Context, request: Request): Promise<Answer> {
  const { broker, streams, feed } = context;
  // Time may have been moved just now.
  broker.fallDue();
  const [kind, ...rest] = request.path;
  switch (kind) {
    case "queues":
      return rest.length === 0 ? listQueues(context, request) : respondAboutQueue(context, request, rest);
    case "faults":
      return respondAboutFaults(context, request, rest);
    case "health":
      allow(request, ["GET"], rest);
      return { status: 200, json: { status: "up" } };
    case "metrics":
      allow(request, ["GET"], rest);
      return {
        status: 200,
        text: await metricsPage({ ...context, readers: () => feed.readers }),
        type: METRICS_TYPE,
      };
    case "events": {
      allow(request, ["GET"], rest);
      streams.check();
      const named = request.query.getAll("queue").map((name) => context.admin.find(name).settings.name.toLowerCase());
      const after = request.headers["last-event-id"] ?? request.query.get("lastEventId") ?? undefined;
      return {
        stream: (response) => {
          streams.start(response, named.length === 0 ? undefined : new Set(named), String(after ?? ""));
        },
      };
    }
    default:
      throw new Problem(404, "There are /queues, /events, /metrics, /faults and /health. README.md describes them.");
  }
}

function listQueues({ admin }: Context, request: Request): Answer {
  allow(request, ["GET"]);
  return { status: 200, json: admin.list() };
}

/**
 * `/queues/{name}` and what lies below it. A name may have slashes, written as they are: the queue that the whole path names
 * comes first, so that no name is hidden by what lies below another.
 */
async function respondAboutQueue(context: Context, request: Request, rest: readonly string[]): Promise<Answer> {
  const { admin, broker } = context;
  const whole = rest.join("/");
  if (broker.queue(whole) === undefined) {
    const found = splitResource(rest);
    if (found !== undefined && (broker.queue(found.name) !== undefined || request.method !== "PUT")) {
      return respondBelowQueue(context, request, found);
    }
  }
  switch (request.method) {
    case "GET":
      return { status: 200, json: admin.describe(admin.find(whole)) };
    case "PUT": {
      const { created, queue } = await admin.put(whole, request.body);
      return { status: created ? 201 : 200, json: admin.describe(queue) };
    }
    case "DELETE":
      await admin.delete(whole);
      return { status: 204 };
    default:
      throw notAllowed(["GET", "PUT", "DELETE"]);
  }
}

interface Resource {
  readonly name: string;
  readonly resource: string;
  readonly item?: string | undefined;
}

function splitResource(rest: readonly string[]): Resource | undefined {
  const [last = "", before = ""] = [rest.at(-1), rest.at(-2)];
  if (rest.length > 2 && (before === "scheduled" || (before === "dead-letters" && last === "redrive"))) {
    return { name: rest.slice(0, -2).join("/"), resource: before, item: last };
  }
  const isResource = ["messages", "dead-letters", "locks", "sessions"].includes(last);
  return rest.length > 1 && isResource ? { name: rest.slice(0, -1).join("/"), resource: last } : undefined;
}

async function respondBelowQueue(
  { admin }: Context,
  request: Request,
  { name, resource, item }: Resource,
): Promise<Answer> {
  const queue = admin.find(name);
  const { query, method } = request;
  if (resource === "scheduled") {
    allow(request, ["DELETE"]);
    await cancelScheduled(queue, item ?? "");
    return { status: 204 };
  }
  if (item === "redrive") {
    allow(request, ["POST"]);
    return { status: 200, json: await redrive(queue, request.body) };
  }
  if (resource === "locks" || resource === "sessions") {
    allow(request, ["GET"]);
    return { status: 200, json: (resource === "locks" ? locks : sessions)(queue, query) };
  }
  const place: Place = resource === "dead-letters" ? "dead-letter" : "main";
  allow(request, ["GET", "DELETE"]);
  return { status: 200, json: method === "GET" ? peek(queue, place, query) : await purge(queue, place, query) };
}

function respondAboutFaults(context: Context, request: Request, [id, ...more]: readonly string[]): Answer {
  if (id !== undefined) {
    allow(request, ["DELETE"], more);
    return removeFault(context, id);
  }
  switch (request.method) {
    case "GET":
      return listFaults(context);
    case "POST":
      return setFault(context, request.body);
    case "DELETE":
      return clearFaults(context, request.query);
    default:
      throw notAllowed(["GET", "POST", "DELETE"]);
  }
}

function allow({ method }: Request, methods: readonly string[], rest: readonly string[] = []): void {
  if (rest.length > 0) throw new Problem(404, `There is nothing at '${rest.join("/")}'.`);
  if (!methods.includes(method)) throw notAllowed(methods);
}

function notAllowed(methods: readonly string[]): Problem {
  return new Problem(405, `This takes ${methods.join(", ")}.`, { allow: methods.join(", ") });
}
