/** Triggers without sessions, `cardinality: "one"`: up to `maxConcurrentCalls` messages at once. */
import type { ServiceBusReceiver } from "@azure/service-bus";
import { createReceiver } from "./entity.js";
import { renewLock } from "./lock-renewal.js";
import { logError, processOne, type Listener, type ListenerContext } from "./processor.js";
import { Settlement } from "./settlement.js";

export class QueueListener implements Listener {
  readonly #context: ListenerContext;
  #stopped = false;
  #close: () => Promise<void> = () => Promise.resolve();
  #failing = false;

  constructor(context: ListenerContext) {
    this.#context = context;
  }

  start(): void {
    this.#subscribe().catch((error: unknown) => logError(this.#context, "could not listen", error));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#close();
  }

  async #subscribe(): Promise<void> {
    const { clients, options, trigger } = this.#context;
    const client = await clients.get(trigger.connection, "queues");
    if (this.#stopped) return;
    const receiver = createReceiver(client, trigger.entity);
    const settlement = new Settlement(receiver);
    // The SDK attaches again after every loss, for ever.
    const subscription = receiver.subscribe(
      {
        processMessage: async (message) => {
          this.#failing = false;
          if (!this.#stopped) await this.#process(receiver, settlement, message);
        },
        processError: ({ error }) => {
          if (!this.#stopped && !this.#failing) logError(this.#context, "receiving failed", error);
          this.#failing = true;
          return Promise.resolve();
        },
      },
      { autoCompleteMessages: false, maxConcurrentCalls: options.maxConcurrentCalls },
    );
    this.#close = () => subscription.close();
  }

  async #process(
    receiver: ServiceBusReceiver,
    settlement: Settlement,
    message: Parameters<typeof processOne>[1],
  ): Promise<void> {
    const renewal = renewLock({
      clock: this.#context.clock,
      lockedUntil: message.lockedUntilUtc?.getTime(),
      forMs: this.#context.options.maxAutoLockRenewalDurationMs,
      renew: () => receiver.renewMessageLock(message),
      onError: (error) => logError(this.#context, "could not renew a message's lock", error),
    });
    await processOne(this.#context, message, settlement);
    renewal.stop();
  }
}
