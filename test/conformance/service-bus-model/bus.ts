/** The part as its users meet it: through the real SDK, and through the management door for what the SDK cannot show. */
import Long from "long";
import type {
  ServiceBusClient,
  ServiceBusMessage,
  ServiceBusReceivedMessage,
  ServiceBusReceiver,
  ServiceBusSender,
  ServiceBusSessionReceiver,
} from "@azure/service-bus";
import { ServiceBusClient as Client } from "@azure/service-bus";
import { PartProcess } from "../service-bus/part-process.js";
import { receive } from "../service-bus/target.js";
import { QUEUES, type Entry, type QueueName, type Seen, type Status } from "./model.js";

export type Settlement = "complete" | "abandon" | "defer" | "dead-letter";
export type Mode = "peekLock" | "receiveAndDelete";

/** Where one receives: a queue or its dead-letter queue; or a session. */
export interface Where {
  readonly queue: QueueName;
  readonly dead: boolean;
  readonly session?: string | undefined;
}

interface Found {
  readonly sequenceNumber: number;
  readonly messageId: string;
  readonly state: string;
  readonly deliveryCount: number;
  readonly lockedUntil?: string;
  readonly deadLetterReason?: string;
}

const TOPOLOGY = [
  { name: "plain", maxDeliveryCount: 3, deadLetteringOnMessageExpiration: true },
  // The rest of a session goes with one that expires: a rule with a test of its own.
  {
    name: "sessions",
    requiresSession: true,
    maxDeliveryCount: 3,
    deadLetteringOnMessageExpiration: true,
    expireWholeSession: false,
  },
  { name: "once", requiresDuplicateDetection: true, duplicateDetectionHistoryTimeWindow: "P7D", maxDeliveryCount: 3 },
].map((queue) => ({ ...queue, lockDuration: "PT5M" }));

/** The one class, declared once for ESM and once for CommonJS. */
const longOf = ({ number }: Status): never => Long.fromString(String(number)) as unknown as never;

/** All that is open towards one run of the process. */
class Connection {
  readonly client: ServiceBusClient;
  readonly senders = new Map<QueueName, ServiceBusSender>();
  readonly receivers = new Map<string, ServiceBusReceiver>();
  readonly sessions = new Map<string, ServiceBusSessionReceiver>();
  readonly locks = new Map<string, { message: ServiceBusReceivedMessage; receiver: ServiceBusReceiver }>();

  constructor(connectionString: string) {
    // Nothing is tried again: a second attempt would send twice.
    this.client = new Client(connectionString, { retryOptions: { maxRetries: 0, timeoutInMs: 20_000 } });
  }
}

export class Bus {
  kills = 0;
  readonly #part: PartProcess;
  #connection: Connection;

  private constructor(part: PartProcess) {
    this.#part = part;
    this.#connection = new Connection(part.announcement.connectionString);
  }

  static async start(): Promise<Bus> {
    return new Bus(await PartProcess.start(TOPOLOGY));
  }

  async stop(): Promise<void> {
    await this.#connection.client.close();
    await this.#part.remove();
  }

  now(): number {
    return this.#part.now();
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    this.kills++;
    await this.#part.end(signal);
  }

  /** On another port: what the old client has under way ends with a time-out, which takes it long, and comes back nowhere. */
  async startAgain(): Promise<void> {
    const { client } = this.#connection;
    await this.#part.start("0");
    this.#connection = new Connection(this.#part.announcement.connectionString);
    client.close().catch(() => undefined);
  }

  advance(ms: number): Promise<void> {
    return this.#part.advance(ms);
  }

  // Sending

  send(queue: QueueName, messages: ServiceBusMessage | ServiceBusMessage[]): Promise<void> {
    return this.#sender(queue).sendMessages(messages);
  }

  async schedule(queue: QueueName, message: ServiceBusMessage, at: number): Promise<void> {
    await this.#sender(queue).scheduleMessages(message, new Date(at));
  }

  async cancel({ queue, status }: Entry): Promise<void> {
    await this.#sender(queue).cancelScheduledMessages(longOf(status));
  }

  // Receiving

  async receive(where: Where, count: number, mode: Mode): Promise<ServiceBusReceivedMessage[]> {
    const receiver = this.#receiver(where, mode);
    const messages = await receive(receiver, count);
    if (mode === "peekLock") this.#remember(messages, receiver);
    return messages;
  }

