import { ServiceBusClient } from "@azure/service-bus";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { TextEnvelope } from "../../src/lib/contracts/queue.js";
import { newId, person, wholeList } from "../support/chat.js";
import { startStack, type Stack } from "../support/stack.js";

const CONVERSATIONS = 40;
const TEXTS = 2_000;

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack.stop());

test("2,000 texts wait without a consumer; two hosts deliver each once, in order, both of them taking part", async () => {
  const ana = await person(stack, "ana");
  const conversations: string[] = [];
  for (let n = 0; n < CONVERSATIONS; n++) conversations.push((await ana.start(["bo"])).id);
  await stack.idle();
  await stack.kill("functions");

  const client = new ServiceBusClient(stack.info.serviceBus);
  const sender = client.createSender("text-messages");
  const now = await stack.now();
  for (const conversation of conversations) {
    await sender.sendMessages(
      Array.from({ length: TEXTS / CONVERSATIONS }, (_, n) => {
        const body: TextEnvelope = {
          v: 1,
          id: newId(),
          conversation,
          author: "ana",
          text: `text ${String(n)}`,
          sentAt: new Date(now).toISOString(),
          endsAt: new Date(now + 24 * 3_600_000).toISOString(),
          attempt: 1,
        };
        return { body, sessionId: conversation, messageId: body.id, contentType: "application/json" };
      }),
    );
  }
  await client.close();

  const [second] = await Promise.all([stack.startSecondHost(), stack.start("functions")]);
  await stack.idle();
  for (const conversation of conversations) {
    const list = await wholeList(ana, conversation);
    expect(list.map(({ text }) => text)).toEqual(
      Array.from({ length: TEXTS / CONVERSATIONS }, (_, n) => `text ${String(n)}`),
    );
    expect(list.map(({ seq }) => seq)).toEqual(Array.from({ length: TEXTS / CONVERSATIONS }, (_, n) => n + 2));
  }
  const delivered = (log: string): number => [...log.matchAll(/outcome\W+delivered/g)].length;
  expect(delivered(second.log())).toBeGreaterThan(TEXTS / 10);
  expect(delivered(await stack.logs("functions"))).toBeGreaterThan(TEXTS / 10);
  await second.stop();
}, 180_000);
