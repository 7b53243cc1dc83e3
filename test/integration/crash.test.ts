import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { ChatClient } from "../../client/chat-client.js";
import { person, wholeList, Watch } from "../support/chat.js";
import { seededRandom } from "../support/random.js";
import { startStack, type Stack } from "../support/stack.js";

const CONVERSATIONS = 20;
const TEXTS = 500;
const KILLS = 6;

let stack: Stack;
const clients: ChatClient[] = [];

beforeAll(async () => {
  stack = await startStack();
});
afterAll(async () => {
  for (const client of clients) client.close();
  await stack.stop();
});

test(
  "kill -9 of functions host, broker and Web PubSub at random moments: every accepted text is there once, seq has no gap, and " +
    "a client that follows the contract ends with exactly the list",
  async () => {
    const random = seededRandom();
    const watch = new Watch();
    const heard = new Map<string, string[]>();
    const bo = await person(stack, "bo", {
      onChange: (conversationId, { message }) => {
        if (message?.text !== undefined) heard.get(conversationId)?.push(message.text);
        watch.changed();
      },
    });
    const ana = await person(stack, "ana");
    clients.push(ana, bo);
    await bo.connect();
    const conversations: string[] = [];
    for (let n = 0; n < CONVERSATIONS; n++) {
      const { id } = await ana.start(["bo"]);
      conversations.push(id);
      heard.set(id, []);
    }

    const accepted = new Map<string, string>();
    let sent = 0;
    /** One text after the other in each conversation: whatever happens to one, its client tries again with the same id. */
    const chat = async (conversation: string): Promise<void> => {
      for (let n = 0; n < TEXTS / CONVERSATIONS; n++) {
        const message = await ana.send(conversation, `text ${String(n)}`);
        accepted.set(message.id, conversation);
        sent += 1;
        watch.changed();
      }
    };
    const havoc = async (): Promise<void> => {
      for (let n = 1; n <= KILLS; n++) {
        const moment = Math.floor((TEXTS * (n - random.next())) / (KILLS + 1));
        await watch.until(() => sent >= moment);
        const victim = random.pick(["functions", "service-bus", "web-pubsub"]);
        await stack.kill(victim);
        await stack.start(victim);
      }
    };
    await Promise.all([...conversations.map(chat), havoc()]);
    expect(accepted.size).toBe(TEXTS);
    await stack.idle();

    for (const conversation of conversations) {
      const list = await wholeList(ana, conversation);
      expect(list.map(({ text }) => text)).toEqual(
        Array.from({ length: TEXTS / CONVERSATIONS }, (_, n) => `text ${String(n)}`),
      );
      const { items, headSeq } = await ana.api.changes(conversation, 0);
      expect(items.map(({ seq }) => seq)).toEqual(Array.from({ length: headSeq }, (_, n) => n + 1));
    }

    // The last event of all may be the one that got lost: then only the sync, which the contract asks for, finds it.
    await bo.sync();
    for (const conversation of conversations) {
      const list = await wholeList(ana, conversation);
      expect(heard.get(conversation)).toEqual(list.map(({ text }) => text));
      expect(bo.messages(conversation).map(({ id }) => id)).toEqual(list.map(({ id }) => id));
    }
  },
  180_000,
);

test("the last event of a conversation is lost: the next sync has its text", async () => {
  const watch = new Watch();
  const texts: string[] = [];
  const bo = await person(stack, "bo", {
    onChange: (_, { message }) => {
      texts.push(message?.text ?? "");
      watch.changed();
    },
  });
  const ana = await person(stack, "ana");
  clients.push(ana, bo);
  await bo.connect();
  const { id } = await ana.start(["bo"]);
  await stack.idle();
  await stack.kill("web-pubsub");
  await ana.send(id, "the last word");
  await stack.start("web-pubsub");
  await watch.until(() => texts.includes("the last word"));
  expect(texts.filter((text) => text === "the last word")).toHaveLength(1);
});
