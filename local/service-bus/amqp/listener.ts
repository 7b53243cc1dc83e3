import type { AddressInfo, Server, Socket } from "node:net";
import { newContainer, type RheaConnection, type RheaReceiver, type RheaSender, type RheaSession } from "./rhea.js";
import { Authorization, tokenExpired } from "./authorization.js";
import { attachCbsReceiver } from "./cbs.js";
import type { BrokerError } from "../broker/error.js";
import { log } from "../log.js";
import { amqpErrorOf } from "./conditions.js";
import { keepEncoded } from "./format.js";
import { guardEndedSessions, guardFrameSize, guardSession, guardSocket, type Opened } from "./guards.js";
import { attachManagementReceiver } from "./management-link.js";
import { closeEnd, refuse, wakeSession, type Namespace, type Peer } from "./peer.js";
import { attachReceiverLink } from "./receiver-link.js";
import { attachSenderLink } from "./sender-link.js";
import { attachSessionLink, sessionFilterOf } from "./session-link.js";

export interface AmqpListener {
  readonly port: number;
  connections(): Iterable<RheaConnection>;
  /** Closes each connection with `amqp:connection:forced`, upon which clients come back at once when somebody listens again. */
  stop(): Promise<void>;
}

const MAX_FRAME_BYTES = 65_536;
const IDLE_TIMEOUT_MS = 240_000;
/** How long a client may take to answer the close. */
const CLOSE_TIMEOUT_MS = 500;

/** Serves the namespace over AMQP 1.0, on loopback only; over TLS when there is a certificate. */
export async function startListener(
  namespace: Omit<Namespace, "host">,
  options: {
    readonly host: string;
    readonly port: number;
    readonly tls?: { readonly cert: Buffer; readonly key: Buffer };
  },
): Promise<AmqpListener> {
  const container = newContainer("service-bus");
  const peers = new Map<RheaConnection, Peer>();
  const sockets = new Map<Socket, Opened>();
  let host = "";

  const peerOf = (connection: RheaConnection): Peer => {
    let peer = peers.get(connection);
    if (peer === undefined) {
      peer = {
        namespace: { ...namespace, host },
        connection,
        authorization: new Authorization(namespace.clock, () => {
          detachAll(connection, tokenExpired());
        }),
        ends: new Map(),
        replyLinks: new Map(),
      };
      peers.set(connection, peer);
      sockets.get(connection.socket)?.();
      guardFrameSize(connection, MAX_FRAME_BYTES);
      guardEndedSessions(connection);
      log("debug", "A client has connected.", { connections: peers.size });
      // rhea raises no event for a socket that was destroyed or lost in silence: its links would stay open for ever.
      connection.socket.once("close", () => {
        lost(connection);
      });
    }
    return peer;
  };
  const lost = (connection: RheaConnection): void => {
    const peer = peers.get(connection);
    if (peer === undefined) return;
    peers.delete(connection);
    peer.authorization.stop();
    log("debug", "A client is gone.", { connections: peers.size });
    for (const link of [...peer.ends.keys()]) closeEnd(peer, link);
    connection._disconnected();
  };
  const closed = (link: RheaSender | RheaReceiver): void => {
    const peer = peers.get(link.connection);
    if (peer !== undefined) closeEnd(peer, link);
  };

  container.on("connection_open", ({ connection }: { connection: unknown }) => {
    peerOf(connection as RheaConnection);
  });
  container.on("session_open", ({ session }: { session: unknown }) => {
    const rheaSession = session as RheaSession;
    prepareSession(rheaSession, peerOf(rheaSession.connection));
  });
  container.on("sender_open", ({ sender }: { sender: unknown }) => {
    const link = sender as RheaSender;
    attachForSending(peerOf(link.connection), link);
  });
  container.on("receiver_open", ({ receiver }: { receiver: unknown }) => {
    const link = receiver as RheaReceiver;
    attachForReceiving(peerOf(link.connection), link);
  });
  container.on("sender_close", ({ sender }: { sender: unknown }) => {
    closed(sender as RheaSender);
  });
  container.on("receiver_close", ({ receiver }: { receiver: unknown }) => {
    closed(receiver as RheaReceiver);
  });
  container.on("session_close", ({ session }: { session: unknown }) => {
    const { connection } = session as RheaSession;
    const peer = peers.get(connection);
    for (const link of peer === undefined ? [] : [...peer.ends.keys()]) {
      if (peer !== undefined && link.session === session) closeEnd(peer, link);
    }
  });
  // rhea throws what nobody listens to.
  for (const event of ["error", "protocol_error"]) {
    container.on(event, (error: unknown) => {
      log("warn", `A connection failed: ${error instanceof Error ? error.message : "unknown error"}`);
    });
  }
  for (const event of [
    "disconnected",
    "connection_close",
    "connection_error",
    "session_error",
    "sender_error",
    "receiver_error",
    "settled",
  ]) {
    container.on(event, () => undefined);
  }

  const { tls } = options;
  const server: Server = container.listen({
    ...(tls === undefined ? {} : { transport: "tls" as const, ...tls }),
    host: options.host,
    port: options.port,
    max_frame_size: MAX_FRAME_BYTES,
    idle_time_out: IDLE_TIMEOUT_MS,
    // A client that finds no credit sleeps a second: what its session's window lets through (2048) must always be granted.
    receiver_options: { autoaccept: false, autosettle: false, credit_window: 5_000 },
    sender_options: { autosettle: false, treat_modified_as_released: false } as object,
  });
  server.prependListener(tls === undefined ? "connection" : "secureConnection", (socket: Socket) => {
    sockets.set(socket, guardSocket(socket));
    socket.once("close", () => sockets.delete(socket));
    socket.setNoDelay(true);
    gatherWrites(socket);
  });
  await listening(server);
  const { port } = server.address() as AddressInfo;
  host = `${options.host}:${port}`;

  return {
    port,
    connections: () => peers.keys(),
    async stop() {
      const stopped = new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
      });
      for (const connection of [...peers.keys()]) {
        connection.close({ condition: "amqp:connection:forced", description: "The service bus is stopping." });
      }
      const timeout = setTimeout(() => {
        for (const socket of sockets.keys()) socket.destroy();
      }, CLOSE_TIMEOUT_MS);
      await stopped;
      clearTimeout(timeout);
    },
  };
}

