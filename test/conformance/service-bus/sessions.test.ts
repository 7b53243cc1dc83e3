/** Sessions: taking them, order within, state, locks, and sharing them fairly. */
import { EventEmitter, once } from "node:events";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { ServiceBusSessionReceiver } from "@azure/service-bus";
import { bodies, receive, receiveOne, standInTest, Target } from "./target.js";

let target: Target<"sessions" | "second" | "plain" | "twice">;
beforeAll(async () => {
  target = await Target.start({
    sessions: { requiresSession: true },
    second: { requiresSession: true, lockDuration: "PT1S", maxDeliveryCount: 100 },
    twice: { requiresSession: true, maxDeliveryCount: 2 },
    plain: {},
  });
});
afterAll(() => target.stop());

const MANUAL = { maxAutoLockRenewalDurationInMs: 0 };
const accept = (queue: string, id: string): Promise<ServiceBusSessionReceiver> =>
  target.client.acceptSession(queue, id, MANUAL);
const acceptNext = (queue: string): Promise<ServiceBusSessionReceiver> =>
  target.client.acceptNextSession(queue, MANUAL);

test("SB-49: a session is accepted by name, also when it has nothing yet", async () => {
  const queue = await target.queue("sessions");
  const session = await accept(queue, "s");
  expect(session.sessionId).toBe("s");
  const waiting = receiveOne(session);
  await target.send(queue, { body: "other", sessionId: "t" }, { body: "own", sessionId: "s" });
  expect(await waiting).toMatchObject({ body: "own", sessionId: "s" });
});

test("SB-49: one that somebody holds is refused at once", async () => {
  const queue = await target.queue("sessions");
  await accept(queue, "s");
  await expect(target.newClient().acceptSession(queue, "s")).rejects.toMatchObject({ code: "SessionCannotBeLocked" });
});

test("SB-50: the next session is the one whose message has waited longest; held ones are left out", async () => {
  const queue = await target.queue("sessions");
  await target.send(queue, ...["a", "b", "c", "a"].map((sessionId) => ({ body: sessionId, sessionId })));
  const order = [];
  for (let n = 0; n < 3; n++) order.push((await acceptNext(queue)).sessionId);
  expect(order).toEqual(["a", "b", "c"]);
});

test("SB-50: nobody has work: the wait ends with ServiceTimeout", async () => {
  const queue = await target.queue("sessions");
  const client = target.newClient(undefined, 2_000);
  await expect(client.acceptNextSession(queue)).rejects.toMatchObject({ code: "ServiceTimeout" });
});

standInTest("who waits for a session gets it as soon as it has work, each a different one", async () => {
  const queue = await target.queue("sessions");
  const waiting = [acceptNext(queue), acceptNext(queue)];
  await target.until(queue, ({ waitingForSession }) => waitingForSession === 2);
  await target.send(queue, { body: 1, sessionId: "a" }, { body: 2, sessionId: "b" });
  const ids = (await Promise.all(waiting)).map(({ sessionId }) => sessionId);
  expect(ids.sort()).toEqual(["a", "b"]);
});

standInTest("who waits gets a session that another gives back", async () => {
  const queue = await target.queue("sessions");
  await target.send(queue, { body: 1, sessionId: "a" });
  const holder = await acceptNext(queue);
  const waiting = acceptNext(queue);
  await target.until(queue, ({ waitingForSession }) => waitingForSession === 1);
  await holder.close();
  expect((await waiting).sessionId).toBe("a");
});

standInTest("a client that went away while it waited takes no session with it", async () => {
  const queue = await target.queue("sessions");
  const client = target.newClient();
  // The SDK never ends this promise.
  client.acceptNextSession(queue).catch(() => undefined);
  await target.until(queue, ({ waitingForSession }) => waitingForSession === 1);
  await client.close();
  await target.until(queue, ({ waitingForSession }) => waitingForSession === 0);
  await target.send(queue, { body: 1, sessionId: "a" });
  expect((await acceptNext(queue)).sessionId).toBe("a");
});

