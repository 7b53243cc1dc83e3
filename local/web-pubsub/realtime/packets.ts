/**
 * Socket.IO packets (protocol revision 5) as far as the service reads them: the header. Arguments pass through untouched.
 *
 *   <type>[<attachments>-][<namespace>,][<ack id>][<JSON>]
 */

export const PacketType = {
  connect: 0,
  disconnect: 1,
  event: 2,
  ack: 3,
  connectError: 4,
  binaryEvent: 5,
  binaryAck: 6,
} as const;

export interface Packet {
  readonly type: number;
  /** How many binary messages follow. */
  readonly attachments: number;
  readonly namespace: string;
  /** The id that an acknowledgement will repeat; 0 is one. */
  readonly id?: number;
  /** What follows the header, as text. */
  readonly data: string;
}

/** A packet that breaks the protocol: the connection is over. */
export class PacketError extends Error {
  override readonly name = "PacketError";
}

const HEADER = /^([0-6])(?:(\d{1,4})-)?(?:(\/[^,]*)(?:,|$))?(\d{1,15})?/;

export function parsePacket(text: string): Packet {
  const match = HEADER.exec(text);
  if (match === null) throw new PacketError("not a Socket.IO packet");
  const [header, type, attachments, namespace = "/", id] = match;
  const binary = type === "5" || type === "6";
  if (binary !== (attachments !== undefined)) throw new PacketError("attachments do not go with the packet's type");
  return {
    type: Number(type),
    attachments: Number(attachments ?? 0),
    namespace,
    ...(id === undefined ? {} : { id: Number(id) }),
    data: text.slice(header.length),
  };
}

/** The event's name: the first of its arguments. */
export function eventNameOf({ data }: Packet): string {
  let args: unknown;
  try {
    args = JSON.parse(data);
  } catch {
    throw new PacketError("the arguments are not JSON");
  }
  const name: unknown = Array.isArray(args) ? args[0] : undefined;
  if (typeof name !== "string" && typeof name !== "number") throw new PacketError("an event without a name");
  return String(name);
}

/** What precedes the JSON of a packet to this namespace. */
export function namespacePrefix(namespace: string): string {
  return namespace === "/" ? "" : `${namespace},`;
}
