/** Who is blocked starts nothing with the blocker and says nothing where there are only the two. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { newId, person, request, Watch } from "../support/chat.js";
import { startStack, type Stack } from "../support/stack.js";

let stack: Stack;
let token: (user: string) => Promise<string>;

beforeAll(async () => {
  stack = await startStack();
  token = (user) => stack.token(user);
});
afterAll(() => stack.stop());

const ask = async (user: string, method: string, path: string, body?: unknown): Promise<string> => {
  const answer = await request(stack, method, path, {
    token: await token(user),
    ...(body === undefined ? {} : { body }),
  });
  return `${String(answer.status)} ${(answer.body["code"] ?? "") as string}`.trim();
};

test("blocking ends what the blocked can start and say to the blocker, and nothing else; unblocking gives it back", async () => {
  const ana = await person(stack, "ana");
  const { id: pair } = await ana.start(["bo"]);
  const { id: group } = await ana.start(["bo", "cy"]);
  const say = (conversation: string, user: string): Promise<string> =>
    ask(user, "POST", `v1/conversations/${conversation}/messages`, { text: "hello" });
  const later = new Date((await stack.now()) + 60_000).toISOString();
  const file = { name: "a.png", size: 10, contentType: "image/png" };
  expect(await ask("ana", "PUT", "v1/users/bo/block")).toBe("204");
  expect(await ask("ana", "PUT", "v1/users/bo/block")).toBe("204");

  expect(await say(pair, "bo")).toBe("403 blocked");
  const scheduled = { text: "hello", sendAt: later };
  expect(await ask("bo", "POST", `v1/conversations/${pair}/messages`, scheduled)).toBe("403 blocked");
  expect(await ask("bo", "POST", `v1/conversations/${pair}/files`, file)).toBe("403 blocked");
  expect(await ask("bo", "POST", "v1/conversations", { members: ["ana"] })).toBe("403 blocked");
  expect(await ask("bo", "POST", "v1/conversations", { members: ["cy"] })).toBe("201");
  const { id: others } = await (await person(stack, "bo")).start(["cy"]);
  expect(await ask("bo", "PUT", `v1/conversations/${others}/members/ana`)).toBe("403 blocked");

  // The blocker, the larger conversation and everybody else are as before.
  expect(await say(pair, "ana")).toBe("202");
  expect(await say(group, "bo")).toBe("202");
  expect(await say(pair, "mallory")).toBe("404 conversation-unknown");
  expect(await say(newId(), "bo")).toBe("404 conversation-unknown");
  const list = async (user: string): Promise<unknown> =>
    (await request(stack, "GET", "v1/me/blocked", { token: await token(user) })).body;
  expect(await list("ana")).toEqual({ items: ["bo"] });
  expect(await list("bo")).toEqual({ items: [] });

  expect(await ask("ana", "PUT", "v1/users/ana/block")).toBe("403 not-allowed");
  expect(await ask("ana", "DELETE", "v1/users/bo/block")).toBe("204");
  expect(await ask("ana", "DELETE", "v1/users/bo/block")).toBe("204");
  expect(await say(pair, "bo")).toBe("202");
  await stack.idle();
});

test("blocking ends the blocked one's views, requests and waiting texts between the two, and what each sees of the other", async () => {
  const watch = new Watch();
  const heard: string[] = [];
  const hear = (what: string): void => {
    heard.push(what);
    watch.changed();
  };
  const ana = await person(stack, "ana-2", {
    onTyping: ({ user }) => hear(`typing ${user}`),
    onChange: (_, { type, messageId }) => hear(`${type} ${messageId ?? ""}`),
  });
  const bo = await person(stack, "bo-2", {
    onFailed: ({ messageId, code }) => hear(`${code} ${messageId}`),
    onChange: (_, { type, reason }) => hear(`${type} ${reason ?? ""}`),
  });
  await Promise.all([ana.connect(), bo.connect()]);
  const { id: pair } = await ana.start(["bo-2"]);
  const { id: asked } = await ana.send(pair, "to be kept?");
  const { id: fileId } = await ana.sendFile(pair, {
    ...{ name: "a.txt", contentType: "text/plain", bytes: Buffer.from("for bo") },
  });
  await stack.idle();
  await bo.api.consent(pair, asked);
  await bo.api.openView(pair, fileId, { key: newId() });
  const { seq: readSeq = 0 } = await ana.api.message(pair, asked);
  await bo.api.receipts(pair, { readSeq });
  const receiptsOf = async ({ api }: typeof ana): Promise<unknown> =>
    (await api.conversation(pair)).receipts.map(({ user }) => user).sort();
  const delivery = async (): Promise<unknown> => (await ana.api.delivery(pair, asked)).perMember;
  expect([await receiptsOf(ana), await receiptsOf(bo)]).toEqual([
    ["ana-2", "bo-2"],
    ["ana-2", "bo-2"],
  ]);
  expect(await delivery()).toEqual([{ user: "bo-2", deliveredAt: expect.any(String), readAt: expect.any(String) }]);
  const later = { id: newId(), text: "later", sendAt: new Date((await stack.now()) + 3_600_000).toISOString() };
  await bo.api.send(pair, later);

  expect(await ask("ana-2", "PUT", "v1/users/bo-2/block")).toBe("204");
  await watch.until(() => heard.includes("file.closed revoked") && heard.includes(`file.deleted ${fileId}`));
  await stack.idle();
  expect((await ana.api.message(pair, asked)).retention).toMatchObject({ state: "none", consents: [] });
  await expect(bo.api.consent(pair, asked)).rejects.toMatchObject({ status: 403, code: "blocked" });
  await expect(bo.api.openView(pair, fileId, { key: newId() })).rejects.toMatchObject({ code: "blocked" });
  expect([await receiptsOf(ana), await receiptsOf(bo)]).toEqual([["ana-2"], ["bo-2"]]);
  expect((await ana.api.conversations()).items.flatMap(({ receipts }) => receipts.map(({ user }) => user))).toEqual([
    "ana-2",
  ]);
  expect(await delivery()).toEqual([{ user: "bo-2" }]);
  await bo.api.typing(pair);
  await stack.advance("PT1H1M");
  await watch.until(() => heard.includes(`blocked ${later.id}`));
  // Published after the typing that nobody was told of.
  const { id: last } = await ana.send(pair, "still here");
  await watch.until(() => heard.includes(`message.created ${last}`));
  expect(heard.filter((what) => what.startsWith("typing"))).toEqual([]);
  ana.close();
  bo.close();
}, 60_000);
