/** Receiving: order, peek-lock and receive-and-delete, waiting and draining, subscriptions, iterators. */
import { once, EventEmitter } from "node:events";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { ServiceBusReceivedMessage } from "@azure/service-bus";
import { bodies, receive, receiveNone, receiveOne, standInTest, Target } from "./target.js";

let target: Target<"plain">;
beforeAll(async () => {
  target = await Target.start({ plain: {} });
});
afterAll(() => target.stop());

const sequence = (length: number): number[] => Array.from({ length }, (_, n) => n);

test("SB-03: messages come in the order of their numbers", async () => {
  const queue = await target.queue("plain");
  await target.client.createSender(queue).sendMessages(sequence(100).map((body) => ({ body })));
  expect(bodies(await receive(target.receiver(queue), 100))).toEqual(sequence(100));
});

test("SB-09: a locked message is hidden from other receivers, and shown by peek", async () => {
  const queue = await target.queue("plain");
  await target.send(queue, { body: "a" });
  const receiver = target.receiver(queue);
  const message = await receiveOne(receiver);
  expect(message.lockToken).toBeDefined();
  const other = target.newClient().createReceiver(queue);
  expect(await receiveNone(other)).toEqual([]);
  expect(bodies(await other.peekMessages(10))).toEqual(["a"]);
  await receiver.completeMessage(message);
  expect(await other.peekMessages(10)).toEqual([]);
});

test("SB-21: receive-and-delete takes the message for good, without a lock", async () => {
  const queue = await target.queue("plain");
  await target.send(queue, { body: "a" }, { body: "b" });
  const receiver = target.client.createReceiver(queue, { receiveMode: "receiveAndDelete" });
  const [message] = await receiver.receiveMessages(1);
  expect(message).toMatchObject({ body: "a", deliveryCount: 0 });
  expect(message?.lockToken ?? "").toBe("");
  expect(bodies(await receiver.peekMessages(10))).toEqual(["b"]);
});

standInTest("SB-22: a receiver that has stopped waiting leaves nothing locked", async () => {
  const queue = await target.queue("plain");
  const receiver = target.receiver(queue);
  expect(await receiver.receiveMessages(5, { maxWaitTimeInMs: 50 })).toEqual([]);
  await target.send(queue, { body: "a" });
  expect(await target.view(queue)).toMatchObject({ active: 1, locked: 0, receivers: 1 });
  expect((await receiveOne(target.newClient().createReceiver(queue))).body).toBe("a");
});

test("a waiting receiveMessages is answered by the next message", async () => {
  const queue = await target.queue("plain");
  const waiting = receiveOne(target.receiver(queue));
  await target.send(queue, { body: "a" });
  expect((await waiting).body).toBe("a");
});

test("receiveMessages returns what there is when there are fewer than asked for", async () => {
  const queue = await target.queue("plain");
  await target.send(queue, { body: "a" }, { body: "b" });
  expect(bodies(await target.receiver(queue).receiveMessages(10, { maxWaitTimeInMs: 500 }))).toEqual(["a", "b"]);
});

test("an aborted receiveMessages does not keep later messages", async () => {
  const queue = await target.queue("plain");
  const receiver = target.receiver(queue);
  const controller = new AbortController();
  const waiting = receiver.receiveMessages(1, { abortSignal: controller.signal, maxWaitTimeInMs: 10_000 });
  controller.abort();
  await expect(waiting).rejects.toMatchObject({ name: "AbortError" });
  await receiver.close();
  await target.send(queue, { body: "a" });
  expect((await receiveOne(target.receiver(queue))).body).toBe("a");
});

test("competing receivers get each message once", async () => {
  const queue = await target.queue("plain");
  const seen = new Map<unknown, number>();
  const told = new EventEmitter();
  const clients = [target.newClient(), target.newClient(), target.newClient()];
  for (const client of clients) {
    client.createReceiver(queue).subscribe(
      {
        processMessage: async ({ body }) => {
          seen.set(body, (seen.get(body) ?? 0) + 1);
          if (seen.size === 300) told.emit("all");
          return Promise.resolve();
        },
        processError: () => Promise.resolve(),
      },
      { maxConcurrentCalls: 8 },
    );
  }
  const all = once(told, "all");
  const sender = target.client.createSender(queue);
  for (let n = 0; n < 300; n += 50) await sender.sendMessages(sequence(50).map((k) => ({ body: n + k })));
  await all;
  expect([...seen.values()].every((times) => times === 1)).toBe(true);
});

test("subscribe runs as many handlers as maxConcurrentCalls says, and not one more", async () => {
  const queue = await target.queue("plain");
  await target.client.createSender(queue).sendMessages(sequence(12).map((body) => ({ body })));
  const told = new EventEmitter();
  const open: (() => void)[] = [];
  let most = 0;
  let done = 0;
  const receiver = target.client.createReceiver(queue);
  const subscription = receiver.subscribe(
    {
      processMessage: () => {
        const gate = new Promise<void>((resolve) => open.push(resolve));
        most = Math.max(most, open.length);
        if (open.length === 3) told.emit("three");
        return gate.finally(() => {
          done++;
          told.emit("done");
        });
      },
      processError: () => Promise.resolve(),
    },
    { maxConcurrentCalls: 3 },
  );
  for (let round = 0; round < 4; round++) {
    if (open.length < 3) await once(told, "three");
    for (const resolve of open.splice(0)) resolve();
    while (done < 3 * (round + 1)) await once(told, "done");
  }
  expect(most).toBe(3);
  await subscription.close();
});

test("a handler that throws abandons its message: it comes again, counted", async () => {
  const queue = await target.queue("plain");
  const counts: (number | undefined)[] = [];
  const receiver = target.client.createReceiver(queue);
  const completed = new Promise<void>((resolve) => {
    receiver.subscribe({
      processMessage: ({ deliveryCount }) => {
        counts.push(deliveryCount);
        if (counts.length < 3) throw new Error("not yet");
        resolve();
        return Promise.resolve();
      },
      processError: () => Promise.resolve(),
    });
  });
  await target.send(queue, { body: "a" });
  await completed;
  expect(counts).toEqual([0, 1, 2]);
});

test("an iterator gives one message after the other", async () => {
  const queue = await target.queue("plain");
  await target.send(queue, ...sequence(4).map((body) => ({ body })));
  const receiver = target.receiver(queue);
  const got: ServiceBusReceivedMessage[] = [];
  for await (const message of receiver.getMessageIterator()) {
    got.push(message);
    await receiver.completeMessage(message);
    if (got.length === 4) break;
  }
  expect(bodies(got)).toEqual(sequence(4));
});

test("more messages than a session's window come through one link", async () => {
  const queue = await target.queue("plain");
  const sender = target.client.createSender(queue);
  for (let n = 0; n < 3_000; n += 500) await sender.sendMessages(sequence(500).map((k) => ({ body: n + k })));
  const receiver = target.receiver(queue);
  const got: unknown[] = [];
  while (got.length < 3_000) {
    const messages = await receive(receiver, 500);
    got.push(...bodies(messages));
    await Promise.all(messages.map((message) => receiver.completeMessage(message)));
  }
  expect(got).toEqual(sequence(3_000));
});
