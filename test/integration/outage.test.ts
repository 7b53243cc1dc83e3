/** Trouble that passes: nothing is lost, nothing comes twice, and nobody has to do anything. */
import { ServiceBusClient } from "@azure/service-bus";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { ServerEvents } from "../../src/lib/contracts/shapes.js";
import type { TextEnvelope } from "../../src/lib/contracts/queue.js";
import type { ChatClient } from "../../client/chat-client.js";
import { newId, person, request, wholeList, Watch } from "../support/chat.js";
import { operator, type Operator } from "../support/operator.js";
import { startStack, type Stack } from "../support/stack.js";

let stack: Stack;
let bus: ServiceBusClient;
let olga: Operator;
let ana: ChatClient;

beforeAll(async () => {
  stack = await startStack();
  bus = new ServiceBusClient(stack.info.serviceBus);
  olga = await operator(stack);
  ana = await person(stack, "ana");
});
afterAll(async () => {
  ana.close();
  await bus.close();
  await stack.stop();
});

const texts = async (conversation: string): Promise<readonly string[]> =>
  (await wholeList(ana, conversation)).map(({ text }) => text);

describe("Web PubSub", () => {
  /** Bo, and the seq of every `message.created` that came as an event, not by a question. */
  async function listening(): Promise<{ bo: ChatClient; heard: number[]; watch: Watch }> {
    const heard: number[] = [];
    const watch = new Watch();
    const bo = await person(stack, "bo", { onReady: watch.changed });
    await bo.connect();
    bo.socket?.on("message.created", ({ seq }: ServerEvents["message.created"]) => {
      heard.push(seq);
      watch.changed();
    });
    return { bo, heard, watch };
  }

  test("away: texts are committed and can be fetched; when it is back, what was not published is announced", async () => {
    const { id: conversation } = await ana.start(["bo"]);
    const { bo, heard, watch } = await listening();
    let ready = 0;
    bo.socket?.on("connect", () => (ready += 1));
    await stack.kill("web-pubsub");
    await ana.send(conversation, "one");
    await ana.send(conversation, "two");
    await stack.idle();
    expect(await texts(conversation)).toEqual(["one", "two"]);
    await stack.start("web-pubsub");
    await watch.until(() => ready > 0 && bo.messages(conversation).length === 2);
    expect(heard).toEqual([]);
    // Bo is in the room again: sync has answered, which comes after the join.
    await stack.advance("PT10S");
    await watch.until(() => heard.length >= 2);
    expect([...heard].sort()).toEqual([2, 3]);
    bo.close();
  });

  test.each([429, 500])("answering %i: tried again, and told late at worst", async (status) => {
    const { id: conversation } = await ana.start(["bo"]);
    const { bo, heard, watch } = await listening();
    const refuse = { times: 4, status, retryAfterSeconds: 600 };
    await fetch(`${stack.info.webPubSub.replace(/^Endpoint=([^;]+);.*$/u, "$1")}/_local/faults`, {
      method: "POST",
      body: JSON.stringify({ refuse }),
    });
    await ana.send(conversation, "one");
    await stack.idle();
    expect(await texts(conversation)).toEqual(["one"]);
    for (let n = 0; n < 6 && heard.length === 0; n++) {
      await stack.advance("PT2M");
      await stack.idle();
    }
    await watch.until(() => heard.length > 0);
    expect(heard[0]).toBe(2);
    bo.close();
  });
});

describe("storage", () => {
  test("away: nothing is accepted, what was accepted waits inside its call and is delivered once", async () => {
    const { id: conversation } = await ana.start(["bo"]);
    await stack.idle();
    await stack.kill("storage");
    const token = await stack.token("ana");
    const refused = await request(stack, "POST", `v1/conversations/${conversation}/messages`, {
      token,
      body: { text: "x" },
    });
    expect([refused.status, refused.body["code"], refused.headers.get("retry-after")]).toEqual([
      ...[503, "dependency-unavailable", "2"],
    ]);
    const now = await stack.now();
    const envelope = (n: number): TextEnvelope => ({
      ...{ v: 1, id: newId(), conversation, author: "ana", text: `text ${String(n)}`, attempt: 1 },
      sentAt: new Date(now).toISOString(),
      endsAt: new Date(now + 24 * 3_600_000).toISOString(),
    });
    const bodies = Array.from({ length: 5 }, (_, n) => envelope(n));
    await bus
      .createSender("text-messages")
      .sendMessages(
        bodies.map((body) => ({ body, sessionId: conversation, messageId: body.id, contentType: "application/json" })),
      );
    // Waiting is not failing: the first stays in its first delivery.
    await stack.start("storage");
    await stack.idle();
    expect(await texts(conversation)).toEqual(bodies.map(({ text }) => text));
    expect(await olga.failures()).toEqual([]);
  });
});

describe("Service Bus", () => {
  const fault = async (body: object): Promise<void> => {
    const answer = await fetch(`${await stack.management()}/faults`, { method: "POST", body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(await answer.text());
  };

  test("throttling: a text is accepted all the same, or refused as trouble that passes; never twice", async () => {
    const { id: conversation } = await ana.start(["bo"]);
    await fault({ queue: "text-messages", fault: "throttle", times: 2 });
    await ana.send(conversation, "one");
    await fault({ queue: "deadlines", fault: "throttle", times: 3 });
    await ana.send(conversation, "two");
    await stack.idle();
    expect(await texts(conversation)).toEqual(["one", "two"]);
  });

  test("losing the connection after it has written, or the lock before it is settled: still once", async () => {
    const { id: conversation } = await ana.start(["bo"]);
    await fault({ queue: "text-messages", fault: "drop-connection", at: "stored" });
    await ana.send(conversation, "one");
    await fault({ queue: "text-messages", fault: "lose-lock" });
    await ana.send(conversation, "two");
    await fault({ queue: "text-messages", fault: "deliver-twice" });
    await ana.send(conversation, "three");
    await stack.idle();
    expect(await texts(conversation)).toEqual(["one", "two", "three"]);
    expect(await olga.failures()).toEqual([]);
  }, 120_000);
});
