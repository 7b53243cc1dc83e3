/** Texts die on time: on every read path at once, in storage soon after, also when deadlines get lost. */
import { TableClient } from "@azure/data-tables";
import { ServiceBusClient } from "@azure/service-bus";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { ChatClient } from "../../client/chat-client.js";
import { person, request, Watch } from "../support/chat.js";
import { startStack, type Stack } from "../support/stack.js";

let stack: Stack;
let client: ServiceBusClient;
let ana: ChatClient;
const expired: string[] = [];
const watch = new Watch();

beforeAll(async () => {
  stack = await startStack();
  client = new ServiceBusClient(stack.info.serviceBus);
  ana = await person(stack, "ana", {
    onChange: (_, { type, messageId }) => {
      if (type === "message.expired") expired.push(messageId ?? "");
      watch.changed();
    },
  });
  await ana.connect();
});
afterAll(async () => {
  ana.close();
  await client.close();
  await stack.stop();
});

async function conversationWith(count: number) {
  const { id: conversation } = await ana.start(["bo"]);
  const ids = await Promise.all(
    Array.from({ length: count }, async (_, n) => (await ana.send(conversation, `text ${String(n)}`)).id),
  );
  await stack.idle();
  return { conversation, ids };
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

/** Takes every deadline out of the broker, as if it had lost them. */
async function loseDeadlines(): Promise<number> {
  const receiver = client.createReceiver("deadlines");
  const scheduled = (await receiver.peekMessages(200)).filter(({ state }) => state === "scheduled");
  await receiver.close();
  const sender = client.createSender("deadlines");
  await sender.cancelScheduledMessages(scheduled.flatMap(({ sequenceNumber }) => sequenceNumber ?? []));
  await sender.close();
  return scheduled.length;
}

test("from the millisecond of its end no read path shows a text, whatever the deadlines do", async () => {
  const { conversation, ids } = await conversationWith(1);
  const [id = ""] = ids;
  expect(await loseDeadlines()).toBeGreaterThan(0);
  const { expiresInMs } = await ana.api.message(conversation, id);
  await stack.kill("functions");
  await stack.advance(`PT${String(Math.ceil(expiresInMs / 1000))}S`);
  await stack.start("functions");
  const token = await stack.token("ana");
  const read = (path: string) => request(stack, "GET", `v1/conversations/${conversation}/${path}`, { token });
  expect((await read("messages")).body["items"]).toEqual([]);
  expect(await read(`messages/${id}`)).toMatchObject({ status: 410, body: { code: "message-expired" } });
  expect((await read(`messages/${id}/delivery`)).body["state"]).toBe("expired");
  const changes = (await read("changes?after=0")).body["items"] as object[];
  expect(changes.filter((change) => "message" in change)).toEqual([]);
  const sync = await request(stack, "POST", "v1/sync", { token, body: { heads: { [conversation]: 0 } } });
  expect(JSON.stringify(sync.body)).not.toContain("text 0");
  const again = { id, text: "text 0" };
  const resent = await request(stack, "POST", `v1/conversations/${conversation}/messages`, { token, body: again });
  expect(resent).toMatchObject({ status: 410, body: { code: "message-expired" } });
});

test("the sweeper finds what deadlines have missed, and reports it", async () => {
  const { conversation, ids } = await conversationWith(40);
  expect(await loseDeadlines()).toBeGreaterThan(0);
  await stack.advance("PT24H10M");
  await watch.until(() => ids.every((id) => expired.includes(id)));
  await stack.idle();
  expect(await stored(conversation)).toEqual([]);
  const token = await stack.token("olga", ["operator"]);
  const runs = await request(stack, "GET", "ops/runs", { token });
  const [found] = (runs.body["items"] as { job: string; lookedAt: number; lateByMs: number }[]).filter(
    ({ job, lookedAt }) => job === "sweep" && lookedAt > 0,
  );
  expect(found?.lateByMs).toBeGreaterThan(5 * 60_000);
  const refused = await request(stack, "GET", "ops/runs", { token: await stack.token("ana") });
  expect([refused.status, refused.body["code"]]).toEqual([403, "role-missing"]);
});

test("functions that were down at the end purge as soon as they are up", async () => {
  const { conversation, ids } = await conversationWith(3);
  await stack.kill("functions");
  await stack.advance("P2D");
  expect(await stored(conversation)).toHaveLength(3);
  await stack.start("functions");
  await watch.until(() => ids.every((id) => expired.includes(id)));
  expect(await stored(conversation)).toEqual([]);
});
