/** Where clients connect: `/clients/socketio/hubs/{hub}/`, Engine.IO 4 over polling and WebSocket, with a token in the query. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { Server as EngineServer, type Socket as EngineSocket } from "engine.io";
import { isClientAudience } from "./audience.js";
import { hubNameOf, isGroupName } from "./names.js";
import { serveClient } from "./realtime/client-session.js";
import { Connection, type Handshake } from "./realtime/connection.js";
import type { Hub } from "./realtime/hub.js";
import type { Settings } from "./settings.js";
import { TokenError, verifyToken, type AccessKeys, type Claims } from "./tokens.js";

export interface ClientEndpointOptions {
  readonly hub: (name: string) => Hub;
  readonly keys: AccessKeys;
  readonly settings: Settings;
  readonly tokenGroups: boolean;
  readonly now: () => number;
  readonly log: (line: string) => void;
}

const PATH = /^\/clients\/socketio\/hubs\/([^/?]+)\/?(?:\?|$)/;

/** A handshake that is refused. */
class HandshakeError extends Error {
  readonly status: 400 | 401;

  constructor(status: 400 | 401, message: string) {
    super(message);
    this.status = status;
  }
}

export class ClientEndpoint {
  readonly #options: ClientEndpointOptions;
  readonly #engine: EngineServer;
  readonly #handshakes = new WeakMap<IncomingMessage, Handshake>();

  constructor(options: ClientEndpointOptions) {
    this.#options = options;
    // Any page may connect, as in Azure: the token decides.
    this.#engine = new EngineServer({ cors: { origin: true, credentials: true } });
    this.#engine.use((request: IncomingMessage, response: ServerResponse, next: () => void) => {
      this.#admit(request, response, next);
    });
    this.#engine.on("connection", (engine: EngineSocket) => {
      const handshake = this.#handshakes.get(engine.request);
      if (handshake === undefined) engine.close(true);
      else this.#open(engine, handshake);
    });
  }

  serves(target: string): boolean {
    return PATH.test(target);
  }

  handleRequest(request: IncomingMessage, response: ServerResponse): void {
    this.#engine.handleRequest(request, response);
  }

  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => {
      // The client is gone: "close" follows, and ends whatever it had.
    });
    this.#engine.handleUpgrade(request, socket, head);
  }

  close(): void {
    this.#engine.close();
  }

  /** The token is looked at once, when a connection begins: it may expire afterwards. */
  #admit(request: IncomingMessage, response: ServerResponse, next: () => void): void {
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    if (url.searchParams.has("sid")) {
      next();
      return;
    }
    try {
      this.#handshakes.set(request, this.#handshake(request, url));
    } catch (error) {
      if (!(error instanceof HandshakeError)) throw error;
      refuse(request, response, error);
      return;
    }
    next();
  }

  #handshake(request: IncomingMessage, url: URL): Handshake {
    const hub = hubNameOf(decode(PATH.exec(request.url ?? "")?.[1] ?? ""));
    if (hub === undefined) throw new HandshakeError(400, "Invalid hub name.");
    const claims = this.#claims(request, url, hub);
    url.searchParams.delete("access_token");
    const names = new Set(url.searchParams.keys());
    const query = Object.fromEntries([...names].map((name) => [name, url.searchParams.getAll(name)]));
    const headers = Object.fromEntries(
      Object.entries(request.headers)
        .filter(([name]) => name !== "authorization")
        .map(([name, value = []]) => [name, Array.isArray(value) ? value : [value]]),
    );
    return { hub, claims, query, headers };
  }

  #claims(request: IncomingMessage, url: URL, hub: string): Claims {
    const { keys, settings, now } = this.#options;
    const [, bearer] = /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? "") ?? [];
    const token = url.searchParams.get("access_token") ?? bearer;
    if (token === undefined || token === "") {
      if (settings.get(hub)?.anonymousConnectPolicy === "Allow") return {};
      throw new HandshakeError(401, "A token is required: connect with query {access_token}.");
    }
    const host = request.headers.host ?? "";
    try {
      return verifyToken(token, { keys, isAudience: (audience) => isClientAudience(audience, host, hub), now: now() });
    } catch (error) {
      if (error instanceof TokenError) throw new HandshakeError(401, error.message);
      throw error;
    }
  }

  #open(engine: EngineSocket, handshake: Handshake): void {
    const hub = this.#options.hub(handshake.hub);
    const connection = new Connection(engine, handshake);
    hub.add(connection);
    for (const role of listOf(handshake.claims["role"])) connection.permissions.add(role);
    if (this.#options.tokenGroups) {
      for (const group of listOf(handshake.claims["webpubsub.group"])) {
        if (isGroupName(group)) hub.join(connection, group);
      }
    }
    serveClient(hub, connection, engine, this.#options.log);
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

function listOf(claim: unknown): readonly string[] {
  const values: readonly unknown[] = Array.isArray(claim) ? claim : [claim];
  return values.filter((value) => typeof value === "string");
}

/** For an upgrade, engine.io's response writes nothing: the status has to go to the socket by hand. */
function refuse(request: IncomingMessage, response: ServerResponse, { status, message }: HandshakeError): void {
  const code = status === 401 ? "Unauthorized" : "BadRequest";
  const body = JSON.stringify({ code, message });
  if (request.headers.upgrade === undefined) {
    response.writeHead(status, { "content-type": "application/json; charset=utf-8" });
    response.end(body);
    return;
  }
  request.socket.end(
    `HTTP/1.1 ${status} ${status === 401 ? "Unauthorized" : "Bad Request"}\r\n` +
      "Content-Type: application/json; charset=utf-8\r\n" +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
