/** 30 days after its end nothing is left of a message, and who was away that long starts again from the lists. */
import { TableClient } from "@azure/data-tables";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { ChatClient } from "../../client/chat-client.js";
import { newId, person, request } from "../support/chat.js";
import { startStack, type Stack } from "../support/stack.js";

let stack: Stack;
let ana: ChatClient;
let bo: ChatClient;
const restarted: string[] = [];

beforeAll(async () => {
  stack = await startStack();
  ana = await person(stack, "ana");
  bo = await person(stack, "bo", { onRestart: (conversation) => restarted.push(conversation) });
});
afterAll(async () => {
  await stack.stop();
});

/** The keys of a conversation's rows. */
async function rowsOf(conversation: string): Promise<readonly string[]> {
  const table = TableClient.fromConnectionString(stack.info.storage, "conversations", {
    allowInsecureConnection: true,
  });
  const keys: string[] = [];
  const queryOptions = { filter: `PartitionKey eq '${conversation}'`, select: ["RowKey"] };
  for await (const row of table.listEntities({ queryOptions })) keys.push(row.rowKey ?? "");
  return keys;
}

async function dues(): Promise<readonly string[]> {
  const table = TableClient.fromConnectionString(stack.info.storage, "due", { allowInsecureConnection: true });
  const keys: string[] = [];
  for await (const row of table.listEntities()) keys.push(row.partitionKey ?? "");
  return keys;
}

test("nothing is left but the conversation; older changes are 410, and the client starts again from the lists", async () => {
  const { id: conversation } = await ana.start(["bo"]);
  for (const text of ["one", "two", "three"]) await ana.send(conversation, text);
  const later = { id: newId(), text: "never", sendAt: new Date((await stack.now()) + 3_600_000).toISOString() };
  await ana.api.send(conversation, later);
  await ana.api.cancelScheduled(conversation, later.id);
  await stack.idle();
  await bo.catchUp(conversation);
  expect(bo.messages(conversation)).toHaveLength(3);
  await stack.advance("PT24H2M");
  await stack.idle();
  expect(await ana.api.message(conversation, later.id)).toMatchObject({ state: "canceled" });

  await stack.advance("P29D");
  await stack.idle();
  const { items } = await ana.api.changes(conversation, 4);
  expect(items.map(({ type }) => type)).toEqual(["message.expired", "message.expired", "message.expired"]);

  await stack.advance("P1DT3H");
  await stack.idle();
  expect([...(await rowsOf(conversation))].sort()).toEqual(["t|head", "u|YW5h", "u|Ym8"]);
  expect(await dues()).toEqual([]);
  await expect(ana.api.message(conversation, later.id)).rejects.toMatchObject({ status: 404 });
  const token = await stack.token("bo");
  const changes = await request(stack, "GET", `v1/conversations/${conversation}/changes?after=4`, { token });
  expect([changes.status, changes.body["code"]]).toEqual([410, "cursor-expired"]);
  const sync = await request(stack, "POST", "v1/sync", { token, body: { heads: { [conversation]: 4 } } });
  expect([sync.status, sync.body["code"]]).toEqual([410, "cursor-expired"]);
  expect(sync.body["errors"]).toMatchObject([{ pointer: `/heads/${conversation}` }]);
  expect((await ana.api.changes(conversation, 7)).items).toEqual([]);

  await ana.send(conversation, "four");
  await stack.idle();
  await bo.sync();
  expect(restarted).toEqual([conversation]);
  expect(bo.messages(conversation).map(({ text, seq }) => [text, seq])).toEqual([["four", 8]]);
  await ana.send(conversation, "five");
  await stack.idle();
  await bo.sync();
  expect(restarted).toEqual([conversation]);
  expect(bo.messages(conversation).map(({ text }) => text)).toEqual(["four", "five"]);

  const operator = await stack.token("olga", ["operator"]);
  const runs = (await request(stack, "GET", "ops/runs", { token: operator })).body["items"] as object[];
  expect(runs).toContainEqual(expect.objectContaining({ job: "clean-up", purged: 4 }));
});
