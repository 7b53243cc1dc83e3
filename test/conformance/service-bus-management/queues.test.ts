import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Bench } from "./bench.js";

const TOPOLOGY = [{ name: "fixed", lockDuration: "PT30S" }];

let bench: Bench;

beforeAll(async () => {
  bench = await Bench.start(TOPOLOGY);
});

afterAll(() => bench.stop());

test("a queue that is made serves at once, and is there after a crash, with its messages", async () => {
  const settings = { requiresSession: true, lockDuration: "PT20S", defaultMessageTimeToLive: "PT1H" };
  expect(await bench.ask("PUT", "/queues/made", settings)).toMatchObject({
    status: 201,
    body: { name: "made", requiresSession: true, lockDuration: 20_000, defaultMessageTimeToLive: 3_600_000, active: 0 },
  });
  await bench.client().createSender("made").sendMessages({ body: "kept", sessionId: "s" });
  await bench.kill();
  await bench.run(TOPOLOGY);
  expect(await bench.ask("GET", "/queues/made")).toMatchObject({
    body: { origin: "runtime", requiresSession: true, lockDuration: 20_000, active: 1 },
  });
  const receiver = await bench.client().acceptNextSession("made");
  const [message] = await receiver.receiveMessages(1, { maxWaitTimeInMs: 10_000 });
  expect(message).toMatchObject({ body: "kept", sessionId: "s" });
});

test("the list has both kinds, and what the control of a stack reads of them", async () => {
  await bench.ask("PUT", "/queues/listed");
  const { body } = await bench.ask<readonly Readonly<Record<string, unknown>>[]>("GET", "/queues");
  expect(body).toContainEqual(expect.objectContaining({ name: "fixed", origin: "topology", lockDuration: 30_000 }));
  const counts = { active: 0, locked: 0, scheduled: 0, due: 0, deferred: 0, deadLetter: 0, deadLetterLocked: 0 };
  const rest = { sizeInBytes: 0, receivers: 0, waitingForSession: 0, defaultMessageTimeToLive: null };
  expect(body).toContainEqual(expect.objectContaining({ name: "listed", origin: "runtime", ...counts, ...rest }));
});

test("settings are changed as a whole, for messages that wait as well, and for good", async () => {
  await bench.ask("PUT", "/queues/changed", { lockDuration: "PT30S", maxDeliveryCount: 10 });
  const client = bench.client();
  await client.createSender("changed").sendMessages([{ body: "a" }, { body: "b" }]);
  const changed = { lockDuration: "PT5S", maxDeliveryCount: 1, defaultMessageTimeToLive: "P1D" };
  expect(await bench.ask("PUT", "/queues/changed", changed)).toMatchObject({
    status: 200,
    body: { lockDuration: 5_000, maxDeliveryCount: 1, active: 2 },
  });
  const receiver = client.createReceiver("changed");
  const [message] = await receiver.receiveMessages(1, { maxWaitTimeInMs: 10_000 });
  if (message === undefined) throw new Error("No message has come.");
  expect(message.lockedUntilUtc?.getTime()).toBeLessThan(Date.now() + 6_000);
  expect(message.expiresAtUtc?.getTime()).toBeLessThan(Date.now() + 25 * 3_600_000);
  await receiver.abandonMessage(message);
  expect(await bench.counts("changed")).toMatchObject({ active: 1, deadLetter: 1 });
  await bench.kill();
  await bench.run(TOPOLOGY);
  expect(await bench.counts("changed")).toMatchObject({ lockDuration: 5_000, maxDeliveryCount: 1, deadLetter: 1 });
});

test("what Azure does not change is refused", async () => {
  await bench.ask("PUT", "/queues/stiff");
  for (const field of ["requiresSession", "requiresDuplicateDetection"]) {
    const { status, body } = await bench.ask("PUT", "/queues/stiff", { [field]: true });
    expect({ status, detail: body["detail"] }).toEqual({ status: 409, detail: expect.stringContaining(field) });
  }
});

