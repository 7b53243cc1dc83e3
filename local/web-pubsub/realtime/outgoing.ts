/**
 * An Engine.IO payload on its way to any number of connections: read once, framed once, written as it is to each.
 */
import { decodePayload } from "engine.io-parser";
import { parsePacket } from "./packets.js";

/** Options of `engine.io`'s write; the frame goes to a WebSocket as it is, polling takes the data. */
interface WriteOptions {
  readonly wsPreEncodedFrame: readonly [Buffer];
}

export interface OutgoingMessage {
  readonly kind: "message";
  readonly data: string | Buffer;
  readonly options: WriteOptions;
}

/** A Socket.IO disconnect packet: the service acts on it, and the client gets it without its `close` argument. */
export interface OutgoingDisconnect {
  readonly kind: "disconnect";
  readonly namespace: string;
  readonly close: boolean;
}

export type Outgoing = OutgoingMessage | OutgoingDisconnect;

/** Engine.IO protocol 4: the type of a packet that carries something of Socket.IO. */
const MESSAGE = "4";

const TEXT_FRAME = 1;
const BINARY_FRAME = 2;

/** The packets of a payload, or undefined when it is not one: every packet must be a message (4…) or base64 binary (b…). */
export function parsePayload(payload: string): readonly Outgoing[] | undefined {
  const packets = decodePayload(payload, "nodebuffer").map(({ type, data = "" }) =>
    type === "message" ? outgoing(data as string | Buffer) : undefined,
  );
  return packets.every((packet) => packet !== undefined) ? packets : undefined;
}

function outgoing(data: string | Buffer): Outgoing | undefined {
  if (typeof data !== "string") return binaryMessage(data);
  return data.startsWith("1") ? disconnect(data) : textMessage(data);
}

function textMessage(packet: string): OutgoingMessage {
  return {
    kind: "message",
    data: packet,
    options: { wsPreEncodedFrame: [frame(TEXT_FRAME, Buffer.from(`${MESSAGE}${packet}`, "utf8"))] },
  };
}

function binaryMessage(data: Buffer): OutgoingMessage {
  return { kind: "message", data, options: { wsPreEncodedFrame: [frame(BINARY_FRAME, data)] } };
}

function disconnect(packet: string): OutgoingDisconnect | undefined {
  try {
    const { namespace, data } = parsePacket(packet);
    return { kind: "disconnect", namespace, close: asksToClose(data) };
  } catch {
    return undefined;
  }
}

function asksToClose(data: string): boolean {
  try {
    return (JSON.parse(data) as { close?: unknown } | null)?.close === true;
  } catch {
    return false;
  }
}

/** One final, unmasked WebSocket frame in a single buffer: one write to each socket (RFC 6455, section 5.2). */
export function frame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const headerLength = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const buffer = Buffer.allocUnsafe(headerLength + length);
  buffer[0] = 0x80 | opcode;
  if (headerLength === 2) buffer[1] = length;
  else if (headerLength === 4) {
    buffer[1] = 126;
    buffer.writeUInt16BE(length, 2);
  } else {
    buffer[1] = 127;
    buffer.writeBigUInt64BE(BigInt(length), 2);
  }
  payload.copy(buffer, headerLength);
  return buffer;
}
