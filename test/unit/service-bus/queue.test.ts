import { describe, expect, test } from "@jest/globals";
import type { MessageLock } from "../../../local/service-bus/broker/model.js";
import type { QueueSettings } from "../../../local/service-bus/broker/settings.js";
import { Fixture, settled } from "./fake-broker.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

describe("numbers and order", () => {
  test("SB-01, SB-03: numbers from 1 without a gap, delivered in their order", async () => {
    const f = new Fixture();
    expect(await Promise.all(["a", "b", "c"].map((body) => f.send(body)))).toEqual([[1], [2], [3]]);
    expect(f.receive(10).bodies()).toEqual(["a", "b", "c"]);
  });

  test("SB-05: a message counts once it is written, and not when the disk refuses", async () => {
    const f = new Fixture();
    f.store.refuse = true;
    await expect(f.send("lost")).rejects.toMatchObject({ refusal: "internal-error" });
    expect(f.queue.counts().active).toBe(0);
    f.store.refuse = false;
    await f.send("kept");
    expect(f.receive(1).bodies()).toEqual(["kept"]);
  });

  test("SB-04: an abandoned message keeps its number and comes next", async () => {
    const f = new Fixture();
    await f.send("a");
    await f.send("b");
    const first = f.receive(1);
    await f.queue.settle(first.last(), { kind: "abandon" });
    const then = f.receive(2);
    expect(then.bodies()).toEqual(["a", "b"]);
    expect(then.got[0]?.message.status).toMatchObject({ sequenceNumber: 1, deliveryCount: 1 });
  });

  test("competing receivers take turns", async () => {
    const f = new Fixture();
    const links = [f.receive(5), f.receive(5)];
    for (let n = 0; n < 6; n++) await f.send(String(n));
    expect(links.map((link) => link.got.length)).toEqual([3, 3]);
  });

  test("SB-07: a batch is all or nothing", async () => {
    const f = new Fixture({ requiresSession: true });
    const content = Buffer.from("x");
    const batch = [
      { content, messageId: "1", sessionId: "s" },
      { content, messageId: "2" },
    ];
    await expect(f.queue.intake.send(batch)).rejects.toMatchObject({ refusal: "not-allowed" });
    expect(f.queue.counts().active).toBe(0);
  });

  test("numbers are never given twice, also when the last message is gone before a restart", async () => {
    const f = new Fixture();
    await f.send("a");
    await f.queue.settle(f.receive(1).last(), { kind: "complete" });
    f.restart();
    expect(await f.send("b")).toEqual([2]);
  });
});

