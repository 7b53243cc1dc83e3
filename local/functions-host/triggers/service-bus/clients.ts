/** The connections to Service Bus: the real SDK, loaded when the first trigger or output needs it. */
import type { ServiceBusClient, ServiceBusClientOptions, ServiceBusSender } from "@azure/service-bus";
import type { MessageSender, OutgoingMessage } from "../../outputs.js";
import { resolveSettings, serviceBusConnection } from "../../settings.js";

type Purpose = "sessions" | "queues";

/** The SDK's default waits 30 s before it comes back to a broker that was restarted. */
const RECONNECT = { mode: 0, retryDelayInMs: 200, maxRetryDelayInMs: 2_000, maxRetries: 10 } as const;
/** Session loops retry by themselves: an accept that timed out must be repeated at once, not after a pause. */
const ONCE = { maxRetries: 0 } as const;

export class ServiceBusClients implements MessageSender {
  readonly #environment: NodeJS.ProcessEnv;
  readonly #webSockets: boolean;
  readonly #clients = new Map<string, Promise<ServiceBusClient>>();
  readonly #senders = new Map<string, Promise<ServiceBusSender>>();

  constructor(environment: NodeJS.ProcessEnv, webSockets: boolean) {
    this.#environment = environment;
    this.#webSockets = webSockets;
  }

  /**
   * The client for a binding's `connection`. Each purpose has an AMQP connection of its own, for they retry differently.
   * @throws StartError when the settings do not say where the namespace is
   */
  get(connection: string | undefined, purpose: Purpose): Promise<ServiceBusClient> {
    const key = `${purpose} ${connection ?? ""}`;
    let client = this.#clients.get(key);
    if (client === undefined) {
      client = this.#create(connection, purpose);
      this.#clients.set(key, client);
    }
    return client;
  }

  async send(connection: string | undefined, entity: string, messages: readonly OutgoingMessage[]): Promise<void> {
    const name = resolveSettings(entity, this.#environment);
    const key = `${connection ?? ""} ${name}`;
    let sender = this.#senders.get(key);
    if (sender === undefined) {
      sender = this.get(connection, "queues").then((client) => client.createSender(name));
      this.#senders.set(key, sender);
    }
    await (await sender).sendMessages([...messages]);
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#clients.values()].map(async (client) => (await client).close()));
  }

  async #create(connection: string | undefined, purpose: Purpose): Promise<ServiceBusClient> {
    const target = serviceBusConnection(connection, this.#environment);
    const { ServiceBusClient: Client } = await import("@azure/service-bus");
    const options: ServiceBusClientOptions = { retryOptions: purpose === "sessions" ? ONCE : RECONNECT };
    if (this.#webSockets) {
      const { WebSocket } = globalThis as {
        WebSocket?: NonNullable<ServiceBusClientOptions["webSocketOptions"]>["webSocket"];
      };
      if (WebSocket === undefined) throw new Error("transportType amqpWebSockets needs Node.js 22 or newer.");
      options.webSocketOptions = { webSocket: WebSocket };
    }
    if ("connectionString" in target) return new Client(target.connectionString, options);
    const { DefaultAzureCredential } = await import("@azure/identity");
    const { clientId } = target;
    const credential = new DefaultAzureCredential(clientId === undefined ? {} : { managedIdentityClientId: clientId });
    return new Client(target.fullyQualifiedNamespace, credential, options);
  }
}
