/** Limits hold over all hosts together, tell what is left, and end by themselves. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { newId, request, type Answer } from "../support/chat.js";
import { startStack, type Stack } from "../support/stack.js";

/** A thirtieth of everything: 20 writes at once, one more every three seconds. */
const FACTOR = 1 / 30;

let stack: Stack;
let hosts: readonly string[];

beforeAll(async () => {
  stack = await startStack({ env: { RATE_LIMIT_FACTOR: String(FACTOR) } });
  const second = await stack.startSecondHost();
  hosts = [stack.info.functions, second.address];
});
afterAll(() => stack.stop());

/** One request to one of the hosts. */
const ask = (host: number, token: string, path: string, body: unknown, headers = {}): Promise<Answer> =>
  request({ ...stack, info: { ...stack.info, functions: hosts[host] ?? "" } }, "POST", path, { token, body, headers });

test("two hosts together let a user write as often as one would, then answer 429 with the time to wait", async () => {
  const token = await stack.token("ana");
  const first = await ask(0, token, "v1/conversations", { members: ["bo"] });
  expect(first.headers.get("ratelimit-policy")).toBe('"writes";q=20;w=60');
  expect(first.headers.get("ratelimit")).toMatch(/^"writes";r=19;t=\d+$/);
  const path = `v1/conversations/${String(first.body["id"])}/messages`;
  const answers = await Promise.all(Array.from({ length: 60 }, (_, n) => ask(n % 2, token, path, { text: "x" })));
  const accepted = answers.filter(({ status }) => status === 202).length;
  // A part may be out of sight in the other host when one runs dry.
  expect(accepted).toBeGreaterThanOrEqual(17);
  expect(accepted).toBeLessThanOrEqual(23);
  const refused = answers.filter(({ status }) => status === 429);
  expect(refused).toHaveLength(60 - accepted);
  const [one] = refused;
  expect(one?.body).toMatchObject({ code: "rate-limited", retryable: true });
  expect(Number(one?.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
  // Reading goes on, and so does everybody else.
  expect((await request(stack, "GET", path, { token })).status).toBe(200);
  const bo = await stack.token("bo");
  expect((await ask(1, bo, path, { text: "y" })).status).toBe(202);
  await stack.advance("PT1M");
  expect((await ask(0, await stack.token("ana"), path, { text: "z" })).status).toBe(202);
});

test("requests for everyone's consent have a limit of their own", async () => {
  const token = await stack.token("cy");
  const { body } = await ask(0, token, "v1/conversations", { members: ["bo"] });
  const path = `v1/conversations/${String(body["id"])}/consents`;
  const answers: Answer[] = [];
  for (let n = 0; n < 6; n++) answers.push(await ask(n % 2, token, path, { fromSeq: 1, toSeq: 1 }));
  expect(answers.map(({ status }) => status).filter((status) => status === 200).length).toBeLessThanOrEqual(5);
  expect(answers.at(-1)?.body["detail"]).toContain("consents");
});

test("an address has a limit as well, before anybody is asked who they are; what a caller claims in front of it does not count", async () => {
  const statuses = new Map<number, number>();
  for (let n = 0; n < 130; n++) {
    const forwarded = { "x-forwarded-for": `10.0.0.${String(n)}, 203.0.113.9:${String(5_000 + n)}` };
    const { status } = await ask(n % 2, "no-token", "v1/sync", { heads: {} }, forwarded);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  expect([...statuses.keys()].sort()).toEqual([401, 429]);
  expect(statuses.get(401)).toBeLessThanOrEqual(125);
  const elsewhere = { "x-forwarded-for": "198.51.100.1" };
  expect((await ask(0, await stack.token("eve"), "v1/sync", { heads: {} }, elsewhere)).status).toBe(200);
});

test("bytes count, too", async () => {
  const token = await stack.token("dan");
  const large = JSON.stringify({ id: newId(), members: ["bo"], ignored: "x".repeat(60_000) });
  const answers: Answer[] = [];
  for (let n = 0; n < 4; n++) answers.push(await ask(0, token, "v1/conversations", large));
  expect(answers.at(-1)?.body["detail"]).toContain("bytes");
});