  async receiveDeferred(where: Where, entries: readonly Entry[]): Promise<ServiceBusReceivedMessage[]> {
    const receiver = this.#receiver(where, "peekLock");
    const messages = await receiver.receiveDeferredMessages(entries.map(({ status }) => longOf(status)));
    this.#remember(messages, receiver);
    return messages;
  }

  async settle({ id }: Entry, settlement: Settlement): Promise<void> {
    const lock = this.#connection.locks.get(id);
    if (lock === undefined) throw new Error(`Nobody holds ${id}.`);
    const { message, receiver } = lock;
    this.#connection.locks.delete(id);
    if (settlement === "complete") await receiver.completeMessage(message);
    else if (settlement === "abandon") await receiver.abandonMessage(message);
    else if (settlement === "defer") await receiver.deferMessage(message);
    else await receiver.deadLetterMessage(message, { deadLetterReason: "asked for", deadLetterErrorDescription: "" });
  }

  /** As if the time of all locks of a queue, and of its sessions, were over. */
  async loseLocks(queue: QueueName): Promise<void> {
    const body = JSON.stringify({ queue, fault: "lose-lock", at: "now" });
    const response = await fetch(`${this.#part.announcement.management}/faults`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    if (response.status !== 200) throw new Error(`The locks were not lost: ${await response.text()}`);
    if (queue === "sessions") {
      for (const receiver of this.#connection.sessions.values()) await receiver.close();
      this.#connection.sessions.clear();
    }
  }

  // Sessions

  /** Accepts a session, or the next one; answers its id. */
  async accept(session: string | undefined): Promise<string> {
    const { client, sessions } = this.#connection;
    const options = { maxAutoLockRenewalDurationInMs: 0 };
    const receiver =
      session === undefined
        ? await client.acceptNextSession("sessions", options)
        : await client.acceptSession("sessions", session, options);
    sessions.set(receiver.sessionId, receiver);
    return receiver.sessionId;
  }

  async release(session: string): Promise<void> {
    await this.#session(session).close();
    this.#connection.sessions.delete(session);
  }

  async state(session: string): Promise<string | undefined> {
    return ((await this.#session(session).getSessionState()) as string | null) ?? undefined;
  }

  async setState(session: string, state: string | undefined): Promise<void> {
    await this.#session(session).setSessionState(state ?? null);
  }

  // Looking

  /** All messages of all queues. */
  async look(): Promise<Seen[]> {
    const queues = Object.keys(QUEUES) as QueueName[];
    const places = queues.flatMap((queue) => ["messages", "dead-letters"].map((place) => ({ queue, place })));
    const seen: Seen[] = [];
    for (const { queue, place } of places) {
      const { management } = this.#part.announcement;
      const response = await fetch(`${management}/queues/${queue}/${place}?limit=250&bodyBytes=0`);
      const { messages, nextFrom } = (await response.json()) as { messages: Found[]; nextFrom?: number };
      if (nextFrom !== undefined) throw new Error("There are more messages than one look takes in.");
      for (const found of messages) {
        seen.push({
          id: found.messageId,
          queue,
          state: found.state,
          reason: place === "messages" ? undefined : (found.deadLetterReason ?? "none"),
          count: found.deliveryCount,
          number: found.sequenceNumber,
          locked: found.lockedUntil !== undefined,
        });
      }
    }
    return seen;
  }

  #sender(queue: QueueName): ServiceBusSender {
    const { client, senders } = this.#connection;
    let sender = senders.get(queue);
    if (sender === undefined) senders.set(queue, (sender = client.createSender(queue)));
    return sender;
  }

  #session(session: string): ServiceBusSessionReceiver {
    const receiver = this.#connection.sessions.get(session);
    if (receiver === undefined) throw new Error(`Nobody holds the session ${session}.`);
    return receiver;
  }

  #receiver({ queue, dead, session }: Where, receiveMode: Mode): ServiceBusReceiver {
    if (session !== undefined) return this.#session(session);
    const { client, receivers } = this.#connection;
    const name = `${queue} ${dead} ${receiveMode}`;
    let receiver = receivers.get(name);
    if (receiver === undefined) {
      const options = { receiveMode, maxAutoLockRenewalDurationInMs: 0 };
      receiver = client.createReceiver(queue, dead ? { ...options, subQueueType: "deadLetter" } : options);
      receivers.set(name, receiver);
    }
    return receiver;
  }

  #remember(messages: readonly ServiceBusReceivedMessage[], receiver: ServiceBusReceiver): void {
    for (const message of messages) this.#connection.locks.set(String(message.messageId), { message, receiver });
  }
}
