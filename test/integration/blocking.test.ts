/** Who is blocked starts nothing with the blocker and says nothing where there are only the two. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { newId, person, request } from "../support/chat.js";
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
