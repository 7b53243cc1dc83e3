import path from "node:path";
import type { Clock } from "../clock/clock.js";
import { accessTokenCheck } from "../identity/access-tokens.js";
import type { SecureDoor } from "../identity/secure-door.js";
import { StartError } from "../part.js";
import { SpanSender } from "../spans.js";
import { startListener, type AmqpListener } from "./amqp/listener.js";
import { newLockToken } from "./amqp/lock-token.js";
import type { RheaConnection } from "./amqp/rhea.js";
import { waitingSpans } from "./amqp/waiting-spans.js";
import { Broker } from "./broker/broker.js";
import { UnknownData } from "./broker/error.js";
import type { QueueSettings } from "./broker/settings.js";
import { errorText, log } from "./log.js";
import { Definitions } from "./management/definitions.js";
import { EventFeed } from "./management/event-feed.js";
import { FaultSwitches } from "./management/faults.js";
import { QueueAdmin } from "./management/queues.js";
import { startManagement } from "./management/server.js";
import { folderBytes } from "./management/store-size.js";
import { Watch } from "./management/watch.js";
import { openLogStore } from "../log-store/log-store.js";

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
  /** One more port. */
  readonly secure?: SecureDoor | undefined;
}

export interface ServiceBus {
  readonly port: number;
  /** The port with TLS, where there is one. */
  readonly tlsPort?: number;
  readonly managementUrl: string;
  readonly connectionString: string;
  stop(): Promise<void>;
}

/** Events that are kept for readers of the event stream who come back. */
const KEPT_EVENTS = 10_000;

/** What an access token is for (learn.microsoft.com, service-bus-authentication-and-authorization). */
const AUDIENCE = "https://servicebus.azure.net";

/** Well known, like those of other local emulators: the port is open to this machine alone. */
const KEY_NAME = "RootManageSharedAccessKey";
const KEY = "bG9jYWwtc2VydmljZS1idXMtZGV2ZWxvcG1lbnQta2V5";

/** Starts a namespace with the given queues. Rejects with the system's error when a port or the folder cannot be had. */
export async function startServiceBus(options: ServiceBusOptions): Promise<ServiceBus> {
  const { host, port, managementPort, topology, dataDirectory, clock, sync = false } = options;
  const directory = path.resolve(dataDirectory);
  const store = await openLogStore({ directory, sync, onDamage: warn });
  const started: { stop(): Promise<void> | void }[] = [{ stop: () => store.close() }];
  const stop = async (): Promise<void> => {
    for (const each of started.splice(0).reverse()) await each.stop();
  };
  try {
    const definitions = await Definitions.read(directory, sync);
    const besides = definitions.besides(topology);
    for (const name of besides.dropped) warn(`the queue '${name}', made at run time, is now as the topology has it.`);
    const feed = new EventFeed({ capacity: KEPT_EVENTS, defer: setImmediate });
    const watch = new Watch(clock, feed);
    const faults = new FaultSwitches(clock, (fault) => {
      log("warn", "A fault has happened, as asked for.", fault);
    });
    const broker = new Broker({
      queues: [...topology, ...besides.settings],
      clock,
      commit: (changes) => store.commit(changes),
      entries: store.entries(),
      readEntry: (key) => store.read(key),
      newToken: newLockToken,
      onFailure: (error) => {
        log("error", "Something failed while nobody waited for it.", { error: errorText(error) });
      },
      observe: (queue) => watch.observe(queue),
      onIdle: (queue) => {
        admin.deleteIdle(queue).catch((error: unknown) => {
          log("error", "An idle queue could not be deleted.", { queue: queue.settings.name, error: errorText(error) });
        });
      },
    });
    started.push(broker);
    for (const name of broker.unserved) {
      warn(`the data hold a queue '${name}' that the topology does not have: its messages are kept, but not served.`);
    }
    const listeners: AmqpListener[] = [];
    // The listener comes last: nobody connects before everything is there.
    const connections = (): Iterable<RheaConnection> => listeners.flatMap((listener) => [...listener.connections()]);
    const admin = new QueueAdmin({ broker, definitions, watch, connections });
    const management = await startManagement(
      {
        ...{ broker, watch, feed, faults, admin, connections },
        storeBytes: () => folderBytes(directory),
      },
      managementPort,
    );
    started.push(management);
    const delivered = waitingSpans(new SpanSender("service-bus"), clock);
    const namespace = { broker, clock, keyName: KEY_NAME, key: KEY, faults, delivered };
    const secure = await listenSecurely(namespace, host, options.secure);
    const listener = await startListener(namespace, { host, port });
    listeners.push(listener, ...secure);
    started.push(...listeners);
    const [tls] = secure;
    return {
      port: listener.port,
      ...(tls === undefined ? {} : { tlsPort: tls.port }),
      managementUrl: management.url,
      connectionString: `Endpoint=sb://${host}:${listener.port};SharedAccessKeyName=${KEY_NAME};SharedAccessKey=${KEY};UseDevelopmentEmulator=true`,
      stop,
    };
  } catch (error) {
    await stop();
    if (!(error instanceof UnknownData)) throw error;
    throw new StartError(
      `the data in ${directory} were written by another version: ${error.message}. Start that version, or choose another folder (--data).`,
    );
  }
}

/** As in Azure: TLS, and whoever has an access token for Service Bus. */
async function listenSecurely(
  namespace: Parameters<typeof startListener>[0],
  host: string,
  door: SecureDoor | undefined,
): Promise<AmqpListener[]> {
  if (door === undefined) return [];
  const checkAccessToken = accessTokenCheck(door.tokenKeys, AUDIENCE, () => namespace.clock.now());
  return [await startListener({ ...namespace, checkAccessToken }, { host, port: door.port, tls: door })];
}

function warn(text: string): void {
  log("warn", `${text.charAt(0).toUpperCase()}${text.slice(1)}`);
}