test("a deleted queue is gone for clients; made anew it is empty, starts at 1, and stays so", async () => {
  await bench.ask("PUT", "/queues/gone", { requiresDuplicateDetection: true });
  const client = bench.client();
  const sender = client.createSender("gone");
  await sender.sendMessages([
    { body: "a", messageId: "1" },
    { body: "b", messageId: "2", scheduledEnqueueTimeUtc: new Date(Date.now() + 60_000) },
  ]);
  expect(await bench.ask("DELETE", "/queues/gone")).toMatchObject({ status: 204 });
  expect(await bench.ask("GET", "/queues/gone")).toMatchObject({ status: 404 });
  await expect(sender.sendMessages({ body: "c" })).rejects.toMatchObject({ code: "MessagingEntityNotFound" });

  await bench.ask("PUT", "/queues/gone", { requiresDuplicateDetection: true });
  expect(await bench.counts("gone")).toMatchObject({ active: 0, scheduled: 0, sizeInBytes: 0 });
  await bench.client().createSender("gone").sendMessages({ body: "new", messageId: "1" });
  await bench.kill();
  await bench.run(TOPOLOGY);
  const [message, ...more] = await bench.client().createReceiver("gone").peekMessages(10);
  expect(message).toMatchObject({ body: "new" });
  expect(message?.sequenceNumber?.toString()).toBe("1");
  expect(more).toEqual([]);
});

test("a receiver that waits at a deleted queue is told", async () => {
  await bench.ask("PUT", "/queues/waiting");
  const receiver = bench.client().createReceiver("waiting");
  const failed = new Promise((resolve) => {
    receiver.subscribe({
      processMessage: () => Promise.resolve(),
      processError: ({ error }) => {
        resolve(error);
        return Promise.resolve();
      },
    });
  });
  // Attached once it has received something.
  await bench.client().createSender("waiting").sendMessages({ body: "x" });
  await receiver.peekMessages(1);
  await bench.ask("DELETE", "/queues/waiting");
  expect(await failed).toMatchObject({ code: "MessagingEntityNotFound" });
});

test("the topology is the truth for its queues", async () => {
  for (const method of ["PUT", "DELETE"]) {
    const { status, body } = await bench.ask(method, "/queues/Fixed");
    expect({ status, detail: body["detail"] }).toEqual({ status: 409, detail: expect.stringContaining("topology") });
  }
  await bench.ask("PUT", "/queues/adopted", { maxDeliveryCount: 3 });
  await bench.kill();
  await bench.run([...TOPOLOGY, { name: "adopted", maxDeliveryCount: 7 }]);
  expect(await bench.ask("GET", "/queues/adopted")).toMatchObject({
    body: { origin: "topology", maxDeliveryCount: 7 },
  });
  expect(bench.log.join("\n")).toContain("'adopted', made at run time, is now as the topology has it");
});

test("a name may have slashes", async () => {
  expect(await bench.ask("PUT", "/queues/team/orders")).toMatchObject({ status: 201, body: { name: "team/orders" } });
  await bench.client().createSender("team/orders").sendMessages({ body: "x" });
  expect(await bench.ask("GET", "/queues/team%2Forders/messages")).toMatchObject({
    body: { messages: [{ sequenceNumber: 1 }] },
  });
  expect(await bench.ask("DELETE", "/queues/team/orders")).toMatchObject({ status: 204 });
});

test("many changes at once are kept one by one", async () => {
  const names = Array.from({ length: 20 }, (_, n) => `many-${n}`);
  await Promise.all(names.map((name) => bench.ask("PUT", `/queues/${name}`)));
  await Promise.all(names.slice(0, 10).map((name) => bench.ask("DELETE", `/queues/${name}`)));
  await bench.kill();
  await bench.run(TOPOLOGY);
  const { body } = await bench.ask<readonly { readonly name: string }[]>("GET", "/queues");
  const kept = body.map(({ name }) => name).filter((name) => name.startsWith("many-"));
  expect(kept.sort()).toEqual(names.slice(10).sort());
});
