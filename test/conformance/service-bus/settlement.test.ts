/** Settling: through the link and through $management, with properties, after the lock is gone. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { ServiceBusReceivedMessage, ServiceBusReceiver } from "@azure/service-bus";
import { receiveNone, receiveOne, standInTest, Target } from "./target.js";

let target: Target<"plain" | "second">;
beforeAll(async () => {
  target = await Target.start({ plain: {}, second: { lockDuration: "PT1S", maxDeliveryCount: 100 } });
});
afterAll(() => target.stop());

type Settle = (receiver: ServiceBusReceiver, message: ServiceBusReceivedMessage) => Promise<void>;

const WAYS: readonly [name: string, settle: Settle][] = [
  ["complete", (receiver, message) => receiver.completeMessage(message)],
  ["abandon", (receiver, message) => receiver.abandonMessage(message, { colour: "red" })],
  ["defer", (receiver, message) => receiver.deferMessage(message, { colour: "red" })],
  [
    "dead-letter",
    (receiver, message) =>
      receiver.deadLetterMessage(message, { colour: "red", deadLetterReason: "r", deadLetterErrorDescription: "d" }),
  ],
];

/** What became of the only message that a queue had. */
async function fate(queue: string): Promise<object> {
  const receiver = target.receiver(queue);
  const [message] = await receiver.peekMessages(1);
  const [dead] = await target.deadLetters(queue).peekMessages(1);
  const { state, deliveryCount, applicationProperties } = message ?? dead ?? {};
  return {
    where: message !== undefined ? "queue" : dead !== undefined ? "dead" : "gone",
    state,
    deliveryCount,
    applicationProperties,
  };
}

const FATES: Readonly<Record<string, object>> = {
  complete: { where: "gone" },
  abandon: { where: "queue", state: "active", deliveryCount: 1, applicationProperties: { own: 1, colour: "red" } },
  defer: { where: "queue", state: "deferred", deliveryCount: 1, applicationProperties: { own: 1, colour: "red" } },
  "dead-letter": {
    where: "dead",
    state: "active",
    deliveryCount: 0,
    applicationProperties: { own: 1, colour: "red", DeadLetterReason: "r" },
  },
};

describe.each(WAYS)("%s", (name, settle) => {
  test("SB-12, SB-13, SB-14, SB-20: through the link that has received", async () => {
    const queue = await target.queue("plain");
    await target.send(queue, { body: "a", applicationProperties: { own: 1 } });
    const receiver = target.receiver(queue);
    await settle(receiver, await receiveOne(receiver));
    expect(await fate(queue)).toMatchObject(FATES[name] ?? {});
  });

  test("SB-15: through $management, when the receiver is closed", async () => {
    const queue = await target.queue("plain");
    await target.send(queue, { body: "a", applicationProperties: { own: 1 } });
    const receiver = target.receiver(queue);
    const message = await receiveOne(receiver);
    await receiver.close();
    expect(await receiveNone(target.receiver(queue))).toEqual([]);
    await settle(target.receiver(queue), message);
    expect(await fate(queue)).toMatchObject(FATES[name] ?? {});
  });

  standInTest("SB-17: refused when the lock has ended, through the link", async () => {
    const queue = await target.queue("second");
    await target.send(queue, { body: "a" });
    const receiver = target.receiver(queue);
    const late = await receiveOne(receiver);
    const again = await receiveOne(target.receiver(queue));
    await expect(settle(receiver, late)).rejects.toMatchObject({
      code: "MessageLockLost",
      message: expect.stringContaining("The lock supplied is invalid") as unknown,
    });
    await target.receiver(queue).completeMessage(again);
  });

  standInTest("SB-17: refused when the lock has ended, through $management", async () => {
    const queue = await target.queue("second");
    await target.send(queue, { body: "a" });
    const receiver = target.receiver(queue);
    const late = await receiveOne(receiver);
    await receiver.close();
    await receiveOne(target.receiver(queue));
    await expect(settle(target.receiver(queue), late)).rejects.toMatchObject({ code: "MessageLockLost" });
  });
});

test("SB-17: a message that another settled is not settled twice", async () => {
  const queue = await target.queue("plain");
  await target.send(queue, { body: "a" });
  const receiver = target.receiver(queue);
  const message = await receiveOne(receiver);
  await receiver.close();
  const other = target.receiver(queue);
  await other.completeMessage(message);
  await expect(other.completeMessage(message)).rejects.toMatchObject({ code: "MessageLockLost" });
});

test("SB-20: a second abandon changes what the first has set, and keeps the rest", async () => {
  const queue = await target.queue("plain");
  await target.send(queue, { body: "a", applicationProperties: { own: "kept" } });
  const receiver = target.receiver(queue);
  await receiver.abandonMessage(await receiveOne(receiver), { first: 1, both: "old" });
  await receiver.abandonMessage(await receiveOne(receiver), { second: 2, both: "new" });
  const { applicationProperties } = await receiveOne(receiver);
  expect(applicationProperties).toEqual({ own: "kept", first: 1, second: 2, both: "new" });
});

test("settlements of one receiver may overlap", async () => {
  const queue = await target.queue("plain");
  const count = 200;
  await target.client.createSender(queue).sendMessages(Array.from({ length: count }, (_, body) => ({ body })));
  const receiver = target.receiver(queue);
  let completed = 0;
  while (completed < count) {
    const messages = await receiver.receiveMessages(50);
    await Promise.all(messages.map((message) => receiver.completeMessage(message)));
    completed += messages.length;
  }
  expect(await receiver.peekMessages(1)).toEqual([]);
});
