import { request as askPlainly, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { newId, request } from "../support/chat.js";
import { startStack, type Stack } from "../support/stack.js";

let stack: Stack;
let token: string;
let conversation: string;

beforeAll(async () => {
  stack = await startStack();
  token = await stack.token("ana");
  const { body } = await request(stack, "POST", "v1/conversations", { token, body: { members: ["bo"] } });
  conversation = String(body["id"]);
});
afterAll(() => stack.stop());

const messages = (): string => `v1/conversations/${conversation}/messages`;

/** What a problem says, as one line: status, code and the first field. */
function said({ status, body }: { status: number; body: Record<string, unknown> }): string {
  const [first] = (body["errors"] ?? []) as { pointer: string }[];
  return [String(status), body["code"] as string, first?.pointer].filter((part) => part !== undefined).join(" ");
}

describe("a body that is not as it must be is a problem that names the field", () => {
  test.each([
    ["broken JSON", "{", "400 body-not-json "],
    ["nothing", "", "400 body-missing "],
    ["a list", [], "422 input-invalid "],
    ["null", "null", "422 input-invalid "],
    ["no text", {}, "422 input-invalid /text"],
    ["a number for a text", { text: 1 }, "422 input-invalid /text"],
    ["an empty text", { text: "" }, "422 input-invalid /text"],
    ["4,001 characters", { text: "x".repeat(4_001) }, "422 input-invalid /text"],
    ["8,196 bytes", { text: "😀".repeat(2_049) }, "422 input-invalid /text"],
    ["a NUL", { text: "a\u0000" }, "422 input-invalid /text"],
    ["a bell", { text: "a\u0007" }, "422 input-invalid /text"],
    ["an escape", { text: "\u001b[2J" }, "422 input-invalid /text"],
    ["a DEL", { text: "a\u007f" }, "422 input-invalid /text"],
    ["a C1 control", { text: "a\u0085" }, "422 input-invalid /text"],
    ["half a surrogate pair", '{"text":"\\ud83d"}', "422 input-invalid /text"],
    ["an id that is none", { text: "a", id: "1" }, "422 input-invalid /id"],
    ["a quote that is none", { text: "a", replyTo: {} }, "422 input-invalid /replyTo"],
    ["2 MB", { text: "x".repeat(2_000_000) }, "413 body-too-large "],
  ])("%s", async (_, body, expected) => {
    expect(said(await request(stack, "POST", messages(), { token, body }))).toBe(expected);
  });

  test("another media type", async () => {
    const answer = await request(stack, "POST", messages(), {
      token,
      body: "a",
      headers: { "content-type": "text/plain" },
    });
    expect(said(answer)).toBe("415 media-type-unsupported");
  });

  test("a compressed body", async () => {
    const headers = { "content-encoding": "gzip" };
    const answer = await request(stack, "POST", messages(), { token, body: { text: "a" }, headers });
    expect(said(answer)).toBe("415 media-type-unsupported");
  });

  test("bytes that are not UTF-8", async () => {
    const response = await fetch(`${stack.info.functions}/api/${messages()}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: Buffer.from([0x7b, 0xff, 0x7d]),
    });
    expect(response.status).toBe(400);
  });

  test("a chunked body, which the host drops: the error says so", async () => {
    const answer = await chunked(`/api/${messages()}`, token, '{"text":"a"}');
    expect(answer).toContain("411");
    expect(answer).toContain("length-required");
    expect(answer).toContain("Content-Length");
  });

  test.each([
    ["no members", {}, "422 input-invalid /members"],
    ["only the caller", { members: ["ana"] }, "422 input-invalid /members"],
    [
      "1,000 members",
      { members: Array.from({ length: 1_000 }, (_, n) => `u${String(n)}`) },
      "422 input-invalid /members",
    ],
    ["a member twice", { members: ["bo", "bo"] }, "422 input-invalid /members"],
    ["an empty user id", { members: [""] }, "422 input-invalid /members/0"],
    ["a long user id", { members: ["bo", "x".repeat(129)] }, "422 input-invalid /members/1"],
    ["a user id that is not ASCII", { members: ["Zoë"] }, "422 input-invalid /members/0"],
    ["a title of two lines", { members: ["bo"], title: "a\nb" }, "422 input-invalid /title"],
  ])("a conversation with %s", async (_, body, expected) => {
    expect(said(await request(stack, "POST", "v1/conversations", { token, body }))).toBe(expected);
  });

  test.each([
    ["nothing", {}, "422 input-invalid "],
    ["a negative seq", { readSeq: -1 }, "422 input-invalid /readSeq"],
    ["a seq beyond the log", { deliveredSeq: 1_000 }, "422 receipt-ahead /deliveredSeq"],
  ])("receipts with %s", async (_, body, expected) => {
    expect(said(await request(stack, "POST", `v1/conversations/${conversation}/receipts`, { token, body }))).toBe(
      expected,
    );
  });

  test("a socket id that would be a filter", async () => {
    const body = { socketId: "x' or userId ne '" };
    expect(said(await request(stack, "POST", "v1/realtime/join", { token, body }))).toBe("422 input-invalid /socketId");
  });

  test("heads of what is no conversation", async () => {
    expect(said(await request(stack, "POST", "v1/sync", { token, body: { heads: { x: 1 } } }))).toBe(
      "422 input-invalid /heads/x",
    );
  });
});

describe("an address that is not as it must be", () => {
  test.each([
    ["limit=-1", "400 parameter-invalid /limit"],
    ["limit=0", "400 parameter-invalid /limit"],
    ["limit=101", "400 parameter-invalid /limit"],
    ["limit=ten", "400 parameter-invalid /limit"],
    ["cursor=forged", "400 cursor-invalid /cursor"],
    [`cursor=${Buffer.from('[1,"x"]').toString("base64url")}`, "400 cursor-invalid /cursor"],
    [`cursor=${Buffer.from("[2,1]").toString("base64url")}`, "400 cursor-invalid /cursor"],
  ])("?%s", async (query, expected) => {
    expect(said(await request(stack, "GET", `${messages()}?${query}`, { token }))).toBe(expected);
  });

  test.each([
    ["v1/conversations/1", "400 parameter-invalid /conversation"],
    ["v1/conversations/1/messages", "400 parameter-invalid /conversation"],
  ])("%s", async (path, expected) => {
    expect(said(await request(stack, "GET", path, { token }))).toBe(expected);
  });

  test("changes after a seq that is none", async () => {
    const answer = await request(stack, "GET", `v1/conversations/${conversation}/changes?after=-1`, { token });
    expect(said(answer)).toBe("400 parameter-invalid /after");
  });
});

describe("user ids", () => {
  test.each(["a/b", "it's", "a#b", "a?b", "50% off", "a\\b", "...", "~ ~", "x".repeat(128)])(
    "%j works",
    async (user) => {
      const path = `v1/conversations/${conversation}/members/${encodeURIComponent(user)}`;
      expect((await request(stack, "PUT", path, { token })).status).toBe(204);
      const theirs = await stack.token(user);
      const seen = await request(stack, "GET", `v1/conversations/${conversation}`, { token: theirs });
      expect(seen.body["members"]).toContain(user);
      expect((await request(stack, "DELETE", path, { token })).status).toBe(204);
      expect((await request(stack, "GET", `v1/conversations/${conversation}`, { token: theirs })).status).toBe(404);
    },
  );
});

test("every answer forbids caching and names its headers to browsers", async () => {
  const answer = await request(stack, "GET", "v1/conversations", { token });
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
  const problem = await request(stack, "GET", `v1/conversations/${newId()}`, { token });
  expect(problem.headers.get("content-type")).toBe("application/problem+json");
  expect(problem.headers.get("access-control-expose-headers")).toContain("Retry-After");
});

/** `fetch` always knows the length; a bare socket can send chunks. Answers the whole response. */
function chunked(path: string, bearer: string, body: string): Promise<string> {
  const { hostname, port } = new URL(stack.info.functions);
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(Number(port), hostname, () => {
      socket.write(
        `POST ${path} HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${bearer}\r\nContent-Type: application/json\r\n` +
          `Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
      );
    });
    socket.on("data", (data) => {
      answer += data.toString();
    });
    socket.on("end", () => {
      resolve(answer);
    });
    socket.on("error", reject);
  });
}

