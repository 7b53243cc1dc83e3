/**
 * A stand-in for Azure Web PubSub for Socket.IO in serverless mode: clients speak Engine.IO, servers REST, and opaque packets
 * go from one to the other. README.md says what it does and what it does not.
 */
import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { SystemClock, type Clock } from "../clock/clock.js";
import { ClientEndpoint } from "./client-endpoint.js";
import { RecentEvents } from "../recent-events.js";
import { describeSent } from "./describe-sent.js";
import { Faults, serveLocalDoor } from "./local-door.js";
import { Hub } from "./realtime/hub.js";
import { serveRest, type RestApi } from "./rest/router.js";
import type { Settings } from "./settings.js";
import type { AccessKeys } from "./tokens.js";
import { AbuseProtection } from "./upstream/abuse-protection.js";
import { Upstream } from "./upstream/upstream.js";

export interface WebPubSubOptions {
  /** 0 takes any free one. */
  readonly port: number;
  readonly keys: AccessKeys;
  readonly settings?: Settings;
  /** Whether a client's token may name groups to join. */
  readonly tokenGroups?: boolean;
  readonly clock?: Clock;
  readonly log?: (line: string) => void;
}

export interface WebPubSub {
  readonly url: string;
  /** With the primary key. */
  readonly connectionString: string;
  stop(): Promise<void>;
}

const NO_SETTINGS: Settings = new Map();

const UNSUPPORTED = "Only Socket.IO clients (/clients/socketio/hubs/{hub}) and the REST API (/api) are served here.";

export async function startWebPubSub(options: WebPubSubOptions): Promise<WebPubSub> {
  const { port, keys, settings = NO_SETTINGS, tokenGroups = false, clock = new SystemClock() } = options;
  const log = options.log ?? ((line: string): void => console.error(`web-pubsub: ${line}`));
  const http = createServer();
  await listen(http, port);
  const origin = `127.0.0.1:${(http.address() as AddressInfo).port}`;

  const protection = new AbuseProtection(origin, clock, log);
  const hubs = new Map<string, Hub>();
  const hub = (name: string): Hub => {
    const present = hubs.get(name);
    if (present !== undefined) return present;
    const handlers = settings.get(name)?.eventHandlers ?? [];
    const created = new Hub(name, new Upstream({ hub: name, handlers, keys, origin, protection, clock, log }));
    hubs.set(name, created);
    return created;
  };
  const faults = new Faults();
  const now = (): number => clock.now();
  const clients = new ClientEndpoint({ hub, keys, settings, tokenGroups, now, log });
  const events = new RecentEvents();
  const api: RestApi = {
    service: { keys, now, log, loses: () => faults.loses(), sent: (sent) => events.record(describeSent(sent, now())) },
    hub,
    refusal: () => faults.refusal(),
  };

  http.on("request", (request: IncomingMessage, response: ServerResponse) => {
    const path = request.url ?? "";
    if (clients.serves(path)) clients.handleRequest(request, response);
    else if (path.startsWith("/api/")) void serveRest(api, request, response);
    else if (path.startsWith("/_local/"))
      void serveLocalDoor({ hubs: () => hubs.values(), faults, events }, request, response);
    else refuse(request, response);
  });
  http.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (clients.serves(request.url ?? "")) clients.handleUpgrade(request, socket, head);
    else socket.end("HTTP/1.1 501 Not Implemented\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  });

  const url = `http://${origin}`;
  return {
    url,
    connectionString: `Endpoint=${url};AccessKey=${keys.primary};Version=1.0;`,
    stop: () => stop(http, clients),
  };
}

function listen(http: HttpServer, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once("error", reject);
    http.listen(port, "127.0.0.1", () => {
      http.off("error", reject);
      resolve();
    });
  });
}

function stop(http: HttpServer, clients: ClientEndpoint): Promise<void> {
  return new Promise((resolve) => {
    http.close(() => {
      resolve();
    });
    clients.close();
    http.closeAllConnections();
  });
}

/** Plain WebSocket and MQTT clients exist in Azure, but not here. */
function refuse(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  response.statusCode = /^\/clients?\//.test(request.url ?? "") ? 501 : 404;
  response.setHeader("content-type", "application/json; charset=utf-8");
  response.end(
    JSON.stringify({ code: response.statusCode === 501 ? "NotImplemented" : "NotFound", message: UNSUPPORTED }),
  );
}
