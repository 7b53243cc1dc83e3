/** Refusals: the right code, at the right moment. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { receiveOne, standInTest, Target } from "./target.js";

let target: Target<"plain" | "small" | "sessions">;
beforeAll(async () => {
  target = await Target.start({
    plain: {},
    small: { maxSizeInMegabytes: 1 },
    sessions: { requiresSession: true, maxSizeInMegabytes: 1 },
  });
});
afterAll(() => target.stop());

const KILOBYTE = 1_024;

describe("an entity that does not exist: MessagingEntityNotFound", () => {
  const NOT_FOUND = { code: "MessagingEntityNotFound" };

  test("sending", async () => {
    await expect(target.client.createSender("nowhere").sendMessages({ body: 1 })).rejects.toMatchObject(NOT_FOUND);
  });

  test("receiving, from it and from its dead-letter queue", async () => {
    await expect(target.receiver("nowhere").receiveMessages(1)).rejects.toMatchObject(NOT_FOUND);
    await expect(target.deadLetters("nowhere").receiveMessages(1)).rejects.toMatchObject(NOT_FOUND);
  });

  test("sessions, by name and the next one", async () => {
    await expect(target.client.acceptSession("nowhere", "s")).rejects.toMatchObject(NOT_FOUND);
    await expect(target.client.acceptNextSession("nowhere")).rejects.toMatchObject(NOT_FOUND);
  });

  test("peeking", async () => {
    await expect(target.receiver("nowhere").peekMessages(1)).rejects.toMatchObject(NOT_FOUND);
  });

  test("subscribing: the handler of errors is told", async () => {
    const told = new Promise<unknown>((resolve) => {
      target.receiver("nowhere").subscribe({
        processMessage: () => Promise.resolve(),
        processError: ({ error }) => {
          resolve(error);
          return Promise.resolve();
        },
      });
    });
    expect(await told).toMatchObject(NOT_FOUND);
  });
});

test("names of entities are the same in any case", async () => {
  const queue = await target.queue("plain");
  await target.send(queue.toUpperCase(), { body: "a" });
  expect((await receiveOne(target.receiver(queue))).body).toBe("a");
});

describe("who may not: UnauthorizedAccess", () => {
  const changed = (from: RegExp, to: string): string => target.connectionString.replace(from, to);

  test("a wrong key", async () => {
    const queue = await target.queue("plain");
    const client = target.newClient(changed(/SharedAccessKey=[^;]*/, "SharedAccessKey=d3Jvbmc="));
    await expect(client.createSender(queue).sendMessages({ body: 1 })).rejects.toMatchObject({
      code: "UnauthorizedAccess",
    });
    await expect(client.createReceiver(queue).receiveMessages(1)).rejects.toMatchObject({ code: "UnauthorizedAccess" });
    await expect(client.createReceiver(queue).peekMessages(1)).rejects.toMatchObject({ code: "UnauthorizedAccess" });
  });

  test("a key's name that is not known", async () => {
    const queue = await target.queue("plain");
    const client = target.newClient(changed(/SharedAccessKeyName=[^;]*/, "SharedAccessKeyName=nobody"));
    await expect(client.createSender(queue).sendMessages({ body: 1 })).rejects.toMatchObject({
      code: "UnauthorizedAccess",
    });
  });
});

