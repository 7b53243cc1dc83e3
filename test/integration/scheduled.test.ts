/** Texts that are sent later, through the running stack. */
import { ServiceBusClient } from "@azure/service-bus";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { ChatClient } from "../../client/chat-client.js";
import type { TextEnvelope } from "../../src/lib/contracts/queue.js";
import { newId, person, request, wholeList, Watch } from "../support/chat.js";
import { startStack, type Stack } from "../support/stack.js";

let stack: Stack;
let ana: ChatClient;
let bo: ChatClient;
/** Conversations in which Bo's socket has heard of a message. */
const heard: string[] = [];
const watch = new Watch();
const toldBo: unknown[] = [];

beforeAll(async () => {
  stack = await startStack();
  ana = await person(stack, "ana");
  bo = await person(stack, "bo", {
    onScheduled: (event) => toldBo.push(event),
    onChange: (conversation, { type }) => {
      if (type === "message.created") heard.push(conversation);
      watch.changed();
    },
  });
  await bo.connect();
});
afterAll(async () => {
  ana.close();
  bo.close();
  await stack.stop();
});

const inMs = async (ms: number): Promise<string> => new Date((await stack.now()) + ms).toISOString();
const texts = async (conversation: string): Promise<readonly string[]> =>
  (await wholeList(bo, conversation)).map(({ text }) => text);

async function scheduled(text: string, ms = 3_600_000) {
  const { id: conversation } = await ana.start(["bo"]);
  const input = { id: newId(), text, sendAt: await inMs(ms) };
  return { conversation, input, message: await ana.api.send(conversation, input) };
}

test("waits unseen, survives restarts of everything, comes at its time, and its day starts then", async () => {
  const { conversation, input, message } = await scheduled("good morning");
  expect(message).toMatchObject({ id: input.id, state: "scheduled", sendAt: input.sendAt, text: "good morning" });
  expect(await ana.api.send(conversation, input)).toMatchObject({ state: "scheduled" });
  expect((await ana.api.scheduled(conversation)).items.map(({ id }) => id)).toEqual([input.id]);
  expect(await ana.api.message(conversation, input.id)).toMatchObject({ state: "scheduled" });
  expect((await bo.api.scheduled(conversation)).items).toEqual([]);
  await expect(bo.api.message(conversation, input.id)).rejects.toMatchObject({ status: 404 });
  expect(await texts(conversation)).toEqual([]);
  for (const part of ["service-bus", "functions", "web-pubsub"]) {
    await stack.kill(part);
    await stack.start(part);
  }
  await stack.advance("PT1H1S");
  await stack.idle();
  expect(await texts(conversation)).toEqual(["good morning"]);
  const delivered = await bo.api.message(conversation, input.id);
  expect(Date.parse(delivered.expiresAt) - Date.parse(input.sendAt)).toBe(86_400_000);
  expect((await ana.api.scheduled(conversation)).items).toEqual([]);
  await expect(ana.api.cancelScheduled(conversation, input.id)).rejects.toMatchObject({ code: "message-already-sent" });
});

test("canceled it never comes, not even when the broker still delivers it", async () => {
  const { conversation, input } = await scheduled("never mind");
  const client = new ServiceBusClient(stack.info.serviceBus);
  const receiver = await client.acceptSession("text-messages", conversation);
  const [held] = await receiver.peekMessages(1);
  await receiver.close();
  await ana.api.cancelScheduled(conversation, input.id);
  await ana.api.cancelScheduled(conversation, input.id);
  // As if the cancel had come too late at the broker.
  await client
    .createSender("text-messages")
    .sendMessages({ body: held?.body as TextEnvelope, sessionId: conversation, messageId: newId() });
  await client.close();
  await stack.advance("PT2H");
  await stack.idle();
  expect(await texts(conversation)).toEqual([]);
  expect(await ana.api.message(conversation, input.id)).toMatchObject({ state: "canceled" });
});

test("changed it comes once, as it was said last; sent now it comes now", async () => {
  const { conversation, input } = await scheduled("at nine");
  await ana.api.changeScheduled(conversation, input.id, { text: "at ten", sendAt: await inMs(7_200_000) });
  await ana.api.changeScheduled(conversation, input.id, { text: "at eleven" });
  await stack.advance("PT1H1M");
  await stack.idle();
  expect(await texts(conversation)).toEqual([]);
  await stack.advance("PT1H");
  await stack.idle();
  expect(await texts(conversation)).toEqual(["at eleven"]);

  const other = await scheduled("hurry");
  expect(await ana.api.sendScheduled(other.conversation, other.input.id)).toMatchObject({ state: "accepted" });
  await stack.idle();
  expect(await texts(other.conversation)).toEqual(["hurry"]);
  await stack.advance("PT2H");
  await stack.idle();
  expect(await texts(other.conversation)).toEqual(["hurry"]);
});