test("SB-51: strictly in order, many in flight; the abandoned one comes next", async () => {
  const queue = await target.queue("sessions");
  await target.send(queue, ...[1, 2, 3, 4].map((body) => ({ body, sessionId: "s" })));
  const session = await accept(queue, "s");
  const [first, second] = await receive(session, 2);
  if (first === undefined || second === undefined) throw new Error("No messages.");
  await session.abandonMessage(second);
  await session.completeMessage(first);
  expect(bodies(await receive(session, 3))).toEqual([2, 3, 4]);
});

test("SB-51: a deferred message is passed over, a dead-lettered one too", async () => {
  const queue = await target.queue("sessions");
  await target.send(queue, ...[1, 2, 3].map((body) => ({ body, sessionId: "s" })));
  const session = await accept(queue, "s");
  await session.deferMessage(await receiveOne(session));
  await session.deadLetterMessage(await receiveOne(session));
  expect((await receiveOne(session)).body).toBe(3);
});

test("SB-51: what comes later for a held session goes to its holder", async () => {
  const queue = await target.queue("sessions");
  const holder = await accept(queue, "s");
  await target.send(queue, { body: 1, sessionId: "s" });
  const waiting = target.newClient(undefined, 2_000).acceptNextSession(queue);
  await expect(waiting).rejects.toMatchObject({ code: "ServiceTimeout" });
  expect((await receiveOne(holder)).body).toBe(1);
});

test("SB-18: maxDeliveryCount holds within a session, whose next message then comes", async () => {
  const queue = await target.queue("twice");
  await target.send(queue, { body: 1, sessionId: "s" }, { body: 2, sessionId: "s" });
  const session = await accept(queue, "s");
  for (let n = 0; n < 2; n++) await session.abandonMessage(await receiveOne(session));
  expect((await receiveOne(session)).body).toBe(2);
  expect(await receiveOne(target.deadLetters(queue))).toMatchObject({ body: 1, sessionId: "s", deliveryCount: 2 });
});

test("SB-53: given back, a session is free at once and its messages are not counted", async () => {
  const queue = await target.queue("sessions");
  await target.send(queue, { body: 1, sessionId: "s" }, { body: 2, sessionId: "s" });
  const first = await accept(queue, "s");
  await receive(first, 2);
  await first.close();
  const second = await accept(queue, "s");
  const messages = await receive(second, 2);
  expect(messages.map(({ body, deliveryCount }) => [body as unknown, deliveryCount])).toEqual([
    [1, 0],
    [2, 0],
  ]);
});

standInTest(
  "SB-52: a session lock that is not renewed ends: SessionLockLost, and its messages are counted",
  async () => {
    const queue = await target.queue("second");
    await target.send(queue, { body: 1, sessionId: "s" });
    const late = await accept(queue, "s");
    const message = await receiveOne(late);
    const next = await acceptNext(queue);
    expect(await receiveOne(next)).toMatchObject({ body: 1, deliveryCount: 1 });
    await expect(late.completeMessage(message)).rejects.toMatchObject({ code: "SessionLockLost" });
    await expect(late.renewSessionLock()).rejects.toMatchObject({ code: "SessionLockLost" });
    await expect(late.receiveMessages(1)).rejects.toMatchObject({ code: "SessionLockLost" });
  },
);

standInTest("SB-52: a session lock is renewed for its whole time, and all its messages with it", async () => {
  const queue = await target.queue("second");
  await target.send(queue, { body: 1, sessionId: "s" }, { body: "tick", sessionId: "clock" });
  const session = await accept(queue, "s");
  const message = await receiveOne(session);
  for (let n = 0; n < 3; n++) {
    // Somebody else's session lock ends after a second: this one's half is over when its last renewal is as old as that.
    const before = target.part.now();
    const until = await session.renewSessionLock();
    expect(until.getTime()).toBeGreaterThanOrEqual(before + 1_000 - 1);
    expect(session.sessionLockedUntilUtc).toEqual(until);
  }
  await session.completeMessage(message);
});

standInTest("a session that the SDK renews is held for longer than a lock", async () => {
  const queue = await target.queue("second");
  await target.send(queue, { body: 1, sessionId: "s" }, { body: "tick", sessionId: "clock" });
  const session = await target.client.acceptSession(queue, "s");
  const message = await receiveOne(session);
  for (let n = 0; n < 3; n++) expect((await receiveOne(await acceptNext(queue))).body).toBe("tick");
  await session.completeMessage(message);
  await session.close();
});