describe("locks", () => {
  test("SB-12, SB-17: at its end the message is free again, counted, and the old lock is lost", async () => {
    const f = new Fixture();
    await f.send("a");
    const link = f.receive(2);
    const lock = link.last();
    f.clock.advance(MINUTE - 1);
    expect(link.got).toHaveLength(1);
    f.clock.advance(1);
    expect(link.got).toHaveLength(2);
    expect(link.got[1]?.message.status.deliveryCount).toBe(1);
    await expect(f.queue.settle(lock, { kind: "complete" })).rejects.toMatchObject({ refusal: "message-lock-lost" });
  });

  test("SB-10: a renewed lock lasts its whole duration from then", async () => {
    const f = new Fixture();
    await f.send("a");
    const link = f.receive(2);
    f.clock.advance(MINUTE - 1);
    f.queue.renew("main", link.last());
    f.clock.advance(MINUTE - 1);
    expect(link.got).toHaveLength(1);
    await f.queue.settle(link.last(), { kind: "complete" });
    expect(f.queue.counts().active).toBe(0);
  });

  test("a lock survives a jump of the clock", async () => {
    const f = new Fixture();
    await f.send("a");
    const link = f.receive(2);
    f.clock.jump(24 * 60 * MINUTE);
    expect(f.queue.lockedUntil(link.last())).toBe(f.clock.now() + MINUTE);
    await f.queue.settle(link.last(), { kind: "complete" });
    expect(link.got).toHaveLength(1);
  });

  test("a message is settled once, also when both settlements are on their way", async () => {
    const f = new Fixture();
    await f.send("a");
    const lock = f.receive(1).last();
    const results = await Promise.allSettled([
      f.queue.settle(lock, { kind: "complete" }),
      f.queue.settle(lock, { kind: "abandon" }),
    ]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    expect(f.queue.counts()).toMatchObject({ active: 0, locked: 0 });
  });

  test("a settlement that the disk refuses leaves the lock as it was", async () => {
    const f = new Fixture();
    await f.send("a");
    const lock = f.receive(1).last();
    f.store.refuse = true;
    await expect(f.queue.settle(lock, { kind: "complete" })).rejects.toMatchObject({ refusal: "internal-error" });
    f.store.refuse = false;
    await f.queue.settle(lock, { kind: "complete" });
    expect(f.queue.counts().active).toBe(0);
  });

  test("SB-18, SB-19: the last failed delivery moves the message to the dead-letter queue", async () => {
    const f = new Fixture({ maxDeliveryCount: 2 });
    await f.send("a");
    const link = f.receive(3);
    await f.queue.settle(link.last(), { kind: "abandon" });
    await f.queue.settle(link.last(), { kind: "abandon" });
    expect(link.got).toHaveLength(2);
    const dead = f.receive(1, "dead-letter");
    expect(dead.got[0]?.message.status).toMatchObject({
      sequenceNumber: 1,
      deliveryCount: 2,
      deadLetter: { reason: "MaxDeliveryCountExceeded" },
    });
  });

  test("SB-32, SB-33: in the dead-letter queue nothing is counted, nothing expires, nothing is dead-lettered", async () => {
    const f = new Fixture({ maxDeliveryCount: 1, defaultMessageTimeToLive: MINUTE });
    await f.send("a");
    await f.queue.settle(f.receive(1).last(), { kind: "abandon" });
    const dead = f.receive(10, "dead-letter");
    await f.queue.settle(dead.last(), { kind: "abandon" });
    await expect(f.queue.settle(dead.last(), { kind: "dead-letter" })).rejects.toMatchObject({
      refusal: "not-allowed",
    });
    f.clock.advance(60 * MINUTE);
    expect(dead.got.length).toBeGreaterThan(3);
    expect(f.queue.counts()).toMatchObject({ deadLetter: 1 });
    expect(dead.last().message.status.deliveryCount).toBe(1);
  });

  test("SB-21: received and deleted means gone, also after a crash", async () => {
    const f = new Fixture();
    await f.send("a");
    const link = f.receive(1, "main", "receive-and-delete");
    await settled();
    expect(link.bodies()).toEqual(["a"]);
    f.restart();
    expect(f.queue.counts().active).toBe(0);
  });

  test("SB-16: locks do not survive a restart, counts do", async () => {
    const f = new Fixture();
    await f.send("a");
    await f.queue.settle(f.receive(1).last(), { kind: "abandon" });
    const { token } = f.receive(1).last();
    f.restart();
    expect(() => f.queue.findLock("main", token)).toThrow("lock supplied is invalid");
    expect(f.receive(1).got[0]?.message.status.deliveryCount).toBe(1);
  });
});

describe("time to live", () => {
  test("SB-23, SB-27: the shorter one counts; the message goes to the dead-letter queue", async () => {
    const f = new Fixture({ defaultMessageTimeToLive: MINUTE, deadLetteringOnMessageExpiration: true });
    await f.send("own", { timeToLive: 10 * SECOND });
    await f.send("queue's", { timeToLive: 10 * MINUTE });
    f.clock.jump(10 * SECOND);
    expect(f.queue.counts()).toMatchObject({ active: 1, deadLetter: 1 });
    f.clock.jump(50 * SECOND);
    expect(f.receive(9, "dead-letter").got.map(({ message }) => message.status.deadLetter?.reason)).toEqual([
      "TTLExpiredException",
      "TTLExpiredException",
    ]);
  });

  test("SB-27: without dead-lettering it is dropped, on disk as well", async () => {
    const f = new Fixture();
    await f.send("a", { timeToLive: SECOND });
    f.clock.advance(SECOND);
    await settled();
    f.restart();
    expect(f.queue.counts()).toMatchObject({ active: 0, deadLetter: 0 });
  });

  test("SB-26: expired under lock, it can be completed; abandoned, it expires at once", async () => {
    const f = new Fixture({ deadLetteringOnMessageExpiration: true });
    await f.send("a", { timeToLive: SECOND });
    await f.send("b", { timeToLive: SECOND });
    const link = f.receive(2);
    f.clock.advance(2 * SECOND);
    const [a, b] = link.got.map(({ lock }) => lock) as [MessageLock, MessageLock];
    await f.queue.settle(a, { kind: "complete" });
    await f.queue.settle(b, { kind: "abandon" });
    expect(f.queue.counts()).toMatchObject({ active: 0, deadLetter: 1 });
  });

  test("SB-28: a deferred message does not expire", async () => {
    const f = new Fixture({ defaultMessageTimeToLive: SECOND });
    await f.send("a");
    await f.queue.settle(f.receive(1).last(), { kind: "defer" });
    f.clock.advance(MINUTE);
    expect(await f.queue.receiveDeferred("main", [1], "peek-lock")).toHaveLength(1);
  });
});

describe("deferred and scheduled", () => {
  test("SB-13, SB-37 to SB-39: only its number brings a deferred message back, and it stays deferred", async () => {
    const f = new Fixture();
    await f.send("a");
    const link = f.receive(5);
    await f.queue.settle(link.last(), { kind: "defer" });
    expect(link.got).toHaveLength(1);
    const [received] = await f.queue.receiveDeferred("main", [1], "peek-lock");
    expect(received?.message.status).toMatchObject({ state: "deferred", deliveryCount: 1 });
    await expect(f.queue.receiveDeferred("main", [1], "peek-lock")).rejects.toMatchObject({
      refusal: "message-not-found",
    });
    f.clock.advance(MINUTE);
    f.restart();
    expect(await f.queue.receiveDeferred("main", [1], "receive-and-delete")).toHaveLength(1);
    f.restart();
    expect(f.queue.counts().deferred).toBe(0);
  });

  test("SB-41, SB-42: activation appends: a new number, a new time, the old number is dead", async () => {
    const f = new Fixture();
    const due = f.clock.now() + MINUTE;
    expect(await f.send("later", { scheduledFor: due })).toEqual([1]);
    await f.send("now");
    const link = f.receive(5);
    expect(link.bodies()).toEqual(["now"]);
    expect(f.queue.peek("main", 1, 9).map(({ status }) => status.state)).toEqual(["scheduled", "active"]);
    f.clock.jump(MINUTE);
    await settled();
    expect(link.last().message.status).toMatchObject({ sequenceNumber: 3, enqueuedAt: due, scheduledNumber: 1 });
    await expect(f.queue.cancelScheduled([1])).rejects.toThrow("Missing sequence numbers: 1");
  });

  test("a message that came due while the broker was away is activated at its start", async () => {
    const f = new Fixture();
    await f.send("later", { scheduledFor: f.clock.now() + MINUTE });
    f.broker.stop();
    f.clock.advance(2 * MINUTE);
    f.restart();
    f.broker.fallDue();
    expect(f.queue.counts().due).toBe(1);
    await settled();
    expect(f.receive(1).bodies()).toEqual(["later"]);
  });

  test("an activation that the disk refuses is tried again", async () => {
    const f = new Fixture();
    await f.send("later", { scheduledFor: f.clock.now() + MINUTE });
    f.store.refuse = true;
    f.clock.advance(MINUTE);
    await settled();
    expect(f.failures).toHaveLength(1);
    f.store.refuse = false;
    f.clock.advance(SECOND);
    await settled();
    expect(f.receive(1).bodies()).toEqual(["later"]);
  });

  test("SB-43: cancelling deletes", async () => {
    const f = new Fixture();
    await f.send("later", { scheduledFor: f.clock.now() + MINUTE });
    await f.queue.cancelScheduled([1]);
    f.clock.advance(2 * MINUTE);
    await settled();
    expect(f.queue.counts()).toMatchObject({ scheduled: 0, active: 0 });
  });
});

describe("duplicates", () => {
  const settings = { requiresDuplicateDetection: true };

  test("SB-45, SB-46: accepted and dropped, also after the first was completed, and after a restart", async () => {
    const f = new Fixture(settings);
    await f.send("first", { messageId: "m" });
    await f.send("second", { messageId: "m" });
    const link = f.receive(5);
    expect(link.bodies()).toEqual(["first"]);
    await f.queue.settle(link.last(), { kind: "complete" });
    f.restart();
    await f.send("third", { messageId: "m" });
    expect(f.queue.counts().active).toBe(0);
  });

  test("SB-44, SB-46: the window counts from the first send", async () => {
    const f = new Fixture(settings);
    await f.send("first", { messageId: "m" });
    f.clock.advance(9 * MINUTE);
    await f.send("second", { messageId: "m" });
    f.clock.advance(MINUTE);
    await f.send("third", { messageId: "m" });
    expect(f.receive(5).bodies()).toEqual(["first", "third"]);
    await settled();
    expect([...f.store.map.keys()].filter((key) => key.startsWith("d:"))).toEqual(["d:q:m"]);
  });

  test("a duplicate is not accepted when the first could not be stored", async () => {
    const f = new Fixture(settings);
    f.store.refuse = true;
    const results = await Promise.allSettled([
      f.send("first", { messageId: "m" }),
      f.send("second", { messageId: "m" }),
    ]);
    expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    f.store.refuse = false;
    await f.send("third", { messageId: "m" });
    expect(f.receive(5).bodies()).toEqual(["third"]);
  });

  test("SB-47: the number of a scheduled duplicate is good for nothing, and is not given again", async () => {
    const f = new Fixture(settings);
    await f.send("first", { messageId: "m" });
    expect(await f.send("second", { messageId: "m", scheduledFor: f.clock.now() + MINUTE })).toEqual([2]);
    await expect(f.queue.cancelScheduled([2])).rejects.toMatchObject({ refusal: "message-not-found" });
    f.restart();
    expect(await f.send("third")).toEqual([3]);
  });
});

test("SB-57: a full queue refuses, and takes again when something was completed", async () => {
  const f = new Fixture({ maxSizeInMegabytes: 1 });
  const half = "x".repeat(512 * 1024);
  await f.send(half, { messageId: "1" });
  await f.send(half, { messageId: "2" });
  await expect(f.send("y")).rejects.toMatchObject({ refusal: "quota-exceeded" });
  await f.queue.settle(f.receive(1).last(), { kind: "complete" });
  await f.send("y");
});

test("a queue that the topology does not have any more is kept, not served", async () => {
  const f = new Fixture();
  await f.send("a");
  f.restart({ name: "other" });
  expect(f.broker.unserved).toEqual(["q"]);
  expect(f.store.map.has("m:q:1")).toBe(true);
});

test("a topology that writes the queue's name otherwise: what was settled stays so, what waits waits", async () => {
  const spelled = (name: string): Partial<QueueSettings> => ({ name, requiresDuplicateDetection: true });
  const f = new Fixture(spelled("Q"));
  await f.send("first");
  await f.send("second");
  f.restart(spelled("q"));
  const [first] = f.receive(2).got;
  if (first?.lock === undefined) throw new Error("No message has come.");
  await f.queue.settle(first.lock, { kind: "complete" });
  f.restart(spelled("Q"));
  await f.send("first");
  const link = f.receive(9);
  expect(link.bodies()).toEqual(["second"]);
  await f.queue.settle(link.last(), { kind: "complete" });
  f.restart(spelled("q"));
  expect(f.receive(9).bodies()).toEqual([]);
  expect(await f.send("third")).toEqual([4]);
});
