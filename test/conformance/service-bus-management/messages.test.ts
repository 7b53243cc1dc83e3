import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Bench } from "./bench.js";

let bench: Bench;

beforeAll(async () => {
  bench = await Bench.start([
    ...["seen", "paged", "dead", "purged", "later", "locked"].map((name) => ({ name })),
    { name: "talks", requiresSession: true },
  ]);
});

afterAll(() => bench.stop());

interface Page {
  readonly messages: readonly Readonly<Record<string, unknown>>[];
  readonly nextFrom?: number;
}

const page = async (where: string): Promise<Page> => (await bench.ask<Page>("GET", `/queues/${where}`)).body;

test("messages are shown decoded, without any effect", async () => {
  const sender = bench.client().createSender("seen");
  await sender.sendMessages([
    {
      body: { hello: "world" },
      messageId: "m1",
      subject: "greeting",
      contentType: "application/json",
      correlationId: "c1",
      applicationProperties: { colour: "red", size: 7, when: new Date(0) },
      timeToLive: 3_600_000,
    },
    { body: Buffer.from([0xff, 0x00]) },
    { body: 42, bodyType: "value" } as never,
  ]);
  const { messages } = await page("seen/messages");
  expect(messages).toMatchObject([
    {
      sequenceNumber: 1,
      messageId: "m1",
      state: "active",
      deliveryCount: 0,
      subject: "greeting",
      contentType: "application/json",
      correlationId: "c1",
      applicationProperties: { colour: "red", size: 7, when: "1970-01-01T00:00:00.000Z" },
      timeToLiveMs: 3_600_000,
      body: { json: { hello: "world" } },
    },
    { sequenceNumber: 2, body: { base64: "/wA=" } },
    { sequenceNumber: 3 },
  ]);
  expect(await page("seen/messages?bodyBytes=5")).toMatchObject({
    messages: [{ body: { text: '{"hel', truncated: true, sizeInBytes: 17 } }, {}, {}],
  });
  expect(await bench.counts("seen")).toMatchObject({ active: 3, locked: 0 });
});

test("page by page, to the end", async () => {
  const sender = bench.client().createSender("paged");
  await sender.sendMessages(Array.from({ length: 5 }, (_, n) => ({ body: n })));
  const numbers: unknown[] = [];
  let from: number | undefined = 1;
  while (from !== undefined) {
    const { messages, nextFrom }: Page = await page(`paged/messages?limit=2&from=${from}`);
    numbers.push(messages.map((message) => message["sequenceNumber"]));
    from = nextFrom;
  }
  expect(numbers).toEqual([[1, 2], [3, 4], [5]]);
});

test("of one session, or of all", async () => {
  const sender = bench.client().createSender("talks");
  await sender.sendMessages(["a", "b", "a"].map((sessionId) => ({ body: "x", sessionId })));
  expect((await page("talks/messages?session=a")).messages.map((each) => each["sequenceNumber"])).toEqual([1, 3]);
  expect((await page("talks/messages")).messages).toHaveLength(3);
});

test("dead letters are shown with their reason, and redriven as new ones", async () => {
  const client = bench.client();
  await client.createSender("dead").sendMessages([{ body: "a" }, { body: "b" }]);
  const receiver = client.createReceiver("dead");
  for (const message of await receiver.receiveMessages(2, { maxWaitTimeInMs: 10_000 })) {
    await receiver.deadLetterMessage(message, { deadLetterReason: "broken", deadLetterErrorDescription: "in two" });
  }
  expect(await page("dead/dead-letters")).toMatchObject({
    messages: [
      { sequenceNumber: 1, deadLetterReason: "broken", deadLetterErrorDescription: "in two" },
      { sequenceNumber: 2 },
    ],
  });
  expect(await bench.ask("POST", "/queues/dead/dead-letters/redrive", { sequenceNumbers: [2, 9] })).toMatchObject({
    status: 404,
  });
  expect(await bench.counts("dead")).toMatchObject({ active: 0, deadLetter: 2 });
  expect(await bench.ask("POST", "/queues/dead/dead-letters/redrive", { sequenceNumbers: [2] })).toMatchObject({
    status: 200,
    body: { redriven: 1, skippedLocked: 0 },
  });
  const [message] = await receiver.receiveMessages(1, { maxWaitTimeInMs: 10_000 });
  expect(message).toMatchObject({ body: "b", deliveryCount: 0 });
  expect(message?.deadLetterReason).toBeUndefined();
  expect(message?.sequenceNumber?.toString()).toBe("3");
  expect(await bench.ask("POST", "/queues/dead/dead-letters/redrive")).toMatchObject({ body: { redriven: 1 } });
  expect(await bench.counts("dead")).toMatchObject({ active: 2, deadLetter: 0 });
});

test("purging takes everything but what is locked", async () => {
  const client = bench.client();
  await client.createSender("purged").sendMessages(Array.from({ length: 10 }, (_, n) => ({ body: n })));
  const receiver = client.createReceiver("purged");
  const [message] = await receiver.receiveMessages(1, { maxWaitTimeInMs: 10_000 });
  if (message === undefined) throw new Error("No message has come.");
  expect(await bench.ask("DELETE", "/queues/purged/messages")).toMatchObject({
    status: 200,
    body: { purged: 9, skippedLocked: 1 },
  });
  await receiver.abandonMessage(message);
  expect((await receiver.receiveMessages(10, { maxWaitTimeInMs: 10_000 })).map(({ body }) => body as unknown)).toEqual([
    0,
  ]);
});

test("a scheduled message can be cancelled; another cannot", async () => {
  const sender = bench.client().createSender("later");
  const [number] = await sender.scheduleMessages({ body: "x" }, new Date(Date.now() + 60_000));
  expect(await page("later/messages")).toMatchObject({ messages: [{ state: "scheduled" }] });
  const where = `/queues/later/scheduled/${String(number)}`;
  expect(await bench.ask("DELETE", where)).toMatchObject({ status: 204 });
  expect(await bench.ask("DELETE", where)).toMatchObject({ status: 404 });
  expect(await bench.counts("later")).toMatchObject({ scheduled: 0, sizeInBytes: 0 });
});

test("locks and sessions, without tokens", async () => {
  const client = bench.client();
  await client.createSender("locked").sendMessages({ body: "x", messageId: "m" });
  const [message] = await client.createReceiver("locked").receiveMessages(1, { maxWaitTimeInMs: 10_000 });
  const locks = await bench.ask<object>("GET", "/queues/locked/locks");
  expect(locks.body).toMatchObject({
    total: 1,
    locks: [{ sequenceNumber: 1, messageId: "m", deadLetter: false, settling: false }],
  });
  expect(JSON.stringify(locks.body)).not.toContain(message?.lockToken);

  await client.createSender("talks").sendMessages({ body: "x", sessionId: "held" });
  const session = await client.acceptSession("talks", "held");
  await session.setSessionState("abc");
  const { body } = await bench.ask<{ sessions: object[] }>("GET", "/queues/talks/sessions");
  expect(body.sessions).toContainEqual(
    expect.objectContaining({ sessionId: "held", held: true, messages: 1, lockedUntil: expect.any(String) }),
  );
});
