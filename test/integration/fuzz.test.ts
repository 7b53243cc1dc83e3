/**
 * Requests and queued messages that are made up from the schemas: none may crash, hang or half do anything. 1,000 requests, or as
 * many as FUZZ_REQUESTS says (`npm run fuzz`: 10,000); SEED repeats a run.
 */
import { createHmac } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { ServiceBusClient } from "@azure/service-bus";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { z } from "zod";
import {
  ClosedEnvelope,
  DeadlineEnvelope,
  FileEnvelope,
  RetainedEnvelope,
  TextEnvelope,
} from "../../src/lib/contracts/queue.js";
import { CATALOGUE } from "../../src/lib/errors.js";
import { newId, person, request } from "../support/chat.js";
import { Fuzz, type JsonSchema } from "../support/fuzz.js";
import { operator, type Operator } from "../support/operator.js";
import { seededRandom } from "../support/random.js";
import { startStack, type Stack } from "../support/stack.js";

const REQUESTS = Number(process.env["FUZZ_REQUESTS"] ?? 1_000);
const AT_ONCE = 8;
const LONGEST_MS = 10_000;

interface Route {
  readonly name: string;
  readonly methods: readonly string[];
  readonly route: string;
  readonly body?: JsonSchema;
  readonly query?: JsonSchema;
}

let stack: Stack;
let olga: Operator;
const tokens: string[] = [];
let gone: string;
const users = ["ana", "bo", "cy"];
const random = seededRandom();
const fuzz = new Fuzz(random, newId);

beforeAll(async () => {
  stack = await startStack();
  olga = await operator(stack);
  for (const user of users) tokens.push(await stack.token(user));
  gone = await stack.token("gone");
  tokens.push(await stack.token("olga", ["operator"]));
  const ana = await person(stack, "ana");
  for (let n = 0; n < 3; n++) {
    const { id } = await ana.start(["bo", "cy"]);
    fuzz.ids.push(id, (await ana.send(id, "hello")).id);
  }
  await stack.idle();
}, 60_000);
afterAll(() => stack.stop());

/** Every HTTP function with the schemas that it has given to its endpoint. */
async function routes(): Promise<readonly Route[]> {
  const found: Route[] = [];
  const schemaOf = (schema: z.ZodType | undefined): JsonSchema | undefined =>
    schema === undefined ? undefined : (z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as JsonSchema);
  const http = (name: string, options: { methods: string[]; route: string; handler: unknown }): void => {
    const { parts = {} } = options.handler as { parts?: { body?: z.ZodType; query?: z.ZodType } };
    const { body, query } = { body: schemaOf(parts.body), query: schemaOf(parts.query) };
    found.push({
      ...{ name, methods: options.methods, route: options.route },
      ...(body === undefined ? {} : { body }),
      ...(query === undefined ? {} : { query }),
    });
  };
  const nothing = (): void => undefined;
  jest.unstable_mockModule("@azure/functions", () => ({ app: { http, timer: nothing, serviceBusQueue: nothing } }));
  const folder = new URL("../../src/functions/", import.meta.url);
  for (const file of readdirSync(folder)) await import(new URL(file, folder).href);
  return found;
}

function pathOf(route: string): string {
  return route.replace(/\{(\w+)[^}]*\}/g, (_, name: string) => {
    if (fuzz.chance(0.1))
      return (
        encodeURIComponent(
          JSON.stringify(fuzz.strange())
            .slice(0, 200)
            .replace(/\p{Surrogate}/gu, "?"),
        ) || "-"
      );
    if (name === "user") return fuzz.pick([...users, "dan", "a%2Fb", "%2e"]);
    return name === "failure" ? "0123456789abcdef".repeat(2) : fuzz.id();
  });
}

function queryOf(schema: JsonSchema | undefined): string {
  if (schema === undefined || fuzz.chance(0.3)) return fuzz.chance(0.1) ? "?%ff=%00&&=" : "";
  const entries = Object.entries(fuzz.value(schema) ?? {}).map(([name, value]) => [
    name,
    typeof value === "object" ? JSON.stringify(value) : String(value),
  ]);
  return `?${new URLSearchParams(entries as [string, string][]).toString().slice(0, 4_000)}`;
}

function bodyOf(schema: JsonSchema | undefined): string | undefined {
  if (schema === undefined) return fuzz.chance(0.9) ? undefined : "{}";
  if (fuzz.chance(0.05))
    return fuzz.pick(["", "{", "null", "[".repeat(60_000), "\u0000", '{"a":1}{"b":2}', "x".repeat(70_000)]);
  return JSON.stringify(fuzz.value(schema));
}

