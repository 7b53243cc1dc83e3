import { ServiceBusClient } from "@azure/service-bus";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { ServerEvents } from "../../src/lib/contracts/shapes.js";
import type { FailureEnvelope, TextEnvelope } from "../../src/lib/contracts/queue.js";
import { newId, person, wholeList, Watch } from "../support/chat.js";
import { startStack, type Stack } from "../support/stack.js";

let stack: Stack;
let client: ServiceBusClient;

beforeAll(async () => {
  stack = await startStack();
  client = new ServiceBusClient(stack.info.serviceBus);
});
afterAll(async () => {
  await client.close();
  await stack.stop();
});

async function envelope(conversation: string, text: string): Promise<TextEnvelope> {
  const now = await stack.now();
  return {
    v: 1,
    id: newId(),
    conversation,
    author: "ana",
    text,
    sentAt: new Date(now).toISOString(),
    endsAt: new Date(now + 24 * 3_600_000).toISOString(),
    attempt: 1,
  };
}

test("one poison message among 50: the others arrive once, in order; the poison is parked, and its sender hears of it", async () => {
  const watch = new Watch();
  const failures: ServerEvents["message.failed"][] = [];
  const ana = await person(stack, "ana", {
    onFailed: (event) => {
      failures.push(event);
      watch.changed();
    },
  });
  await ana.connect();
  const { id: conversation } = await ana.start(["bo"]);
  const bodies = await Promise.all(Array.from({ length: 50 }, (_, n) => envelope(conversation, `text ${String(n)}`)));
  const poison = bodies[25];
  if (poison === undefined) throw new Error("no poison");
  Object.assign(poison, { text: { not: "a text" } });
  await client
    .createSender("text-messages")
    .sendMessages(
      bodies.map((body) => ({ body, sessionId: conversation, messageId: body.id, contentType: "application/json" })),
    );
  await stack.idle();

  const list = await wholeList(ana, conversation);
  expect(list.map(({ text }) => text)).toEqual(bodies.filter((body) => body !== poison).map(({ text }) => text));
  expect(list.map(({ seq }) => seq)).toEqual(Array.from({ length: 49 }, (_, n) => n + 2));
  await watch.until(() => failures.length > 0);
  expect(failures).toEqual([expect.objectContaining({ messageId: poison.id, code: "contract-violation" })]);
  expect(await ana.api.delivery(conversation, poison.id)).toMatchObject({
    state: "failed",
    perMember: [],
    failure: { code: "contract-violation" },
  });
  const [parked] = await client.createReceiver("failed-messages").peekMessages(10);
  expect(parked?.body as FailureEnvelope).toMatchObject({
    reason: "contract-violation",
    message: poison.id,
    attempts: 1,
  });
  ana.close();
});

test("what is no text at all is parked as well", async () => {
  const before = (await client.createReceiver("failed-messages").peekMessages(100)).length;
  await client
    .createSender("text-messages")
    .sendMessages(["garbage", 42, { v: 2 }, Buffer.from([0xff, 0x00])].map((body) => ({ body, sessionId: "none" })));
  await client.createSender("deadlines").sendMessages({ body: { v: 1, kind: "unheard-of" } });
  await stack.idle();
  const after = await client.createReceiver("failed-messages").peekMessages(100);
  expect(after.length - before).toBe(5);
});

test("nobody took it in time: expired, its sender told, and nothing of it left in the dead-letter queue", async () => {
  const watch = new Watch();
  const undelivered: string[] = [];
  const ana = await person(stack, "ana", {
    onUndelivered: ({ messageId }) => {
      undelivered.push(messageId);
      watch.changed();
    },
  });
  // The event is for whoever is there when it comes.
  await ana.connect();
  const { id: conversation } = await ana.start(["bo"]);
  const { id: alive } = await ana.start(["bo"]);
  await stack.idle();
  const body = await envelope(conversation, "too late");
  await stack.kill("functions");
  const sender = client.createSender("text-messages");
  const send = (envelopeOf: TextEnvelope) =>
    sender.sendMessages({
      body: envelopeOf,
      sessionId: envelopeOf.conversation,
      messageId: envelopeOf.id,
      timeToLive: 24 * 3_600_000,
    });
  await send(body);
  await stack.advance("PT23H59M");
  await send(await envelope(alive, "in time"));
  await stack.advance("PT2M");
  await stack.start("functions");
  await stack.idle();
  await watch.until(() => undelivered.length > 0);
  expect(undelivered).toEqual([body.id]);
  expect(await wholeList(ana, conversation)).toEqual([]);
  expect((await wholeList(ana, alive)).map(({ text }) => text)).toEqual(["in time"]);
  expect(await ana.api.delivery(conversation, body.id)).toMatchObject({ state: "expired", perMember: [] });
  expect(await client.createReceiver("text-messages", { subQueueType: "deadLetter" }).peekMessages(10)).toEqual([]);
  ana.close();
});

test("a dead letter that is still alive is sent again", async () => {
  const ana = await person(stack, "ana");
  const { id: conversation } = await ana.start(["bo"]);
  await stack.idle();
  await stack.kill("functions");
  const body = await envelope(conversation, "second life");
  await client.createSender("text-messages").sendMessages({ body, sessionId: conversation, messageId: body.id });
  const receiver = await client.acceptSession("text-messages", conversation);
  const [message] = await receiver.receiveMessages(1);
  if (message === undefined) throw new Error("nothing came");
  await receiver.deadLetterMessage(message, { deadLetterReason: "by hand", deadLetterErrorDescription: "for a test" });
  await receiver.close();
  await stack.start("functions");
  await stack.idle();
  expect((await wholeList(ana, conversation)).map(({ text }) => text)).toEqual(["second life"]);
});
