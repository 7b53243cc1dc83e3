/** Locks on messages: how long they last, who counts, what ends them. Uptime cannot be moved: locks here are as short as can be. */
import { afterAll, beforeAll, expect } from "@jest/globals";
import { receiveNone, receiveOne, standInTest, Target } from "./target.js";

const HOUR = 3_600_000;

let target: Target<"plain" | "second" | "three">;
beforeAll(async () => {
  target = await Target.start({
    plain: {},
    second: { lockDuration: "PT1S", maxDeliveryCount: 2_000 },
    three: { lockDuration: "PT3S" },
  });
});
afterAll(() => target.stop());

/** Lets some seconds pass: each is the lock of a message that nobody settles. */
async function seconds(count: number): Promise<void> {
  const queue = await target.queue("second");
  await target.send(queue, { body: "tick" });
  const receiver = target.receiver(queue);
  for (let n = 0; n <= count; n++) await receiveOne(receiver);
  await receiver.close();
}

standInTest("SB-08: a lock lasts as long as the queue says", async () => {
  const queue = await target.queue("plain");
  await target.send(queue, { body: "a" });
  const before = target.part.now();
  const { lockedUntilUtc } = await receiveOne(target.receiver(queue));
  const after = target.part.now();
  expect(lockedUntilUtc?.getTime()).toBeGreaterThanOrEqual(before + 60_000 - 1);
  expect(lockedUntilUtc?.getTime()).toBeLessThanOrEqual(after + 60_000 + 1);
});

standInTest("SB-04, SB-12: when its lock ends a message keeps its number, is counted, and comes next", async () => {
  const queue = await target.queue("second");
  await target.send(queue, { body: "a" }, { body: "b" });
  const first = await receiveOne(target.receiver(queue));
  const other = target.receiver(queue);
  const second = await receiveOne(other);
  await other.renewMessageLock(second);
  const again = await receiveOne(target.receiver(queue));
  expect(again).toMatchObject({ body: "a", deliveryCount: 1 });
  expect(again.sequenceNumber?.equals(first.sequenceNumber ?? 0)).toBe(true);
});

standInTest("SB-10: a renewed lock lasts its whole time from then, any number of times", async () => {
  const queue = await target.queue("three");
  await target.send(queue, { body: "a" });
  const receiver = target.receiver(queue);
  const message = await receiveOne(receiver);
  for (let round = 0; round < 2; round++) {
    await seconds(2);
    const before = target.part.now();
    const until = await receiver.renewMessageLock(message);
    expect(until.getTime()).toBeGreaterThanOrEqual(before + 3_000 - 1);
  }
  expect(await receiveNone(target.receiver(queue))).toEqual([]);
  await receiver.completeMessage(message);
});

standInTest("SB-10, SB-17: a lock that has ended is not renewed", async () => {
  const queue = await target.queue("second");
  await target.send(queue, { body: "a" });
  const receiver = target.receiver(queue);
  const late = await receiveOne(receiver);
  await receiveOne(target.receiver(queue));
  await expect(receiver.renewMessageLock(late)).rejects.toMatchObject({ code: "MessageLockLost" });
});

standInTest("SB-14: renewing and peeking do not count as deliveries", async () => {
  const queue = await target.queue("plain");
  await target.send(queue, { body: "a" });
  const receiver = target.receiver(queue);
  const message = await receiveOne(receiver);
  await receiver.renewMessageLock(message);
  const [peeked] = await receiver.peekMessages(1);
  expect(peeked?.deliveryCount).toBe(0);
});

standInTest("a subscriber's handler may run longer than a lock: the SDK renews", async () => {
  const queue = await target.queue("second");
  await target.send(queue, { body: "a" });
  let calls = 0;
  const receiver = target.client.createReceiver(queue);
  const handled = new Promise<void>((resolve) => {
    receiver.subscribe({
      processMessage: async () => {
        calls++;
        await seconds(3);
        resolve();
      },
      processError: () => Promise.resolve(),
    });
  });
  await handled;
  await target.until(queue, ({ active }) => active === 0);
  expect(calls).toBe(1);
});

standInTest("SB-16: a lost connection leaves its locks until they end", async () => {
  const queue = await target.queue("second");
  await target.send(queue, { body: "a" });
  const client = target.newClient();
  await receiveOne(client.createReceiver(queue, { maxAutoLockRenewalDurationInMs: 0 }));
  await client.close();
  await target.until(queue, ({ receivers }) => receivers === 0);
  expect(await target.view(queue)).toMatchObject({ locked: 1 });
  expect(await receiveOne(target.receiver(queue))).toMatchObject({ body: "a", deliveryCount: 1 });
});

// The last one: from here on the SDK's clock and the part's differ, and it renews too late.
standInTest("a lock in use survives a jump of the clock, as on a laptop that slept", async () => {
  const queue = await target.queue("plain");
  await target.send(queue, { body: "a" });
  const receiver = target.receiver(queue);
  const message = await receiveOne(receiver);
  await target.part.advance(HOUR);
  await receiver.completeMessage(message);
  expect(await receiver.peekMessages(1)).toEqual([]);
});