describe("SB-55: 256 KB for a message or a batch", () => {
  test("a message that is larger: MessageSizeExceeded, and the sender can go on", async () => {
    const queue = await target.queue("plain");
    const sender = target.client.createSender(queue);
    await expect(sender.sendMessages({ body: Buffer.alloc(257 * KILOBYTE) })).rejects.toMatchObject({
      code: "MessageSizeExceeded",
    });
    await sender.sendMessages({ body: "small" });
    expect((await receiveOne(target.receiver(queue))).body).toBe("small");
  });

  test("properties count", async () => {
    const sender = target.client.createSender(await target.queue("plain"));
    const message = { body: Buffer.alloc(240 * KILOBYTE), applicationProperties: { a: "x".repeat(20 * KILOBYTE) } };
    await expect(sender.sendMessages(message)).rejects.toMatchObject({ code: "MessageSizeExceeded" });
  });

  test("a batch takes no message that would make it larger", async () => {
    const sender = target.client.createSender(await target.queue("plain"));
    const batch = await sender.createMessageBatch();
    expect(batch.maxSizeInBytes).toBe(256 * KILOBYTE);
    expect(batch.tryAddMessage({ body: Buffer.alloc(200 * KILOBYTE) })).toBe(true);
    expect(batch.tryAddMessage({ body: Buffer.alloc(60 * KILOBYTE) })).toBe(false);
    await sender.sendMessages(batch);
  });

  test("a scheduled message that is larger", async () => {
    const sender = target.client.createSender(await target.queue("plain"));
    const scheduling = sender.scheduleMessages({ body: Buffer.alloc(257 * KILOBYTE) }, new Date(Date.now() + 60_000));
    await expect(scheduling).rejects.toMatchObject({ code: "MessageSizeExceeded" });
  });
});

describe("SB-56: limits of what stands before the body", () => {
  const REFUSED = { name: "ServiceBusError", code: "GeneralError" };

  test("a property of 32 KB passes, one that is larger does not", async () => {
    const queue = await target.queue("plain");
    const sender = target.client.createSender(queue);
    await sender.sendMessages({ body: 1, applicationProperties: { a: "x".repeat(32_000) } });
    const large = { body: 1, applicationProperties: { a: "x".repeat(33 * KILOBYTE) } };
    await expect(sender.sendMessages(large)).rejects.toMatchObject(REFUSED);
  });

  test("64 KB for all of them", async () => {
    const sender = target.client.createSender(await target.queue("plain"));
    const applicationProperties = Object.fromEntries(
      Array.from({ length: 70 }, (_, n) => [`p${n}`, "x".repeat(KILOBYTE)]),
    );
    await expect(sender.sendMessages({ body: 1, applicationProperties })).rejects.toMatchObject(REFUSED);
  });

  // The SDK itself refuses a messageId of more than 128 characters, and a sessionId as well.
  test("ids of 128 characters pass", async () => {
    const queue = await target.queue("sessions");
    const id = "i".repeat(128);
    await target.send(queue, { body: 1, messageId: id, sessionId: id });
    const session = await target.client.acceptSession(queue, id);
    expect(await receiveOne(session)).toMatchObject({ messageId: id, sessionId: id });
  });
});

describe("SB-57: a full queue: QuotaExceeded", () => {
  const FULL = {
    code: "QuotaExceeded",
    message: expect.stringContaining("The maximum entity size has been reached or exceeded") as unknown,
  };

  standInTest("of messages and dead letters; completing makes room", async () => {
    const queue = await target.queue("small");
    const sender = target.client.createSender(queue);
    const receiver = target.receiver(queue);
    const message = { body: Buffer.alloc(200 * KILOBYTE) };
    for (let n = 0; n < 5; n++) await sender.sendMessages(message);
    await expect(sender.sendMessages(message)).rejects.toMatchObject(FULL);
    await receiver.deadLetterMessage(await receiveOne(receiver));
    await expect(sender.sendMessages(message)).rejects.toMatchObject(FULL);
    await receiver.completeMessage(await receiveOne(receiver));
    await sender.sendMessages(message);
  });

  standInTest("of session states", async () => {
    const queue = await target.queue("sessions");
    const state = "x".repeat(250 * KILOBYTE);
    for (let n = 0; n < 4; n++) {
      const session = await target.client.acceptSession(queue, `s${n}`);
      await session.setSessionState(state);
      await session.close();
    }
    const session = await target.client.acceptSession(queue, "one more");
    await expect(session.setSessionState(state)).rejects.toMatchObject(FULL);
  });
});
