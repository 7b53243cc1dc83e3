import { availableParallelism } from "node:os";
import { describe, expect, test } from "@jest/globals";
import { ManualClock } from "../../../local/clock/clock.js";
import type { HostFunction } from "../../../local/functions-host/functions.js";
import { hostOptions, type ServiceBusOptions } from "../../../local/functions-host/host-json.js";
import type { InvocationResult } from "../../../local/functions-host/invoke.js";
import type { ListenerContext } from "../../../local/functions-host/triggers/service-bus/processor.js";
import { SessionListener } from "../../../local/functions-host/triggers/service-bus/sessions.js";
import { Settlement } from "../../../local/functions-host/triggers/service-bus/settlement.js";

const settle = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
};

interface Pending<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

const promise = <T>(keep: (pending: Pending<T>) => void): Promise<T> =>
  new Promise((resolve, reject) => {
    keep({ resolve, reject });
  });

/** A session whose messages a test hands out one by one. */
class FakeSession {
  readonly settled: string[] = [];
  readonly sessionLockedUntilUtc: Date;
  receives: Pending<readonly unknown[]>[] = [];
  renewals = 0;
  closed = false;
  readonly #clock: ManualClock;

  constructor(clock: ManualClock) {
    this.#clock = clock;
    this.sessionLockedUntilUtc = new Date(clock.now() + 60_000);
  }

  receiveMessages(): Promise<readonly unknown[]> {
    return promise((pending) => this.receives.push(pending));
  }

  completeMessage(message: { readonly messageId: string }): Promise<void> {
    this.settled.push(`complete ${message.messageId}`);
    return Promise.resolve();
  }

  abandonMessage(message: { readonly messageId: string }): Promise<void> {
    this.settled.push(`abandon ${message.messageId}`);
    return Promise.resolve();
  }

