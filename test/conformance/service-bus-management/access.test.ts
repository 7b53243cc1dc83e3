import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Bench } from "./bench.js";

let bench: Bench;

beforeAll(async () => {
  bench = await Bench.start([{ name: "q" }]);
});

afterAll(() => bench.stop());

interface Raw {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** `fetch` does not let a caller choose these headers, as a browser would not. */
function raw(method: string, path: string, headers: Readonly<Record<string, string>>, body = ""): Promise<Raw> {
  return new Promise((resolve, reject) => {
    const asked = request(new URL(path, bench.management), { method, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text += chunk));
      response.on("end", () => {
        resolve({ status: response.statusCode, headers: response.headers, text });
      });
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

test.each([
  ["a host that was renamed to loopback (DNS rebinding)", { host: "evil.example:5673" }],
  ["a page of another site", { origin: "https://evil.example" }],
  ["a page without an origin, as in a sandbox", { origin: "null" }],
  ["an image or a script in a page of another site", { "sec-fetch-site": "cross-site" }],
])("%s may neither read nor change", async (_, headers) => {
  for (const [method, path] of [
    ["GET", "/queues"],
    ["GET", "/events"],
    ["GET", "/metrics"],
    ["OPTIONS", "/queues"],
    ["PUT", "/queues/made"],
    ["DELETE", "/queues/q/messages"],
  ] as const) {
    const answer = await raw(method, path, headers);
    expect(answer.status).toBe(403);
    expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
    expect(JSON.parse(answer.text)).toMatchObject({ status: 403, title: "Not from here" });
  }
  expect((await bench.ask<object[]>("GET", "/queues")).body).toHaveLength(1);
});

test("a page of this machine may, and its browser is told so", async () => {
  const origin = "http://localhost:5170";
  const answer = await raw("GET", "/queues", { origin });
  expect(answer).toMatchObject({ status: 200, headers: { "access-control-allow-origin": origin } });
  expect(await raw("OPTIONS", "/queues/q", { origin, "access-control-request-method": "PUT" })).toMatchObject({
    status: 204,
    headers: { "access-control-allow-methods": expect.stringContaining("PUT") },
  });
});

test("answers are never kept, nor taken for what they are not", async () => {
  expect((await raw("GET", "/queues", {})).headers).toMatchObject({
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
});

test.each([
  ["GET", "/", "", 404],
  ["GET", "/queues/nowhere", "", 404],
  ["GET", "/queues/q/nothing", "", 404],
  ["GET", "/queues/nowhere/messages", "", 404],
  ["GET", "/health/x", "", 404],
  ["GET", "/queues/%E0%A4%A", "", 400],
  ["PUT", "/queues/new", "{", 400],
  ["PUT", "/queues/new", "[]", 400],
  ["PUT", "/queues/new", '{"name": "other"}', 400],
  ["PUT", "/queues/new", '{"colour": "red"}', 400],
  ["PUT", "/queues/new", '{"lockDuration": "PT1H"}', 400],
  ["PUT", "/queues/%24new", "{}", 400],

  ["POST", "/queues", "{}", 405],
  ["POST", "/queues/q", "{}", 405],
  ["PUT", "/metrics", "", 405],
  ["GET", "/queues/q/messages?limit=0", "", 400],
  ["GET", "/queues/q/messages?colour=red", "", 400],
  ["GET", "/queues/q/messages?from=x", "", 400],
  ["GET", "/events?queue=nowhere", "", 404],
  ["DELETE", "/queues/q/scheduled/1", "", 404],
  ["DELETE", "/queues/q/scheduled/x", "", 400],
  ["POST", "/queues/q/dead-letters/redrive", '{"sequenceNumbers": [1]}', 404],
])("%s %s %s is answered with a problem, %d", async (method, path, body, status) => {
  const answer = await raw(method, path, {}, body);
  expect(answer).toMatchObject({ status, headers: { "content-type": "application/problem+json" } });
  expect(JSON.parse(answer.text)).toEqual({
    type: "about:blank",
    title: expect.any(String),
    status,
    detail: expect.stringMatching(/.{10,}/),
  });
});

test("a body that is too large is refused", async () => {
  expect(await raw("PUT", "/queues/new", {}, `"${"x".repeat(1_100_000)}"`)).toMatchObject({ status: 413 });
});

test("a problem with settings names the field", async () => {
  const { body } = await bench.ask("PUT", "/queues/new", { lockDuration: "PT1H" });
  expect(body["detail"]).toBe('lockDuration: must be an ISO 8601 duration between PT1S and PT5M, but is "PT1H".');
});

test("health", async () => {
  expect(await bench.ask("GET", "/health")).toMatchObject({ status: 200, body: { status: "up" } });
});
