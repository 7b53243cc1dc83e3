/** The API's description and the API are the same thing; test/support/contracts.ts holds each answer of the test run against it. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { OPERATIONS } from "../../src/lib/contracts/api.js";
import { asyncApi, openApi } from "../../src/lib/contracts/describe.js";
import { checkAnswer, checkEvent, operationOf } from "../support/contracts.js";

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const CONVERSATION = "019a0000-0000-7000-8000-000000000001";

test("what is checked in is what the schemas say: `npm run contracts` writes it", () => {
  expect(JSON.parse(read("docs/openapi.json"))).toEqual(JSON.parse(JSON.stringify(openApi())));
  expect(JSON.parse(read("docs/asyncapi.json"))).toEqual(JSON.parse(JSON.stringify(asyncApi())));
});

test("every HTTP function is described, with its own method, route and access, and nothing else is", () => {
  const functions = readdirSync(new URL("../../src/functions/", import.meta.url)).flatMap((name) => {
    const source = read(`src/functions/${name}`);
    const [, id] = /app\.http\("(\w+)"/.exec(source) ?? [];
    const [, path] = /route: "([^"]+)"/.exec(source) ?? [];
    const [, method] = /methods: \["(\w+)"\]/.exec(source) ?? [];
    const [, kind] = /handler: (operator|open)?[eE]ndpoint\(/.exec(source) ?? [];
    // Upstream events are CloudEvents between Azure's services, and no client's business.
    return id === undefined || id === "receiveEvents" ? [] : [{ id, method, path, access: kind ?? "user" }];
  });
  const described = OPERATIONS.map(({ id, method, path, access }) => ({ id, method, path, access }));
  const byId = (a: { id: string }, b: { id: string }): number => a.id.localeCompare(b.id);
  expect(described.sort(byId)).toEqual(functions.sort(byId));
});

test("every function takes what is described", () => {
  // What is open to all is parsed by the function itself.
  for (const { id, parameters, query, body } of OPERATIONS.filter(({ access }) => access !== "open")) {
    const file = id.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    const source = read(`src/functions/${file}.ts`);
    const takes = (part: string): boolean => new RegExp(`\\b${part}: [A-Z]\\w+`).test(source);
    expect([id, takes("path"), takes("query"), takes("body")]).toEqual([
      id,
      parameters !== undefined,
      query !== undefined,
      body !== undefined,
    ]);
  }
});

test("every path parameter of a route is described", () => {
  for (const { path, parameters } of OPERATIONS) {
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    expect([path, Object.keys(parameters?.shape ?? {})]).toEqual([path, named]);
  }
});

test("an answer, a problem and an event that part from the description are found", async () => {
  const path = `/api/v1/conversations/${CONVERSATION}/typing`;
  const check = (status: number, body?: object): Promise<void> =>
    checkAnswer("POST", path, new Response(body === undefined ? null : JSON.stringify(body), { status }));
  await expect(check(204)).resolves.toBeUndefined();
  await expect(check(202)).rejects.toThrow("not documented");
  const problem = {
    type: "https://x.test/#a",
    title: "t",
    status: 404,
    code: "conversation-unknown",
    retryable: false,
  };
  await expect(check(404, problem)).resolves.toBeUndefined();
  await expect(check(404, { ...problem, stack: "…" })).rejects.toThrow("problem that is none");
  await expect(check(409, { ...problem, status: 409 })).rejects.toThrow("conversation-unknown, which has 404");
  const typing = { conversationId: CONVERSATION, at: "2026-11-23T12:00:00.000Z", user: "ana" };
  expect(() => checkEvent("typing", typing)).not.toThrow();
  expect(() => checkEvent("typing", { ...typing, text: "hello" })).toThrow("not as documented");
  expect(() => checkEvent("surprise", {})).toThrow("not documented");
  expect(operationOf("POST", "/api/ops/failures/redrive")?.id).toBe("redriveFailures");
});