describe("a page of another origin", () => {
  const ask = (origin: string, method: string, headers: Record<string, string> = {}) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const url = `${stack.info.functions}/api/v1/conversations`;
      // Not fetch: a browser sets these headers, and others may not.
      const asking = askPlainly(url, { method, headers: { origin, ...headers } }, (answer) => {
        answer.resume();
        answer.once("end", () => resolve(answer));
      });
      asking.once("error", reject);
      asking.end();
    });
  const preflight = { "access-control-request-method": "POST", "access-control-request-headers": "authorization" };

  test("may call when the configuration names it, and not otherwise", async () => {
    const allowed = new URL(stack.info.control).origin;
    const authorization = `Bearer ${token}`;
    const may = await ask(allowed, "OPTIONS", preflight);
    expect([may.statusCode, may.headers["access-control-allow-origin"]]).toEqual([204, allowed]);
    expect(may.headers["access-control-allow-methods"]).toContain("POST");
    expect(may.headers["access-control-allow-headers"]).toContain("authorization");
    const answered = await ask(allowed, "GET", { authorization });
    expect([answered.statusCode, answered.headers["access-control-allow-origin"]]).toEqual([200, allowed]);
    expect(answered.headers["access-control-expose-headers"]).toContain("Retry-After");

    // A suffix, a subdomain and `null` are other origins.
    for (const origin of ["https://evil.example", `${allowed}.evil.example`, allowed.replace("://", "://x."), "null"]) {
      const refused = await ask(origin, "OPTIONS", preflight);
      const got = await ask(origin, "GET", { authorization });
      for (const { headers } of [refused, got]) expect(headers).not.toHaveProperty("access-control-allow-origin");
    }
  });
});
