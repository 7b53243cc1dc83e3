/**
 * What the conformance tests run against: the stand-in, or with `SERVICEBUS_CONNECTION_STRING` a namespace that runs already, where
 * only those tests run that need no clock, no short lock and no look behind the scenes.
 *
 * Queues are made there, and deleted: by the administration API, or by the stand-in's own (`SERVICEBUS_MANAGEMENT_URL`).
 */
import { randomUUID } from "node:crypto";
import { test } from "@jest/globals";
import {
  ServiceBusAdministrationClient,
  ServiceBusClient,
  type ServiceBusMessage,
  type ServiceBusReceivedMessage,
  type ServiceBusReceiver,
} from "@azure/service-bus";
import { PartProcess } from "./part-process.js";

const NAMESPACE = process.env["SERVICEBUS_CONNECTION_STRING"] ?? "";
const queues = queuesOf(NAMESPACE, process.env["SERVICEBUS_MANAGEMENT_URL"]);
/** How many queues of each kind the stand-in is started with. */
const COPIES = 30;

/** A test that the stand-in alone can pass: it moves the clock, kills the broker, or needs locks of a second. */
export const standInTest = NAMESPACE === "" ? test : test.skip;

/** Settings as in the topology, times in ISO 8601. */
export interface QueueKind {
  readonly requiresSession?: boolean;
  readonly defaultMessageTimeToLive?: string;
  readonly deadLetteringOnMessageExpiration?: boolean;
  readonly requiresDuplicateDetection?: boolean;
  readonly duplicateDetectionHistoryTimeWindow?: string;
  readonly lockDuration?: string;
  readonly maxDeliveryCount?: number;
  readonly maxSizeInMegabytes?: number;
  readonly forwardDeadLetteredMessagesTo?: string;
  readonly autoDeleteOnIdle?: string;
}

export interface QueueView {
  readonly active: number;
  readonly locked: number;
  readonly scheduled: number;
  readonly deferred: number;
  readonly deadLetter: number;
  readonly sizeInBytes: number;
  readonly receivers: number;
  readonly waitingForSession: number;
}

/** Queues of a few kinds, and clients to use them. */
export class Target<Kind extends string = string> {
  readonly #kinds: Readonly<Record<Kind, QueueKind>>;
  readonly #part: PartProcess | undefined;
  readonly #clients: ServiceBusClient[] = [];
  readonly #created: string[] = [];
  #client: ServiceBusClient | undefined;

  private constructor(kinds: Readonly<Record<Kind, QueueKind>>, part: PartProcess | undefined) {
    this.#kinds = kinds;
    this.#part = part;
  }

  /** @param copies how many queues of each kind there are to take */
  static async start<Kind extends string>(
    kinds: Readonly<Record<Kind, QueueKind>>,
    copies = COPIES,
  ): Promise<Target<Kind>> {
    if (NAMESPACE !== "") return new Target(kinds, undefined);
    const queues = Object.entries<QueueKind>(kinds).flatMap(([kind, settings]) =>
      Array.from({ length: copies }, (_, index) => ({ name: `${kind}-${index}`, ...settings })),
    );
    return new Target(kinds, await PartProcess.start(queues));
  }

