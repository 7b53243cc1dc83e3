/** The broker that the Service Bus tests need, with the queues of the fixture. */
import { writeFile } from "node:fs/promises";
import path from "node:path";
import {
  RetryMode,
  ServiceBusClient,
  type ServiceBusMessage,
  type ServiceBusReceivedMessage,
} from "@azure/service-bus";
import { startHost, startPart, type Host, type Process } from "./host-process.js";

const queue = (name: string, more: object = {}): object => ({
  name,
  maxDeliveryCount: 3,
  lockDuration: "PT30S",
  ...more,
});

const TOPOLOGY = {
  queues: [
    queue("plain"),
    queue("batched"),
    queue("talks", { requiresSession: true }),
    queue("batched-talks", { requiresSession: true }),
    queue("bytes"),
    queue("kept", { lockDuration: "PT5S" }),
    queue("forwarded"),
  ],
};

export class Bench {
  readonly #folder: string;
  #broker: Process | undefined;
  #port = "0";
  #client: ServiceBusClient | undefined;
  readonly #hosts: Host[] = [];

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Starts the broker, or starts it again, on the same port and with the same data. */
  async startBroker(): Promise<void> {
    const topology = path.join(this.#folder, "topology.json");
    await writeFile(topology, JSON.stringify(TOPOLOGY));
    const data = path.join(this.#folder, "broker");
    const args = ["--port", this.#port, "--management-port", "0", "--data", data, "--topology", topology];
    this.#broker = await startPart("service-bus", args);
    this.#port = new URL(this.#broker.announcement["address"] ?? "").port;
  }

  /** Kills it under the hosts; the tests' own client is not what is tested. */
  async killBroker(): Promise<void> {
    await this.#client?.close();
    this.#client = undefined;
    await this.#broker?.end("SIGKILL");
  }

  get connectionString(): string {
    return this.#broker?.announcement["connectionString"] ?? "";
  }

  async startHost(name: string, settings: Readonly<Record<string, string>> = {}): Promise<Host> {
    const host = await startHost(path.join(this.#folder, name), { BUS: this.connectionString, ...settings });
    this.#hosts.push(host);
    return host;
  }

  get client(): ServiceBusClient {
    this.#client ??= new ServiceBusClient(this.connectionString, {
      retryOptions: { mode: RetryMode.Exponential, retryDelayInMs: 200, maxRetryDelayInMs: 2_000, maxRetries: 10 },
    });
    return this.#client;
  }

  async send(queueName: string, ...messages: ServiceBusMessage[]): Promise<void> {
    const sender = this.client.createSender(queueName);
    for (const message of messages) await sender.sendMessages(message);
    await sender.close();
  }

  /** The next message in the dead-letter queue, taken out of it. */
  async deadLetter(queueName: string): Promise<ServiceBusReceivedMessage | undefined> {
    const receiver = this.client.createReceiver(queueName, {
      subQueueType: "deadLetter",
      receiveMode: "receiveAndDelete",
    });
    const [message] = await receiver.receiveMessages(1, { maxWaitTimeInMs: 10_000 });
    await receiver.close();
    return message;
  }

  async stop(): Promise<void> {
    await this.#client?.close();
    await Promise.all(this.#hosts.map((host) => host.end("SIGKILL")));
    await this.#broker?.end("SIGKILL");
  }
}
