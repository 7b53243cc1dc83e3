/**
 * Triggers with `cardinality: "many"` (`ServiceBusListener.RunBatchReceiveLoopAsync`): one invocation at a time, no lock renewal. With
 * sessions, one session is held, and its idle time-out is waited out before the next is accepted, whatever `maxConcurrentSessions` says.
 */
import type { ServiceBusReceivedMessage, ServiceBusReceiver } from "@azure/service-bus";
import { acceptSession, isNoSession } from "./accept.js";
import { BackOff } from "./back-off.js";
import { createReceiver } from "./entity.js";
import { logError, processBatch, type Listener, type ListenerContext } from "./processor.js";
import { Settlement } from "./settlement.js";

/** How long to look for more after the first message. .NET takes what is there; the SDK for JavaScript cannot but wait. */
const GATHER_MS = 10;
/** Short, because a receive that starts while the connection is lost only ends with its wait. */
const LONGEST_RECEIVE_MS = 5_000;

export class BatchListener implements Listener {
  readonly #context: ListenerContext;
  readonly #backOff: BackOff;
  readonly #stop = new AbortController();
  #receiver: ServiceBusReceiver | undefined;
  #work: Promise<void> = Promise.resolve();

  constructor(context: ListenerContext) {
    this.#context = context;
    this.#backOff = new BackOff(context.clock);
  }

  start(): void {
    this.#work = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#backOff.cancel();
    // A pending accept has no receiver; it ends with its connection, and nobody needs to wait for it.
    if (this.#receiver !== undefined) await this.#work;
  }

  #isStopped(): boolean {
    return this.#stop.signal.aborted;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped()) {
      try {
        this.#receiver = await this.#open();
        await this.#receiveFrom(this.#receiver);
      } catch (error) {
        if (!this.#isStopped() && !isNoSession(error)) {
          if (this.#backOff.first) logError(this.#context, "receiving failed", error);
          await this.#backOff.wait();
        }
      }
      const receiver = this.#receiver;
      this.#receiver = undefined;
      await receiver?.close().catch(() => undefined);
    }
  }

  async #open(): Promise<ServiceBusReceiver> {
    const { clients, trigger } = this.#context;
    if (trigger.sessions) return acceptSession(this.#context);
    return createReceiver(await clients.get(trigger.connection, "queues"), trigger.entity);
  }

  /** Until the session is idle, or for as long as there is no error. */
  async #receiveFrom(receiver: ServiceBusReceiver): Promise<void> {
    const { options, trigger } = this.#context;
    const settlement = new Settlement(receiver);
    const waitMs = trigger.sessions ? options.sessionIdleTimeoutMs : LONGEST_RECEIVE_MS;
    while (!this.#isStopped()) {
      const messages = await this.#receiveBatch(receiver, waitMs);
      this.#backOff.succeeded();
      if (messages.length === 0) {
        if (trigger.sessions) return;
        continue;
      }
      await processBatch(this.#context, messages, settlement);
    }
  }

  async #receiveBatch(receiver: ServiceBusReceiver, waitMs: number): Promise<readonly ServiceBusReceivedMessage[]> {
    const { clock, options } = this.#context;
    const abortSignal = this.#stop.signal;
    const messages = await receiver.receiveMessages(1, { maxWaitTimeInMs: waitMs, abortSignal });
    if (messages.length === 0) return messages;
    const most = options.maxMessageBatchSize;
    const started = clock.uptime();
    let leftMs = GATHER_MS;
    while (messages.length < most && leftMs > 0 && !this.#isStopped()) {
      const more = receiver.receiveMessages(most - messages.length, { maxWaitTimeInMs: leftMs, abortSignal });
      // What is there already is worth an invocation, whatever happens to the rest.
      messages.push(...(await more.catch(() => [])));
      if (messages.length >= options.minMessageBatchSize) break;
      leftMs = options.maxBatchWaitTimeMs - (clock.uptime() - started);
    }
    return messages;
  }
}
