/**
 * What a client sends over its connection, from its first packet to its last: one packet after the other, and the next only
 * when the event handler has answered the one before.
 */
import { randomBytes } from "node:crypto";
import type { Socket as EngineSocket } from "engine.io";
import type { Connection } from "./connection.js";
import type { Hub } from "./hub.js";
import { parsePayload } from "./outgoing.js";
import { eventNameOf, namespacePrefix, PacketError, PacketType, parsePacket, type Packet } from "./packets.js";

/** A packet with the binary messages that followed it. */
interface Received {
  readonly packet: Packet;
  /** The packet as the client sent it. */
  readonly text: string;
  readonly attachments: Buffer[];
}

/** Ends of an Engine.IO connection that the service has no words for. */
const NORMAL_ENDS: ReadonlySet<string> = new Set(["transport close", "forced close"]);

/** Serves the client until it is gone. */
export function serveClient(hub: Hub, connection: Connection, engine: EngineSocket, log: (line: string) => void): void {
  let queue = Promise.resolve();
  let incomplete: Received | undefined;

  const fail = (reason: string): void => {
    log(`hub ${hub.name}: connection ${connection.id} closed: ${reason}`);
    hub.close(connection, reason);
  };
  const enqueue = (received: Received): void => {
    queue = queue.then(async () => {
      if (!connection.open) return;
      try {
        await handle(hub, connection, received, fail);
      } catch (error) {
        fail(error instanceof PacketError ? error.message : `internal error: ${String(error)}`);
      }
    });
  };

  engine.on("data", (data: string | Buffer) => {
    if (!connection.open) return;
    try {
      incomplete = receive(data, incomplete);
    } catch (error) {
      fail((error as Error).message);
      return;
    }
    if (incomplete.attachments.length < incomplete.packet.attachments) return;
    enqueue(incomplete);
    incomplete = undefined;
  });
  engine.on("close", (reason: string) => {
    hub.remove(connection, NORMAL_ENDS.has(reason) ? "" : reason);
  });
}

function receive(data: string | Buffer, incomplete: Received | undefined): Received {
  if (typeof data === "string") {
    if (incomplete !== undefined) throw new PacketError("a packet before the attachments of the last one");
    return { packet: parsePacket(data), text: data, attachments: [] };
  }
  if (incomplete === undefined) throw new PacketError("binary data that belongs to no packet");
  incomplete.attachments.push(data);
  return incomplete;
}

async function handle(
  hub: Hub,
  connection: Connection,
  received: Received,
  fail: (reason: string) => void,
): Promise<void> {
  const { type, namespace } = received.packet;
  if (type === PacketType.connect) {
    await connectNamespace(hub, connection, namespace);
    return;
  }
  if (!connection.sockets.has(namespace)) throw new PacketError("a packet for a namespace that is not connected");
  switch (type) {
    case PacketType.disconnect:
      hub.leaveNamespace(connection, namespace, "");
      return;
    case PacketType.event:
    case PacketType.binaryEvent:
      await forward(hub, connection, received, fail);
      return;
    case PacketType.ack:
    case PacketType.binaryAck:
      // Nothing waits for it: a server that speaks REST cannot ask for acknowledgements.
      return;
    default:
      throw new PacketError("a packet that only a server may send");
  }
}

/** The second step of signing in: the event handler may refuse the socket (the first was the token of the connection). */
async function connectNamespace(hub: Hub, connection: Connection, namespace: string): Promise<void> {
  if (connection.sockets.has(namespace)) return;
  const socket = { id: randomBytes(15).toString("base64url"), namespace };
  const accepted = await hub.upstream.connect(connection, socket);
  if (!connection.open) return;
  if (!accepted) {
    connection.writeText(`4${namespacePrefix(namespace)}${JSON.stringify({ message: "Unauthorized" })}`);
    return;
  }
  connection.writeText(`0${namespacePrefix(namespace)}${JSON.stringify({ sid: socket.id })}`);
  hub.enterNamespace(connection, socket);
}

async function forward(
  hub: Hub,
  connection: Connection,
  { packet, text, attachments }: Received,
  fail: (reason: string) => void,
): Promise<void> {
  const socket = connection.sockets.get(packet.namespace);
  if (socket === undefined) return;
  const payload = [`4${text}`, ...attachments.map((data) => `b${data.toString("base64")}`)].join("\x1e");
  const answer = await hub.upstream.user(eventNameOf(packet), connection, socket, payload);
  if (!answer.accepted) {
    fail(answer.reason);
    return;
  }
  if (answer.payload === "") return;
  const packets = parsePayload(answer.payload);
  if (packets === undefined) fail("the event handler's answer is not an Engine.IO payload");
  else hub.send([connection], packets);
}