test("SB-54: state is bytes, outlives holders and messages, and is cleared by null", async () => {
  const queue = await target.queue("sessions");
  const first = await accept(queue, "s");
  expect(await first.getSessionState()).toBeNull();
  await first.setSessionState({ step: 1 });
  await first.close();
  const second = await accept(queue, "s");
  expect(await second.getSessionState()).toEqual({ step: 1 });
  await second.setSessionState(null);
  expect(await second.getSessionState()).toBeNull();
});

test("SB-54: each session has its own, as large as a message may be", async () => {
  const queue = await target.queue("sessions");
  const [a, b] = [await accept(queue, "a"), await accept(queue, "b")];
  const large = "x".repeat(200_000);
  await a.setSessionState(large);
  await b.setSessionState("b");
  expect(await a.getSessionState()).toBe(large);
  await expect(a.setSessionState("x".repeat(300_000))).rejects.toMatchObject({ name: "ServiceBusError" });
  expect(await a.getSessionState()).toBe(large);
});

test("SB-48: sessions are needed where the queue asks for them, and nowhere else", async () => {
  const queue = await target.queue("sessions");
  const plain = await target.queue("plain");
  await expect(target.send(queue, { body: "none" })).rejects.toMatchObject({ code: "GeneralError" });
  await expect(receiveOne(target.receiver(queue))).rejects.toMatchObject({ code: "GeneralError" });
  await expect(target.client.acceptNextSession(plain)).rejects.toMatchObject({ code: "GeneralError" });
});

test("a subscriber of a session handles its messages one by one, in order", async () => {
  const queue = await target.queue("sessions");
  const session = await target.client.acceptSession(queue, "s");
  const got: unknown[] = [];
  const told = new EventEmitter();
  session.subscribe({
    processMessage: ({ body }) => {
      if (got.push(body) === 20) told.emit("all");
      return Promise.resolve();
    },
    processError: () => Promise.resolve(),
  });
  const all = once(told, "all");
  const sender = target.client.createSender(queue);
  const sequence = Array.from({ length: 20 }, (_, n) => n);
  await sender.sendMessages(sequence.map((body) => ({ body, sessionId: "s" })));
  await all;
  expect(got).toEqual(sequence);
});

test("fairness: a session with much work does not keep the others waiting", async () => {
  const queue = await target.queue("sessions");
  const sender = target.client.createSender(queue);
  await sender.sendMessages(Array.from({ length: 200 }, (_, body) => ({ body, sessionId: "busy" })));
  await sender.sendMessages(Array.from({ length: 5 }, (_, n) => ({ body: n, sessionId: `quiet-${n}` })));
  const busy = await acceptNext(queue);
  expect(busy.sessionId).toBe("busy");
  const others = [];
  for (let n = 0; n < 5; n++) others.push((await acceptNext(queue)).sessionId);
  expect(others).toEqual(Array.from({ length: 5 }, (_, n) => `quiet-${n}`));
});

test("many sessions: each of a thousand is served, in order", async () => {
  const queue = await target.queue("sessions");
  const sender = target.client.createSender(queue);
  const ids = Array.from({ length: 1_000 }, (_, n) => `s-${n}`);
  for (let start = 0; start < ids.length; start += 250) {
    const part = ids.slice(start, start + 250);
    await sender.sendMessages(part.flatMap((sessionId) => [0, 1].map((body) => ({ body, sessionId }))));
  }
  const seen = new Map<string, unknown[]>();
  const work = async (): Promise<void> => {
    while (seen.size < ids.length) {
      const session = await acceptNext(queue).catch(() => undefined);
      if (session === undefined) return;
      const messages = await receive(session, 2);
      for (const message of messages) await session.completeMessage(message);
      seen.set(session.sessionId, bodies(messages));
      await session.close();
    }
  };
  await Promise.race(Array.from({ length: 8 }, work));
  expect(seen.size).toBe(ids.length);
  expect([...seen.values()].every(([first, second]) => first === 0 && second === 1)).toBe(true);
});
