/**
 * The broker's state as keys and values. A message is one record with its first status; when the status changes, a second, small
 * one stands beside it. Session ids and message ids come last in a key: they may contain anything.
 */
import { UnknownData } from "./error.js";
import type { Change } from "./journal.js";
import type { Content, IncomingMessage, MessageStatus } from "./model.js";

interface MessageHead {
  readonly messageId: string;
  readonly sessionId?: string | undefined;
  readonly timeToLive?: number | undefined;
  readonly status: MessageStatus;
}

export interface StoredMessage {
  readonly change: Change;
  /** The content within the record's bytes, so that it is in memory once. */
  readonly content: Uint8Array;
}

const HEAD_LENGTH_BYTES = 4;

export function messageStored(
  queue: string,
  id: number,
  message: IncomingMessage,
  status: MessageStatus,
): StoredMessage {
  const { messageId, sessionId, timeToLive } = message;
  const head = Buffer.from(JSON.stringify({ messageId, sessionId, timeToLive, status } satisfies MessageHead));
  const value = Buffer.allocUnsafeSlow(HEAD_LENGTH_BYTES + head.length + message.content.length);
  value.writeUInt32BE(head.length, 0);
  value.set(head, HEAD_LENGTH_BYTES);
  value.set(message.content, HEAD_LENGTH_BYTES + head.length);
  return {
    change: { put: messageKey(queue, id), value },
    content: value.subarray(HEAD_LENGTH_BYTES + head.length),
  };
}

/** Names of queues are case-insensitive, and a topology may come to write one otherwise: the data stay the same queue's. */
function keyOf(kind: string, queue: string): string {
  return `${kind}:${queue.toLowerCase()}`;
}

export function messageKey(queue: string, id: number): string {
  return `${keyOf("m", queue)}:${id}`;
}

/** The content within a message's record. */
export function contentIn(value: Buffer): Buffer {
  return value.subarray(HEAD_LENGTH_BYTES + value.readUInt32BE(0));
}

export interface RecoveredMessage extends MessageHead {
  readonly content: Content;
}

function readMessage(value: Buffer, content: Content): RecoveredMessage {
  const head = JSON.parse(
    value.toString("utf8", HEAD_LENGTH_BYTES, HEAD_LENGTH_BYTES + value.readUInt32BE(0)),
  ) as MessageHead;
  return { ...head, content };
}

export function statusChanged(queue: string, id: number, status: MessageStatus): Change {
  return { put: `${keyOf("s", queue)}:${id}`, value: Buffer.from(JSON.stringify(status)) };
}

function readStatus(value: Buffer): MessageStatus {
  return JSON.parse(value.toString("utf8")) as MessageStatus;
}

export function messageRemoved(queue: string, id: number, statusStored: boolean): Change[] {
  const changes: Change[] = [{ remove: messageKey(queue, id) }];
  if (statusStored) changes.push({ remove: `${keyOf("s", queue)}:${id}` });
  return changes;
}

export function nextNumber(queue: string, sequenceNumber: number): Change {
  return { put: keyOf("n", queue), value: Buffer.from(String(sequenceNumber)) };
}

export function numberForgotten(queue: string): Change {
  return { remove: keyOf("n", queue) };
}

export function duplicateSeen(queue: string, messageId: string, at: number): Change {
  return { put: `${keyOf("d", queue)}:${messageId}`, value: Buffer.from(String(at)) };
}

export function duplicateForgotten(queue: string, messageId: string): Change {
  return { remove: `${keyOf("d", queue)}:${messageId}` };
}

export function sessionStateSet(queue: string, sessionId: string, state: Uint8Array | undefined): Change {
  const key = `${keyOf("t", queue)}:${sessionId}`;
  return state === undefined ? { remove: key } : { put: key, value: state };
}

/** What is on disk of one queue. */
export interface QueueRecords {
  readonly messages: Map<number, RecoveredMessage>;
  readonly statuses: Map<number, MessageStatus>;
  readonly duplicates: Map<string, number>;
  readonly sessionStates: Map<string, Buffer>;
  nextNumber: number;
}

/** Sorts the live entries of a store by queue. `contentOf` says where a message's content is to be from now on. */
export function readRecords(
  entries: Iterable<readonly [key: string, value: Buffer]>,
  contentOf: (queue: string, id: number, content: Buffer) => Content,
): Map<string, QueueRecords> {
  const queues = new Map<string, QueueRecords>();
  for (const [key, value] of entries) {
    const [, kind = "", queue = "", id = ""] = /^([a-z]):([^:]*):?(.*)$/s.exec(key) ?? [];
    if (queue !== queue.toLowerCase()) {
      throw new UnknownData(`they hold the queue '${queue}' in capitals`);
    }
    let records = queues.get(queue);
    if (records === undefined) {
      records = {
        messages: new Map(),
        statuses: new Map(),
        duplicates: new Map(),
        sessionStates: new Map(),
        nextNumber: 1,
      };
      queues.set(queue, records);
    }
    if (kind === "m")
      records.messages.set(Number(id), readMessage(value, contentOf(queue, Number(id), contentIn(value))));
    else if (kind === "s") records.statuses.set(Number(id), readStatus(value));
    else if (kind === "d") records.duplicates.set(id, Number(value.toString()));
    else if (kind === "t") records.sessionStates.set(id, Buffer.from(value));
    else if (kind === "n") records.nextNumber = Number(value.toString());
    else throw new UnknownData(`they hold an entry of an unknown kind, '${kind}'`);
  }
  return queues;
}
