/**
 * Session triggers with `cardinality: "one"`, as .NET's ServiceBusSessionProcessor runs them: up to `maxConcurrentSessions` sessions are
 * held at once, in each of them `maxConcurrentCallsPerSession` messages are handled at once, and a session without a message for
 * `sessionIdleTimeout` makes room for another.
 */
import { availableParallelism } from "node:os";
import type { ServiceBusSessionReceiver } from "@azure/service-bus";
import { acceptSession, isNoSession } from "./accept.js";
import { BackOff } from "./back-off.js";
import { renewLock } from "./lock-renewal.js";
import { logError, processOne, type Listener, type ListenerContext } from "./processor.js";
import { Settlement } from "./settlement.js";

export class SessionListener implements Listener {
  readonly #context: ListenerContext;
  readonly #backOff: BackOff;
  /**
   * How many accepts may be pending: ServiceBusProcessor.ReconcileConcurrencyAsync (azure-sdk-for-net) has min(MaxConcurrentCalls,
   * 2 × processors). Each accept that is granted makes room for the next, so that this limits the load, not the number of sessions.
   */
  readonly #mostAccepting: number;
  readonly #held = new Set<ServiceBusSessionReceiver>();
  readonly #busy = new Set<ServiceBusSessionReceiver>();
  readonly #work = new Set<Promise<void>>();
  #accepting = 0;
  #stopped = false;

  constructor(context: ListenerContext) {
    this.#context = context;
    this.#backOff = new BackOff(context.clock);
    const { maxConcurrentSessions, maxConcurrentCallsPerSession } = context.options;
    this.#mostAccepting = Math.min(maxConcurrentSessions * maxConcurrentCallsPerSession, 2 * availableParallelism());
  }

  start(): void {
    this.#pump();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#backOff.cancel();
    // One that is handling a message closes when that is settled; a pending accept ends with its connection.
    await Promise.allSettled([...this.#held].filter((each) => !this.#busy.has(each)).map((each) => each.close()));
    await Promise.allSettled([...this.#work]);
  }

  #pump(): void {
    const { maxConcurrentSessions } = this.#context.options;
    while (
      !this.#stopped &&
      this.#accepting < this.#mostAccepting &&
      this.#accepting + this.#held.size < maxConcurrentSessions
    ) {
      this.#accepting++;
      void this.#accept();
    }
  }

  async #accept(): Promise<void> {
    let receiver: ServiceBusSessionReceiver | undefined;
    try {
      receiver = await acceptSession(this.#context);
      this.#backOff.succeeded();
    } catch (error) {
      if (!this.#stopped && !isNoSession(error)) {
        if (this.#backOff.first) logError(this.#context, "could not accept a session", error);
        await this.#backOff.wait();
      }
    }
    this.#accepting--;
    if (receiver !== undefined) this.#hold(receiver);
    this.#pump();
  }

  #hold(receiver: ServiceBusSessionReceiver): void {
    this.#held.add(receiver);
    const work = this.#handle(receiver).finally(() => {
      this.#held.delete(receiver);
      this.#work.delete(work);
      this.#pump();
    });
    this.#work.add(work);
  }

  async #handle(receiver: ServiceBusSessionReceiver): Promise<void> {
    const { clock, options } = this.#context;
    const renewal = renewLock({
      clock,
      lockedUntil: receiver.sessionLockedUntilUtc.getTime(),
      forMs: options.maxAutoLockRenewalDurationMs,
      renew: () => receiver.renewSessionLock(),
      onError: (error) => logError(this.#context, "could not renew a session's lock", error),
    });
    const settlement = new Settlement(receiver);
    const running = new Set<Promise<void>>();
    try {
      while (!this.#stopped) {
        // A receive that is pending has given credit: a message is handled the moment it arrives.
        const [message] = await receiver.receiveMessages(1, { maxWaitTimeInMs: options.sessionIdleTimeoutMs });
        if (message === undefined) {
          if (running.size === 0) break;
          continue;
        }
        this.#busy.add(receiver);
        const call = processOne(this.#context, message, settlement).then(() => {
          running.delete(call);
          if (running.size === 0) this.#busy.delete(receiver);
        });
        running.add(call);
        if (running.size >= options.maxConcurrentCallsPerSession) await Promise.race(running);
      }
    } catch (error) {
      if (!this.#stopped) logError(this.#context, "lost a session", error);
    }
    await Promise.allSettled(running);
    renewal.stop();
    await receiver.close().catch(() => undefined);
  }
}
