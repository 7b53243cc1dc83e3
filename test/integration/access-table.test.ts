/** Asks every route as everybody: the table of who may do what, from outside. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { ChatClient } from "../../client/chat-client.js";
import { ACCESS, RELATIONS, type Relation } from "../support/access-table.js";
import { newId, person, request } from "../support/chat.js";
import { startStack, type Stack } from "../support/stack.js";

const USERS: Readonly<Record<Exclude<Relation, "nobody">, string>> = {
  stranger: "mallory",
  former: "fay",
  member: "bo",
  author: "ana",
  operator: "olga",
};

let stack: Stack;
let conversation: string;
let message: string;
let ana: ChatClient;
let bo: ChatClient;
const tokens = new Map<Relation, string>();

beforeAll(async () => {
  stack = await startStack();
  for (const [relation, user] of Object.entries(USERS) as [Relation, string][])
    tokens.set(relation, await stack.token(user, relation === "operator" ? ["operator"] : []));
  ana = await person(stack, "ana");
  bo = await person(stack, "bo");
  ({ id: conversation } = await ana.start(["bo", "fay", "zoe"]));
  ({ id: message } = await ana.send(conversation, "between us"));
  await stack.idle();
  await ana.api.removeMember(conversation, "fay");
  await stack.idle();
});
afterAll(() => stack.stop());

/** A file of the author's, delivered, and a view of the member's where the route needs one. */
async function filed(hasView: boolean): Promise<{ readonly file: string; readonly view: string }> {
  const upload = { name: "a.txt", contentType: "text/plain", bytes: Buffer.from("a") };
  const { id: file } = await ana.sendFile(conversation, upload);
  await stack.idle();
  return { file, view: hasView ? (await bo.api.openView(conversation, file, { key: newId() })).id : "" };
}

/** A text of the author, for the row that ends one. */
async function sent(): Promise<string> {
  const { id } = await ana.send(conversation, "not for long");
  await stack.idle();
  return id;
}

/** A waiting text of the author, for each row that ends one. */
async function scheduled(): Promise<string> {
  const id = newId();
  const sendAt = new Date((await stack.now()) + 3_600_000).toISOString();
  const { status } = await request(stack, "POST", `v1/conversations/${conversation}/messages`, {
    ...{ token: tokens.get("author") ?? "", body: { id, text: "later", sendAt } },
  });
  if (status !== 202) throw new Error(`scheduling: ${String(status)}`);
  return id;
}

/** What would get in the way of the rows that follow. */
const CHANGING = new Set(["deleteMessage", "patchMessage"]);

const isOutside = (relation: Relation): boolean => relation === "stranger" || relation === "former";

test.each(ACCESS)("$name: $method $route", async ({ name, method, route, body, query = "", answers }) => {
  const values: Readonly<Record<string, string>> = {
    conversation,
    message: route.includes("/scheduled/") ? await scheduled() : CHANGING.has(name) ? await sent() : message,
    ...(route.includes("{file}") ? await filed(route.includes("{view}")) : {}),
    user: "zoe",
    failure: "0".repeat(32),
    report: `1-${"0".repeat(32)}`,
    job: newId(),
  };
  const path = (route + query).replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? "");
  const seen: Partial<Record<Relation, number>> = {};
  // The author comes last but one: what only the author may end is there for the others to try.
  for (const relation of RELATIONS) {
    const token = tokens.get(relation);
    const options = { ...(token === undefined ? {} : { token }), body };
    const answer = await request(stack, method, path, options);
    seen[relation] = answer.status;
    if (answer.status === 404 && answers[relation] === 404 && answers.member !== 404 && isOutside(relation))
      expect(answer.body["code"]).toBe("conversation-unknown");
  }
  expect(seen).toEqual(answers);
});
