import path from "node:path";
import type { Clock } from "../clock/clock.js";
import { startListener } from "./amqp/listener.js";
import { newLockToken } from "./amqp/lock-token.js";
import { Broker } from "./broker/broker.js";
import type { QueueSettings } from "./broker/settings.js";
import { startManagement } from "./management.js";
import { openLogStore } from "./store/log-store.js";

export interface ServiceBusOptions {
  /** A loopback address. */
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly managementPort: number;
  readonly topology: readonly QueueSettings[];
  readonly dataDirectory: string;
  readonly clock: Clock;
  /** Whether each write waits for the disk, so that it survives a loss of power as well as a crash. */
  readonly sync?: boolean;
}

export interface ServiceBus {
  readonly port: number;
  readonly managementUrl: string;
  readonly connectionString: string;
  stop(): Promise<void>;
}

/** Well known, like those of other local emulators: the port is open to this machine alone. */
const KEY_NAME = "RootManageSharedAccessKey";
const KEY = "bG9jYWwtc2VydmljZS1idXMtZGV2ZWxvcG1lbnQta2V5";

/** Starts a namespace with the given queues. Rejects with the system's error when a port or the folder cannot be had. */
export async function startServiceBus(options: ServiceBusOptions): Promise<ServiceBus> {
  const { host, port, managementPort, topology, dataDirectory, clock, sync = false } = options;
  const store = await openLogStore({ directory: path.resolve(dataDirectory), sync, onDamage: warn });
  const started: { stop(): Promise<void> | void }[] = [{ stop: () => store.close() }];
  const stop = async (): Promise<void> => {
    for (const each of started.splice(0).reverse()) await each.stop();
  };
  try {
    const broker = new Broker({
      queues: topology,
      clock,
      commit: (changes) => store.commit(changes),
      entries: store.entries(),
      newToken: newLockToken,
      onFailure: (error) => {
        warn(error instanceof Error ? error.message : String(error));
      },
    });
    started.push(broker);
    for (const name of broker.unserved) {
      warn(`the data hold a queue '${name}' that the topology does not have: its messages are kept, but not served.`);
    }
    const management = await startManagement(broker, managementPort);
    started.push(management);
    const listener = await startListener({ broker, clock, keyName: KEY_NAME, key: KEY }, { host, port });
    started.push(listener);
    return {
      port: listener.port,
      managementUrl: management.url,
      connectionString: `Endpoint=sb://${host}:${listener.port};SharedAccessKeyName=${KEY_NAME};SharedAccessKey=${KEY};UseDevelopmentEmulator=true`,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function warn(text: string): void {
  console.error(`service-bus: ${text}`);
}