test(
  `${String(REQUESTS)} requests: every answer is one of the API's, none takes long, nothing is half written`,
  async () => {
    const all = await routes();
    expect(all.length).toBeGreaterThan(25);
    const statuses = new Map<number, number>();
    let left = REQUESTS;
    const one = async (): Promise<void> => {
      const { name, methods, route, body: bodySchema, query } = fuzz.pick(all);
      const method = fuzz.pick(methods);
      const path = pathOf(route) + queryOf(query);
      const body = method === "GET" ? undefined : bodyOf(bodySchema);
      // Who erases an account is gone from everywhere: somebody else does it.
      const callers = name === "eraseMe" ? [gone] : tokens;
      const token = fuzz.chance(0.97) ? fuzz.pick(callers) : "no.token.either";
      const begun = performance.now();
      const answer = await request(stack, method, path, { token, ...(body === undefined ? {} : { body }) });
      const asked = `${name}: ${method} ${path} ${String(body).slice(0, 300)}`;
      expect([asked, answer.status < 500, performance.now() - begun < LONGEST_MS]).toEqual([asked, true, true]);
      // The host's own answer to an address that is none has no body.
      if (answer.status >= 400 && answer.body["code"] !== undefined)
        expect([asked, answer.body["code"]]).toEqual([asked, expect.stringMatching(codes())]);
      else expect([asked, answer.status]).toEqual([asked, answer.status >= 400 ? expect.any(Number) : answer.status]);
      const { id } = answer.body;
      if (answer.status < 300 && typeof id === "string" && fuzz.ids.length < 300) fuzz.ids.push(id);
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    };
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while (left-- > 0) await one();
      }),
    );
    // It is no use if everything is refused at the door.
    expect((statuses.get(200) ?? 0) + (statuses.get(202) ?? 0)).toBeGreaterThan(REQUESTS / 10);
    expect(statuses.get(422)).toBeGreaterThan(REQUESTS / 50);
    await stack.idle();
    expect((await olga.failures("limit=100")).filter(({ reason }) => reason !== "message-id-taken")).toEqual([]);
    for (const [n, user] of users.entries()) await expectWhole(tokens[n] ?? "", user);
  },
  Math.max(120_000, REQUESTS * 60),
);

const codes = (): RegExp => new RegExp(`^(${Object.keys(CATALOGUE).join("|")})$`);

/** Every conversation's log has no gap, and every message in it is there. */
async function expectWhole(token: string, user: string): Promise<void> {
  const { body } = await request(stack, "GET", "v1/conversations?limit=100", { token });
  for (const { id, joinedSeq, headSeq } of body["items"] as { id: string; joinedSeq: number; headSeq: number }[]) {
    const seqs: number[] = [];
    for (let after = joinedSeq; ;) {
      const page = await request(stack, "GET", `v1/conversations/${id}/changes?after=${String(after)}`, { token });
      const items = page.body["items"] as { seq: number; type: string; messageId?: string }[];
      seqs.push(...items.map(({ seq }) => seq));
      for (const { type, messageId = "" } of items.filter((item) => item.type === "message.created")) {
        const message = await request(stack, "GET", `v1/conversations/${id}/messages/${messageId}`, { token });
        // One of the requests may have taken it back.
        const status = message.body["code"] === "message-deleted" ? 200 : message.status;
        expect([user, type, status]).toEqual([user, type, 200]);
      }
      if (page.body["hasMore"] !== true) break;
      after = seqs.at(-1) ?? after;
    }
    expect(seqs).toEqual(Array.from({ length: headSeq - joinedSeq }, (_, n) => joinedSeq + 1 + n));
  }
}