function listening(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.once("listening", resolve);
  });
}

/** A link on which the peer receives: of `$cbs`, of a `$management`, or of a queue. */
function attachForSending(peer: Peer, link: RheaSender): void {
  try {
    const address = link.source?.address ?? "";
    if (address === "$cbs" || address.toLowerCase().endsWith("/$management")) {
      link.set_source({ address });
      // Settled at once: the client's disposition would meet Nagle's algorithm and a delayed acknowledgement.
      link.local.attach.snd_settle_mode = 1;
      const replyTo = link.target?.address ?? link.name;
      link.set_target({ address: replyTo });
      peer.replyLinks.set(replyTo, link);
      peer.replyLinks.set(link.name, link);
      peer.ends.set(link, {
        closed: () => {
          peer.replyLinks.delete(replyTo);
          peer.replyLinks.delete(link.name);
        },
      });
    } else if (sessionFilterOf(link) === undefined) {
      attachReceiverLink(peer, link, address);
    } else {
      attachSessionLink(peer, link, address);
    }
  } catch (error) {
    refuse(link, error);
  }
}

/** A link on which the peer sends. */
function attachForReceiving(peer: Peer, link: RheaReceiver): void {
  try {
    const address = link.target?.address ?? "";
    if (address === "$cbs") attachCbsReceiver(peer, link);
    else if (address.toLowerCase().endsWith("/$management")) attachManagementReceiver(peer, link, address);
    else attachSenderLink(peer, link, address);
  } catch (error) {
    refuse(link, error);
  }
}

/** All links but those of `$cbs`, over which the client may put a new token. */
function detachAll(connection: RheaConnection, reason: BrokerError): void {
  connection.each_link((link) => {
    const address = link.is_receiver() ? link.target?.address : link.source?.address;
    if (address !== "$cbs" && link.is_open()) link.close(amqpErrorOf(reason));
  });
}

function prepareSession(session: RheaSession, peer: Peer): void {
  guardSession(session);
  const onTransfer = session.on_transfer.bind(session);
  session.on_transfer = (frame) => {
    keepEncoded(frame.performative);
    onTransfer(frame);
  };
  const onFlow = session.on_flow.bind(session);
  session.on_flow = (frame) => {
    onFlow(frame);
    // The SDK's socket keeps Nagle's algorithm on, and a flow is the one frame that asks for no answer: an empty frame spares
    // the client's next write a delayed acknowledgement of 40 ms.
    session.connection._write_frame();
    if (frame.performative.handle === undefined) wakeSession(peer, session);
  };
}

/** rhea writes each frame by itself: those of one turn go out as one. */
function gatherWrites(socket: Socket): void {
  const write = socket.write.bind(socket);
  let corked = false;
  socket.write = (chunk: string | Uint8Array): boolean => {
    if (!corked) {
      corked = true;
      socket.cork();
      process.nextTick(() => {
        corked = false;
        socket.uncork();
      });
    }
    return write(chunk);
  };
}
