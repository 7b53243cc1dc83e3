/**
 * A stand-in for Azure Web PubSub for Socket.IO in serverless mode: clients speak Engine.IO, servers REST, and opaque packets
 * go from one to the other. README.md says what it does and what it does not.
 */
import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { SystemClock, type Clock } from "../clock/clock.js";
import { accessTokenCheck } from "../identity/access-tokens.js";
import type { SecureDoor } from "../identity/secure-door.js";
import { ClientEndpoint } from "./client-endpoint.js";
import { RecentEvents } from "../recent-events.js";
import { SpanSender } from "../spans.js";
import { describeSent, reportSent } from "./describe-sent.js";
import { Faults, serveLocalDoor } from "./local-door.js";
import { Hub } from "./realtime/hub.js";
import type { Sent } from "./rest/call.js";
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
  /** One more port. */
  readonly secure?: SecureDoor | undefined;
  readonly clock?: Clock;
  readonly log?: (line: string) => void;
}

export interface WebPubSub {
  readonly url: string;
  /** The address with TLS, where there is one. */
  readonly tlsUrl?: string;
  /** With the primary key. */
  readonly connectionString: string;
  stop(): Promise<void>;
}

const NO_SETTINGS: Settings = new Map();

const UNSUPPORTED = "Only Socket.IO clients (/clients/socketio/hubs/{hub}) and the REST API (/api) are served here.";

export async function startWebPubSub(options: WebPubSubOptions): Promise<WebPubSub> {
  const { port, keys, settings = NO_SETTINGS, tokenGroups = false, secure, clock = new SystemClock() } = options;
  const log = options.log ?? ((line: string): void => console.error(`web-pubsub: ${line}`));
  const http = createServer();
  const https = secure === undefined ? undefined : createTlsServer(secure);
  const servers = https === undefined ? [http] : [http, https];
  await Promise.all([listen(http, port), https === undefined ? undefined : listen(https, secure?.port ?? 0)]);
  // What it calls itself upstream: the address by which its callers know it.
  const origin = originOf(https ?? http);

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
  const spans = new SpanSender("web-pubsub");
  const sent = (what: Sent): void => {
    events.record(describeSent(what, now()));
    reportSent(what, now(), spans);
  };
  const api: RestApi = {
    service: { keys, now, log, loses: () => faults.loses(), sent },
    hub,
    refusal: () => faults.refusal(),
    ...(secure === undefined ? {} : { checkAccessToken: accessTokenCheck(secure.tokenKeys, AUDIENCE, now) }),
  };

  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const path = request.url ?? "";
    if (clients.serves(path)) clients.handleRequest(request, response);
    else if (path.startsWith("/api/")) void serveRest(api, request, response);
    else if (path.startsWith("/_local/"))
      void serveLocalDoor({ hubs: () => hubs.values(), faults, events }, request, response);
    else refuse(request, response);
  };
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    if (clients.serves(request.url ?? "")) clients.handleUpgrade(request, socket, head);
    else socket.end("HTTP/1.1 501 Not Implemented\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  };
  for (const server of servers) server.on("request", onRequest).on("upgrade", onUpgrade);

  const url = `http://${originOf(http)}`;
  return {
    url,
    ...(https === undefined ? {} : { tlsUrl: `https://${originOf(https)}` }),
    connectionString: `Endpoint=${url};AccessKey=${keys.primary};Version=1.0;`,
    stop: () => stop(servers, clients),
  };
}

const originOf = (server: HttpServer): string => `127.0.0.1:${(server.address() as AddressInfo).port}`;

/** What an access token is for (learn.microsoft.com, howto-authorize-from-application). */
const AUDIENCE = "https://webpubsub.azure.com";

function listen(http: HttpServer, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once("error", reject);
    http.listen(port, "127.0.0.1", () => {
      http.off("error", reject);
      resolve();
    });
  });
}

async function stop(servers: readonly HttpServer[], clients: ClientEndpoint): Promise<void> {
  const closed = servers.map(
    (server) =>
      new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
      }),
  );
  clients.close();
  for (const server of servers) server.closeAllConnections();
  await Promise.all(closed);
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