  renewSessionLock(): Promise<Date> {
    this.renewals++;
    return Promise.resolve(new Date(this.#clock.now() + 60_000));
  }

  close(): Promise<void> {
    this.closed = true;
    for (const each of this.receives.splice(0)) each.resolve([]);
    return Promise.resolve();
  }

  async deliver(...ids: readonly string[]): Promise<void> {
    this.receives.shift()?.resolve(ids.map((messageId) => ({ messageId, body: "{}" })));
    await settle();
  }
}

function listen(section: Partial<ServiceBusOptions> = {}) {
  const clock = new ManualClock();
  const accepts: Pending<FakeSession>[] = [];
  const runs = new Map<string, Pending<InvocationResult>>();
  const trigger = { type: "serviceBusTrigger", direction: "in" as const };
  const fn = { name: "f", trigger } as unknown as HostFunction;
  const context = {
    trigger: {
      fn,
      entity: { path: "q", queueOrTopic: "q", subscription: undefined, deadLetter: false },
      connection: "BUS",
      sessions: true,
      many: false,
      binary: false,
      autoComplete: undefined,
    },
    options: { ...hostOptions({}, {}).serviceBus, ...section },
    clients: {
      get: () => Promise.resolve({ acceptNextSession: () => promise<FakeSession>((pending) => accepts.push(pending)) }),
    },
    clock,
    log: () => undefined,
    invoke: (_fn: HostFunction, input: { readonly metadata?: Readonly<Record<string, { string?: string }>> }) =>
      promise<InvocationResult>((pending) => runs.set(input.metadata?.["MessageId"]?.string ?? "", pending)),
  };
  const listener = new SessionListener(context as unknown as ListenerContext);
  listener.start();
  return {
    clock,
    listener,
    accepts,
    running: () => [...runs.keys()],
    grant: async (): Promise<FakeSession> => {
      const session = new FakeSession(clock);
      accepts.shift()?.resolve(session);
      await settle();
      return session;
    },
    finish: async (id: string, succeeded = true): Promise<void> => {
      const run = runs.get(id);
      runs.delete(id);
      run?.resolve(succeeded ? { succeeded, response: {} } : { succeeded, error: new Error("no") });
      await settle();
    },
  };
}

const GATE = 2 * availableParallelism();

describe("accepting", () => {
  test("a few accepts are pending at a time, and each that is granted makes room for the next", async () => {
    const { accepts, grant } = listen({ maxConcurrentSessions: 100 });
    await settle();
    expect(accepts).toHaveLength(GATE);
    await grant();
    await grant();
    expect(accepts).toHaveLength(GATE);
  });

  test("never are there more sessions than maxConcurrentSessions; one that was idle makes room", async () => {
    const { accepts, grant } = listen({ maxConcurrentSessions: 2 });
    await settle();
    const first = await grant();
    await grant();
    expect(accepts).toHaveLength(0);
    await first.deliver();
    expect(first.closed).toBe(true);
    expect(accepts).toHaveLength(1);
  });

  test("a time-out is tried again at once; an error after a pause that grows to two seconds", async () => {
    const { accepts, clock } = listen({ maxConcurrentSessions: 1 });
    await settle();
    accepts.shift()?.reject(Object.assign(new Error("none"), { code: "ServiceTimeout" }));
    await settle();
    expect(accepts).toHaveLength(1);
    for (const pause of [200, 400, 800, 1600, 2000, 2000]) {
      accepts.shift()?.reject(new Error("gone"));
      await settle();
      clock.advance(pause - 1);
      await settle();
      expect(accepts).toHaveLength(0);
      clock.advance(1);
      await settle();
      expect(accepts).toHaveLength(1);
    }
  });
});

describe("a session", () => {
  test("is handled one message after the other; success completes, failure abandons and goes on", async () => {
    const { grant, running, finish } = listen();
    await settle();
    const session = await grant();
    await session.deliver("1");
    expect(running()).toEqual(["1"]);
    expect(session.receives).toHaveLength(0);
    await finish("1", false);
    expect(session.settled).toEqual(["abandon 1"]);
    await session.deliver("1");
    await finish("1");
    expect(session.settled).toEqual(["abandon 1", "complete 1"]);
    expect(session.receives).toHaveLength(1);
    expect(session.closed).toBe(false);
  });

  test("may handle more at once; it is idle only when none runs", async () => {
    const { grant, running, finish } = listen({ maxConcurrentCallsPerSession: 2 });
    await settle();
    const session = await grant();
    await session.deliver("1");
    await session.deliver();
    await session.deliver("2");
    expect(running()).toEqual(["1", "2"]);
    expect(session.receives).toHaveLength(0);
    await finish("1");
    await finish("2");
    await session.deliver();
    expect(session.closed).toBe(true);
  });

  test("keeps its lock while it is held, for maxAutoLockRenewalDuration at most", async () => {
    const { grant, clock, finish } = listen({ maxAutoLockRenewalDurationMs: 120_000 });
    await settle();
    const session = await grant();
    await session.deliver("1");
    for (let i = 0; i < 4; i++) {
      clock.advance(50_000);
      await settle();
    }
    expect(session.renewals).toBe(2);
    await finish("1");
    await session.deliver();
  });

  test("that is lost is left, and another accepted", async () => {
    const { grant, accepts, finish } = listen({ maxConcurrentSessions: 1 });
    await settle();
    const session = await grant();
    await session.deliver("1");
    await finish("1");
    session.receives.shift()?.reject(Object.assign(new Error("lost"), { code: "SessionLockLost" }));
    await settle();
    expect(session.closed).toBe(true);
    expect(accepts).toHaveLength(1);
  });

  test("settles nothing where that is the function's own affair", async () => {
    const { grant, finish } = listen({ autoCompleteMessages: false });
    await settle();
    const session = await grant();
    await session.deliver("1");
    await finish("1");
    await session.deliver("2");
    await finish("2", false);
    expect(session.settled).toEqual(["abandon 2"]);
  });
});

test("a stop closes what is idle, and lets what runs end and settle", async () => {
  const { grant, finish, listener, accepts } = listen();
  await settle();
  const idle = await grant();
  const busy = await grant();
  await busy.deliver("1");
  let stopped = false;
  const stopping = listener.stop().then(() => (stopped = true));
  await settle();
  expect([idle.closed, busy.closed, stopped]).toEqual([true, false, false]);
  await finish("1");
  await stopping;
  expect([busy.closed, busy.settled]).toEqual([true, ["complete 1"]]);
  const before = accepts.length;
  accepts.shift()?.reject(new Error("closed"));
  await settle();
  expect(accepts).toHaveLength(before - 1);
});

test("settlements go out one in a turn of the event loop", async () => {
  let turn = 0;
  const turns: number[] = [];
  const receiver = {
    completeMessage: () => Promise.resolve(void turns.push(turn)),
    abandonMessage: () => Promise.resolve(void turns.push(turn)),
  };
  const settlement = new Settlement(receiver);
  const message = {} as Parameters<typeof settlement.settle>[0];
  const done = Promise.all([
    settlement.settle(message, "complete"),
    settlement.settle(message, "abandon"),
    settlement.settle(message, "complete"),
  ]);
  for (; turns.length < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  await done;
  expect(new Set(turns).size).toBe(3);
});
