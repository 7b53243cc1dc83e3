/** Texts around the firing of their minute's deadline, and agreement around the millisecond of expiry, on the running stack. */
import { TableClient } from "@azure/data-tables";
import { ServiceBusClient } from "@azure/service-bus";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { ChatClient } from "../../client/chat-client.js";
import type { DeadlineEnvelope } from "../../src/lib/contracts/queue.js";
import { minuteOf } from "../../src/lib/domain/deadline.js";
import { person, wholeList } from "../support/chat.js";
import { seededRandom } from "../support/random.js";
import { startStack, type Stack } from "../support/stack.js";

let stack: Stack;
let ana: ChatClient;
let bo: ChatClient;
const undelivered: string[] = [];

beforeAll(async () => {
  stack = await startStack();
  ana = await person(stack, "ana", { onUndelivered: ({ messageId }) => undelivered.push(messageId) });
  bo = await person(stack, "bo");
  await ana.connect();
});
afterAll(async () => {
  ana.close();
  await stack.stop();
});

/** Accepts a text while nobody delivers it. */
async function acceptOnly(conversation: string, text: string): Promise<string> {
  const accepting = await stack.startSecondHost(["deliverText", "reviveText", "meetDeadline"]);
  await stack.kill("functions");
  const token = await stack.token("ana");
  const response = await fetch(`${accepting.address}/api/v1/conversations/${conversation}/messages`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ text }),
  });
  expect(response.status).toBe(202);
  await accepting.stop();
  return ((await response.json()) as { id: string }).id;
}

/** The texts that storage still has of a conversation. */
async function stored(conversation: string): Promise<readonly string[]> {
  const table = TableClient.fromConnectionString(stack.info.storage, "conversations", {
    allowInsecureConnection: true,
  });
  const texts: string[] = [];
  for await (const row of table.listEntities<{ text?: string }>({
    queryOptions: { filter: `PartitionKey eq '${conversation}'` },
  })) {
    if (row.text !== undefined) texts.push(row.text);
  }
  return texts;
}

test("delivered in its last two minutes, beside one that was delivered in time: both die on time", async () => {
  const { id: conversation } = await ana.start(["bo"]);
  await ana.send(conversation, "in time");
  await stack.idle();
  await acceptOnly(conversation, "at the last moment");
  await stack.advance("PT23H58M30S");
  await stack.start("functions");
  await stack.idle();
  expect((await wholeList(bo, conversation)).map(({ text }) => text)).toEqual(["in time", "at the last moment"]);
  await stack.advance("PT2M30S");
  await stack.idle();
  expect(await stored(conversation)).toEqual([]);
  const { items } = await bo.api.changes(conversation, 3);
  expect(items.map(({ type }) => type)).toEqual(["message.expired", "message.expired"]);
});

test("taken up when its minute's deadline has just fired: nobody sees it, its sender hears, nothing is stored", async () => {
  const { id: conversation } = await ana.start(["bo"]);
  await ana.send(conversation, "in time");
  await stack.idle();
  const id = await acceptOnly(conversation, "too late");
  await stack.advance("PT24H1M1S");
  await stack.start("functions");
  await stack.idle();
  expect(undelivered).toContain(id);
  expect(await stored(conversation)).toEqual([]);
  const { items } = await bo.api.changes(conversation, 0);
  expect(items.filter(({ messageId }) => messageId === id)).toEqual([]);
});

test("agreement against expiry around the millisecond, with replays: each text is kept or gone, and all see the same", async () => {
  const random = seededRandom();
  const { id: conversation } = await ana.start(["bo"]);
  const ends: { id: string; at: number }[] = [];
  for (let group = 0; group < 8; group++) {
    for (let n = 0; n < 5; n++) {
      const { id, expiresAt } = await ana.send(conversation, `text ${String(group)} ${String(n)}`);
      ends.push({ id, at: Date.parse(expiresAt) });
    }
    await stack.advance("PT0.25S");
  }
  await stack.idle();
  for (const { id } of ends) await ana.api.consent(conversation, id);
  const client = new ServiceBusClient(stack.info.serviceBus);
  const deadlines = client.createSender("deadlines");
  const minutes = new Set(ends.map(({ at }) => minuteOf(new Date(at))));
  const expire = async (): Promise<void> => {
    for (const minute of minutes) {
      const body: DeadlineEnvelope = { v: 1, kind: "expire", conversation, minute };
      await deadlines.sendMessages([{ body }, { body }]);
    }
  };
  const middle = ends[20]?.at ?? 0;
  await stack.advance(`PT${((middle - (await stack.now()) - 100) / 1000).toFixed(3)}S`);

  const agreed = new Set<string>();
  const waiting = [...ends, ...ends].map((end) => ({ ...end, order: random.next() }));
  waiting.sort((a, b) => a.order - b.order);
  const agree = async (): Promise<void> => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const { id } = next;
      const outcome = await bo.api.consent(conversation, id).then(
        ({ retention }) => retention.state,
        (error: unknown) => (error as { readonly code?: string }).code,
      );
      expect(["retained", "retention-lapsed"]).toContain(outcome);
      if (outcome === "retained") agreed.add(id);
    }
  };
  await Promise.all([agree(), expire(), agree(), agree(), expire(), agree()]);
  await expire();
  await stack.advance("PT2M");
  await expire();
  await client.close();
  await stack.idle();

  console.info(`${String(agreed.size)} of ${String(ends.length)} were kept`);
  const [ofAna, ofBo] = await Promise.all([ana, bo].map((who) => wholeList(who, conversation)));
  expect(ofAna).toEqual(ofBo);
  expect(new Set(ofAna?.map(({ id }) => id))).toEqual(agreed);
  expect(await stored(conversation)).toHaveLength(agreed.size);
  const types = new Map<string, string[]>();
  for (let after = 0, more = true; more;) {
    const page = await bo.api.changes(conversation, after);
    for (const { messageId = "", type } of page.items) types.set(messageId, [...(types.get(messageId) ?? []), type]);
    after = page.items.at(-1)?.seq ?? after;
    more = page.hasMore;
  }
  for (const { id } of ends) {
    const fate = agreed.has(id) ? ["retention.retained"] : ["retention.lapsed", "message.expired"];
    expect(types.get(id)).toEqual(["message.created", "retention.requested", ...fate]);
  }
});
