/** Taking a message back, who is writing, who is there: through the running stack. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { ChatClient } from "../../client/chat-client.js";
import { person, request, Watch, wholeList } from "../support/chat.js";
import { startStack, type Stack } from "../support/stack.js";

let stack: Stack;
let ana: ChatClient;
let bo: ChatClient;
let conversation: string;
/** What Bo's socket has heard. */
const heard: string[] = [];
const until: (string | undefined)[] = [];
const watch = new Watch();

beforeAll(async () => {
  stack = await startStack();
  ana = await person(stack, "ana");
  const hear = (what: string): void => {
    heard.push(what);
    watch.changed();
  };
  bo = await person(stack, "bo", {
    onChange: (_, { type, messageId }) => hear(`${type} ${messageId ?? ""}`),
    onTyping: ({ user }) => hear(`typing ${user}`),
    onPresence: (event) => {
      until.push(event.until);
      hear(`presence ${event.user}`);
    },
  });
  await Promise.all([ana.connect(), bo.connect()]);
  conversation = (await ana.start(["bo"])).id;
});
afterAll(async () => {
  ana.close();
  bo.close();
  await stack.stop();
});

test("what its author takes back leaves every screen and every list, and says so to who asks", async () => {
  const { id } = await ana.send(conversation, "I did not mean that");
  await watch.until(() => heard.includes(`message.created ${id}`));
  await expect(bo.api.unsend(conversation, id)).rejects.toMatchObject({ status: 403, code: "not-allowed" });
  await ana.api.unsend(conversation, id);
  await watch.until(() => heard.includes(`message.deleted ${id}`));
  expect(bo.messages(conversation)).toEqual([]);
  expect(await wholeList(bo, conversation)).toEqual([]);
  await expect(bo.api.message(conversation, id)).rejects.toMatchObject({ status: 410, code: "message-deleted" });
  await ana.api.unsend(conversation, id);
});

test("what its author changes is changed everywhere, and whoever agreed to keep the old words has not agreed to these", async () => {
  const { id } = await ana.send(conversation, "at six");
  await watch.until(() => heard.includes(`message.created ${id}`));
  await bo.consent(conversation, id);
  await expect(bo.edit(conversation, id, "at five")).rejects.toMatchObject({ status: 403, code: "not-allowed" });
  expect(await ana.edit(conversation, id, "at seven")).toMatchObject({
    ...{ text: "at seven", edited: { times: 1 }, retention: { state: "none" } },
  });
  await watch.until(() => heard.includes(`message.updated ${id}`));
  expect(bo.messages(conversation)).toMatchObject([{ text: "at seven", edited: { times: 1 } }]);
  expect(await wholeList(ana, conversation)).toMatchObject([{ id, text: "at seven" }]);
  // Who asks without having seen it is told so.
  await expect(bo.api.consent(conversation, id)).rejects.toMatchObject({ status: 409, code: "message-edited" });
  expect(await bo.consent(conversation, id)).toMatchObject({ retention: { state: "pending" } });
  await expect(ana.api.edit(conversation, id, { text: "" })).rejects.toMatchObject({ status: 422 });
  await ana.api.unsend(conversation, id);
  await watch.until(() => heard.includes(`message.deleted ${id}`));
});

test("who is writing and who is there is told to those who are there, and to no one else", async () => {
  await ana.api.typing(conversation);
  const lease = await ana.api.presence(conversation, "here");
  await watch.until(() => heard.includes("typing ana") && heard.includes("presence ana"));
  expect(Date.parse(lease.until ?? "") - (await stack.now())).toBeGreaterThan(60_000);
  expect(until).toEqual([lease.until]);
  expect(await ana.api.presence(conversation, "away")).not.toHaveProperty("until");
  await watch.until(() => until.length === 2);
  expect(until[1]).toBeUndefined();
  const token = await stack.token("eve");
  for (const [path, body] of [["typing"], ["presence", { state: "here" }]] as const) {
    const answer = await request(stack, "POST", `v1/conversations/${conversation}/${path}`, { token, body });
    expect([answer.status, answer.body["code"]]).toEqual([404, "conversation-unknown"]);
  }
});

test("presence is one of two words", async () => {
  const token = await stack.token("ana");
  const path = `v1/conversations/${conversation}/presence`;
  const { status, body } = await request(stack, "POST", path, { token, body: { state: "invisible" } });
  expect([status, body["errors"]]).toEqual([422, [{ pointer: "/state", detail: 'must be "here" or "away"' }]]);
});

test("a text that one writes is seen at once, and leaves the outbox when it is in the conversation", async () => {
  const id = ana.post(conversation, "soon");
  expect(ana.outgoing(conversation)).toMatchObject([{ id, text: "soon", state: "sending" }]);
  await watch.until(() => heard.includes(`message.created ${id}`));
  await ana.catchUp(conversation);
  expect(ana.outgoing(conversation)).toEqual([]);
});