test("the author's other devices hear what waits, what has changed and what is canceled; others hear nothing", async () => {
  const told: string[] = [];
  const device = await person(stack, "ana", {
    onScheduled: (event) => {
      told.push("message" in event ? `${event.message.state} ${event.message.text ?? ""}` : "canceled");
      watch.changed();
    },
  });
  await device.connect();
  const { conversation, input } = await scheduled("at nine");
  await ana.api.changeScheduled(conversation, input.id, { text: "at ten" });
  await ana.api.cancelScheduled(conversation, input.id);
  await watch.until(() => told.length === 3);
  expect(told).toEqual(["scheduled at nine", "scheduled at ten", "canceled"]);
  expect(toldBo).toEqual([]);
  device.close();
});

test("whose author has left by then is not sent, and the author hears so", async () => {
  const failed = new Watch();
  const told: string[] = [];
  const device = await person(stack, "ana", {
    onFailed: ({ messageId, code }) => {
      told.push(`${code} ${messageId}`);
      failed.changed();
    },
  });
  await device.connect();
  const { conversation, input } = await scheduled("goodbye");
  await ana.api.removeMember(conversation, "ana");
  await stack.advance("PT2H");
  await failed.until(() => told.includes(`author-left ${input.id}`));
  device.close();
  await stack.idle();
  expect(await texts(conversation)).toEqual([]);
  await expect(bo.api.message(conversation, input.id)).rejects.toMatchObject({ status: 404 });
});

test("a message that the broker has lost is sent by the sweeper", async () => {
  const { conversation } = await scheduled("found again");
  const client = new ServiceBusClient(stack.info.serviceBus);
  const receiver = await client.acceptSession("text-messages", conversation);
  const held = await receiver.peekMessages(10);
  await receiver.close();
  await client
    .createSender("text-messages")
    .cancelScheduledMessages(held.flatMap(({ sequenceNumber }) => sequenceNumber ?? []));
  await client.close();
  await stack.advance("PT1H10M");
  await watch.until(() => heard.includes(conversation));
  await stack.idle();
  expect(await texts(conversation)).toEqual(["found again"]);
});

test("wrong times, too many, and ids of others are refused by name", async () => {
  const { conversation, input } = await scheduled("first");
  const token = await stack.token("ana");
  const post = (body: object) => request(stack, "POST", `v1/conversations/${conversation}/messages`, { token, body });
  for (const sendAt of [
    await inMs(1000),
    await inMs(-1),
    await inMs(31 * 86_400_000),
    "tomorrow",
    5,
    "2026-11-24T08:00:00",
  ]) {
    const answer = await post({ text: "x", sendAt });
    expect([answer.status, answer.body["code"]]).toEqual([422, "input-invalid"]);
    expect((answer.body["errors"] as { pointer: string }[])[0]?.pointer).toBe("/sendAt");
  }
  const taken = await post({ ...input, text: "other" });
  expect([taken.status, taken.body["code"]]).toEqual([409, "message-id-taken"]);
  const sendAt = await inMs(3_600_000);
  await scheduled("elsewhere");
  for (let n = 2; n < 50; n++) expect((await post({ text: String(n), sendAt })).status).toBe(202);
  const full = await post({ text: "one more", sendAt });
  expect([full.status, full.body["code"]]).toEqual([409, "schedule-full"]);
  const pages: number[] = [];
  for (let cursor: string | undefined, more = true; more;) {
    const page = await ana.api.scheduled(conversation, cursor);
    pages.push(page.items.length);
    cursor = page.nextCursor;
    more = cursor !== undefined;
  }
  expect(pages.reduce((sum, count) => sum + count)).toBe(49);
  const eve = await person(stack, "eve");
  await expect(eve.api.scheduled(conversation)).rejects.toMatchObject({ code: "conversation-unknown" });
  await expect(eve.api.cancelScheduled(conversation, input.id)).rejects.toMatchObject({ code: "conversation-unknown" });
  await expect(bo.api.sendScheduled(conversation, input.id)).rejects.toMatchObject({ status: 404 });
});
