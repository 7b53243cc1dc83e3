import { expect, test } from "@jest/globals";
import { busyQueue, waitUntilIdle, type HostStatus, type QueueCounts } from "../../../local/control/idle.js";

const none = { active: 0, locked: 0, due: 0, deadLetter: 0, deadLetterLocked: 0 };
const host = (...queues: string[]): HostStatus => ({
  ready: true,
  running: 0,
  functions: queues.map((queue) => ({ name: queue, type: "serviceBusTrigger", queue })),
});
const orders = (counts: Partial<QueueCounts>): QueueCounts[] => [{ name: "orders", ...none, ...counts }];

test.each([
  [{ active: 1 }, true],
  [{ locked: 1 }, true],
  [{ due: 1 }, true],
  [{ deadLetter: 1 }, false],
  [{}, false],
])("a consumed queue with %j is busy: %s", (counts, busy) => {
  expect(busyQueue(orders(counts), [host("Orders")]) !== undefined).toBe(busy);
});

test("a dead-letter queue counts where a function consumes it, and only itself", () => {
  const hosts = [host("orders/$deadletterqueue")];
  expect(busyQueue(orders({ deadLetter: 2 }), hosts)).toBe("orders/$deadletterqueue has 2 messages, 0 of them locked");
  expect(busyQueue(orders({ active: 2 }), hosts)).toBeUndefined();
});

test("a queue that no function consumes may hold messages", () => {
  expect(busyQueue(orders({ active: 5, due: 1 }), [host("other")])).toBeUndefined();
});

test("idle takes two looks in a row", async () => {
  const looks = [{}, { active: 1 }, {}, {}];
  const queues = (): Promise<QueueCounts[]> => Promise.resolve(orders(looks.shift() ?? { active: 99 }));
  const hosts = (): Promise<HostStatus[]> => Promise.resolve([host("orders")]);
  expect(await waitUntilIdle({ queues, hosts }, new AbortController().signal)).toBeUndefined();
  expect(looks).toHaveLength(0);
});

test.each<[string, readonly HostStatus[]]>([
  ["no functions host runs", []],
  ["a functions host is not ready", [{ ...host("orders"), ready: false }]],
  ["functions run: 3", [{ ...host("orders"), running: 3 }]],
])("an aborted wait says why: %s", async (reason, hosts) => {
  const abort = new AbortController();
  let looks = 0;
  const source = {
    queues: () => Promise.resolve(orders({})),
    hosts: () => {
      // The answer of the look during which the wait ends does not count.
      if (++looks === 2) abort.abort();
      return Promise.resolve(hosts);
    },
  };
  expect(await waitUntilIdle(source, abort.signal)).toBe(reason);
});