test("whatever comes as an event from upstream is refused or ignored, and what is true is still done", async () => {
  const key = /AccessKey=([^;]+)/.exec(stack.info.webPubSub)?.[1] ?? "";
  const [ana, bo] = [await person(stack, "ana-up"), await person(stack, "bo-up")];
  const { id: conversationId } = await ana.start(["bo-up"]);
  const bytes = Buffer.from("for bo");
  const { id: fileId } = await ana.sendFile(conversationId, { name: "a.txt", contentType: "text/plain", bytes });
  await stack.idle();
  const socketId = "a-socket-of-bo";
  const { id: viewId } = await bo.api.openView(conversationId, fileId, { key: newId(), socketId });

  const latin = (text: string): string => text.replace(/[^\x20-\x7e\xa0-\xff]/gu, "?").slice(0, 2_000);
  const odd = (): string => {
    const strange = fuzz.strange();
    return latin(typeof strange === "string" ? strange : JSON.stringify(strange));
  };
  const send = async (type: string, socket: string, user: string, body: string, isSigned = true): Promise<number> => {
    const connection = odd().trim();
    const digest = createHmac("sha256", key).update(connection, "latin1").digest("hex");
    const response = await fetch(`${stack.info.functions}/api/webpubsub/events`, {
      method: "POST",
      headers: {
        ...{ "ce-type": type, "ce-connectionid": connection, "ce-socketid": socket, "ce-userid": user },
        ...(isSigned ? { "ce-signature": `sha256=${digest}` } : {}),
        "content-type": fuzz.pick(["application/json", "text/plain", "image/png"]),
      },
      body,
    });
    await response.arrayBuffer();
    return response.status;
  };
  const close = (view: unknown): string => `421["file.close",${JSON.stringify(view)}]`;
  const name = { conversationId, fileId, viewId };
  const statuses = new Map<number, number>();
  for (let n = 0; n < 250; n++) {
    const type = fuzz.pick([
      ...["azure.webpubsub.sys.connected", "azure.webpubsub.sys.disconnected", "azure.webpubsub.sys.connect"],
      ...["azure.webpubsub.user.file.close", "azure.webpubsub.user.other", odd()],
    ]);
    const body = fuzz.pick([
      ...[close({ ...name, viewId: newId() }), close({ ...name, fileId: fuzz.strange() }), close(fuzz.strange())],
      ...[
        odd(),
        "42",
        "421[",
        "42" + "9".repeat(400) + "[]",
        "[".repeat(70_000),
        `420["file.close"]`,
        "x".repeat(200_000),
      ],
    ]);
    const user = fuzz.pick(["bo-up", "eve", odd()]);
    const status = await send(type, fuzz.pick([newId(), odd()]), user, body, fuzz.chance(0.9));
    expect([type, body.slice(0, 200), status < 500]).toEqual([type, body.slice(0, 200), true]);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  expect(statuses.get(204)).toBeGreaterThan(50);
  expect(statuses.get(401)).toBeGreaterThan(5);
  await stack.idle();
  expect(await ana.api.file(conversationId, fileId)).toMatchObject({ state: "ready" });
  expect(await send("azure.webpubsub.user.file.close", socketId, "bo-up", close(name))).toBe(200);
  await stack.idle();
  expect(await ana.api.file(conversationId, fileId)).toMatchObject({ state: "deleted" });
}, 120_000);

/** What each queue carries; a queue without an entry fails the test. */
const ENVELOPES: Readonly<Record<string, z.ZodType>> = {
  "text-messages": TextEnvelope,
  "file-messages": FileEnvelope,
  "retained-messages": RetainedEnvelope,
  "url-closed": ClosedEnvelope,
  deadlines: DeadlineEnvelope,
};

test("whatever is put into a queue and is not its message is a failure each, and nothing is lost", async () => {
  const topology = JSON.parse(readFileSync(new URL("../../config/topology.json", import.meta.url), "utf8")) as {
    queues: { name: string; requiresSession: boolean }[];
  };
  const client = new ServiceBusClient(stack.info.serviceBus);
  const before = (await olga.failures("limit=100")).length;
  let sent = 0;
  for (const { name, requiresSession } of topology.queues.filter((queue) => queue.name !== "failed-messages")) {
    const schema = ENVELOPES[name];
    if (schema === undefined) throw new Error(`'${name}' is not fuzzed`);
    const bodies = [
      ...[
        `garbage ${name}`,
        42,
        [name],
        {},
        { v: 2, id: newId() },
        { v: 1, id: newId(), unheard: "of" },
        "x".repeat(200_000),
      ],
      ...[Buffer.from([0xff, 0x00, name.length]), Buffer.alloc(0), Buffer.alloc(150_000, 0xfe), { deep: nested(500) }],
      ...mutations(schema, 12),
    ];
    const sender = client.createSender(name);
    for (const body of bodies) {
      await sender.sendMessages({ body, ...(requiresSession ? { sessionId: newId() } : {}) });
      sent += 1;
    }
    await sender.close();
  }
  await stack.idle();
  await olga.run("parkFailures");
  const after: unknown[] = [];
  for (let cursor = ""; ;) {
    const { body } = await olga.request("GET", `ops/failures?limit=100${cursor}`);
    after.push(...(body["items"] as unknown[]));
    if (typeof body["nextCursor"] !== "string") break;
    cursor = `&cursor=${body["nextCursor"]}`;
  }
  expect(after.length - before).toBe(sent);
  await client.close();
}, 120_000);

const nested = (depth: number): unknown => (depth === 0 ? 0 : [nested(depth - 1)]);

/** Envelopes of which one field is wrong; each is another, so that none is taken for a copy. */
function mutations(schema: z.ZodType, count: number): readonly unknown[] {
  const json = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as JsonSchema;
  const sound = new Fuzz(random, newId, 0);
  const found: unknown[] = [];
  while (found.length < count) {
    const body = sound.value(json) as Record<string, unknown>;
    const field = sound.pick(Object.keys(body));
    const broken = { ...body, [field]: sound.chance(0.5) ? { wrong: newId() } : undefined, mark: newId() };
    if (!schema.safeParse(broken).success) found.push(broken);
  }
  return found;
}
