/** Output bindings: `http` is the answer of the HTTP listener; `serviceBus` sends messages, body only, as from Node on Azure. */
import { RETURN, type HostFunction } from "./functions.js";
import type { OutputSink } from "./invoke.js";
import type { TypedData } from "./rpc.js";

export interface OutgoingMessage {
  readonly body: Buffer;
  readonly contentType: string;
}

export interface MessageSender {
  send(connection: string | undefined, entity: string, messages: readonly OutgoingMessage[]): Promise<void>;
}

/** Sends every output to its place; what fails there fails the invocation, where the function cannot catch it. */
export function createOutputSink(sender: MessageSender): OutputSink {
  return async (fn, response) => {
    const sent = fn.outputs.map(async ({ name, binding }) => {
      if (binding.type.toLowerCase() === "http") return;
      const data =
        name === RETURN ? response.returnValue : response.outputData?.find((output) => output.name === name)?.data;
      const messages = toMessages(data);
      if (messages.length === 0) return;
      const connection = binding["connection"] as string | undefined;
      await sender.send(connection, entityOf(fn, binding), messages);
    });
    await Promise.all(sent);
  };
}

function entityOf(fn: HostFunction, binding: Readonly<Record<string, unknown>>): string {
  const entity = binding["queueName"] ?? binding["topicName"];
  if (typeof entity !== "string") throw new Error(`An output of function '${fn.name}' names neither queue nor topic.`);
  return entity;
}

/** One message, or one for each element of an array; none for nothing. */
export function toMessages(data: TypedData | null | undefined): readonly OutgoingMessage[] {
  if (data === null || data === undefined) return [];
  if (data.bytes !== undefined) return [{ body: Buffer.from(data.bytes), contentType: "application/octet-stream" }];
  if (data.json !== undefined) {
    const value = JSON.parse(data.json) as unknown;
    return Array.isArray(value) ? value.map(toMessage) : [toMessage(value)];
  }
  const text = data.string ?? data.int ?? data.double;
  return text === undefined ? [] : [toMessage(text)];
}

function toMessage(value: unknown): OutgoingMessage {
  return typeof value === "object" && value !== null
    ? { body: Buffer.from(JSON.stringify(value)), contentType: "application/json" }
    : { body: Buffer.from(String(value)), contentType: "text/plain" };
}