  /** The stand-in's process. */
  get part(): PartProcess {
    if (this.#part === undefined) throw new Error("A real namespace has no process: this is a test for the stand-in.");
    return this.#part;
  }

  get connectionString(): string {
    return this.#part?.announcement.connectionString ?? NAMESPACE;
  }

  /** A queue that no other test has used. */
  async queue(kind: Kind): Promise<string> {
    if (this.#part !== undefined) {
      const name = `${kind}-${this.#created.filter((each) => each.startsWith(`${kind}-`)).length}`;
      this.#created.push(name);
      return name;
    }
    const name = `conformance-${kind}-${randomUUID()}`;
    await queues.create(name, this.#kinds[kind]);
    this.#created.push(name);
    return name;
  }

  /** The client that most tests share. Errors are not retried, for that hides their codes. */
  get client(): ServiceBusClient {
    this.#client ??= this.newClient();
    return this.#client;
  }

  /** @param timeoutInMs how long one attempt may take, above all the wait for a session */
  newClient(connectionString = this.connectionString, timeoutInMs = 10_000): ServiceBusClient {
    const client = new ServiceBusClient(connectionString, { retryOptions: { maxRetries: 0, timeoutInMs } });
    this.#clients.push(client);
    return client;
  }

  async send(queue: string, ...messages: ServiceBusMessage[]): Promise<void> {
    const sender = this.client.createSender(queue);
    for (const message of messages) await sender.sendMessages(message);
    await sender.close();
  }

  receiver(queue: string): ServiceBusReceiver {
    return this.client.createReceiver(queue, { maxAutoLockRenewalDurationInMs: 0 });
  }

  deadLetters(queue: string): ServiceBusReceiver {
    return this.client.createReceiver(queue, { subQueueType: "deadLetter", maxAutoLockRenewalDurationInMs: 0 });
  }

  /** The stand-in's own count of what is in a queue. */
  async view(queue: string): Promise<QueueView> {
    const response = await fetch(`${this.part.announcement.management}/queues/${queue}`);
    return (await response.json()) as QueueView;
  }

  /** Resolves once the queue is as wished. */
  async until(queue: string, isSo: (view: QueueView) => boolean): Promise<QueueView> {
    for (;;) {
      const view = await this.view(queue);
      if (isSo(view)) return view;
    }
  }

  /** As a crash would do it; new clients are needed then. */
  async killAndRestart(): Promise<void> {
    await this.part.end("SIGKILL");
    await this.closeClients();
    await this.part.start();
  }

  async closeClients(): Promise<void> {
    this.#client = undefined;
    await Promise.all(this.#clients.splice(0).map((client) => client.close()));
  }

  async stop(): Promise<void> {
    await this.closeClients();
    await this.#part?.remove();
    if (this.#part === undefined) await Promise.all(this.#created.map((name) => queues.remove(name)));
  }
}

/** How queues are made in a namespace that runs already. */
function queuesOf(
  connectionString: string,
  management = "",
): { create(name: string, kind: QueueKind): Promise<void>; remove(name: string): Promise<void> } {
  if (!connectionString.includes(";UseDevelopmentEmulator=true")) {
    const admin = (): ServiceBusAdministrationClient => new ServiceBusAdministrationClient(connectionString);
    return {
      create: async (name, kind) => {
        await admin().createQueue(name, { ...kind });
      },
      remove: async (name) => {
        await admin().deleteQueue(name);
      },
    };
  }
  // The administration client always speaks https and ignores a port.
  const ask = async (method: string, name: string, kind?: QueueKind): Promise<void> => {
    if (management === "") throw new Error("SERVICEBUS_MANAGEMENT_URL is missing: what the stand-in announces.");
    const body = kind === undefined ? {} : { body: JSON.stringify(kind) };
    const response = await fetch(`${management}/queues/${name}`, { method, ...body });
    if (!response.ok) throw new Error(`${method} ${name}: ${String(response.status)} ${await response.text()}`);
    await response.arrayBuffer();
  };
  return { create: (name, kind) => ask("PUT", name, kind), remove: (name) => ask("DELETE", name) };
}

const LONG_WAIT_MS = 10_000;

/** The next message; fails when none comes. */
export async function receiveOne(receiver: ServiceBusReceiver): Promise<ServiceBusReceivedMessage> {
  const [message] = await receiver.receiveMessages(1, { maxWaitTimeInMs: LONG_WAIT_MS });
  if (message === undefined) throw new Error("No message has come.");
  return message;
}

/** The next `count` messages, however many calls that takes. */
export async function receive(receiver: ServiceBusReceiver, count: number): Promise<ServiceBusReceivedMessage[]> {
  const messages: ServiceBusReceivedMessage[] = [];
  while (messages.length < count) {
    const more = await receiver.receiveMessages(count - messages.length, { maxWaitTimeInMs: LONG_WAIT_MS });
    if (more.length === 0) throw new Error(`Only ${messages.length} of ${count} messages have come.`);
    messages.push(...more);
  }
  return messages;
}

/** What comes within a moment, for tests that nothing does. */
export function receiveNone(receiver: ServiceBusReceiver): Promise<ServiceBusReceivedMessage[]> {
  return receiver.receiveMessages(10, { maxWaitTimeInMs: 100 });
}

export const bodies = (messages: readonly ServiceBusReceivedMessage[]): unknown[] =>
  messages.map(({ body }) => body as unknown);
