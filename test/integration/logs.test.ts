/**
 * What people write, and what lets them in, is in no log at any level, also when things go wrong; nor in anything else that is told of it:
 * traces, events, metrics, dead letters, failures, the audit trail.
 */
import { ServiceBusClient } from "@azure/service-bus";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { newId, person, request } from "../support/chat.js";
import { PICTURE, PNG, put } from "../support/files.js";
import { operator } from "../support/operator.js";
import { assertNoSecrets, startStack, type Stack } from "../support/stack.js";
import { hearEvents, toldBy } from "../support/told.js";

/** Every text of this file has it, whatever path it takes. */
const MARKER = "marzipan-of-nobody's-business";

let stack: Stack;
let events: Awaited<ReturnType<typeof hearEvents>>;
/** What the run has used, each under its name. */
const secrets: [string, string][] = [];

beforeAll(async () => {
  stack = await startStack({
    env: { AzureFunctionsJobHost__logging__logLevel__default: "Trace", AZURE_LOG_LEVEL: "info" },
  });
  events = await hearEvents(stack);
});
afterAll(async () => {
  events.close();
  await stack.stop();
});

test("texts, delivered, refused, poisonous or dead-lettered, are in no log of any part", async () => {
  const ana = await person(stack, "ana");
  await ana.connect();
  const { id: conversation } = await ana.start(["bo"]);
  await ana.send(conversation, `${MARKER} delivered`);
  await stack.idle();

  const token = await stack.token("ana");
  const post = async (body: unknown): Promise<number> =>
    (await request(stack, "POST", `v1/conversations/${conversation}/messages`, { token, body })).status;
  const id = newId();
  expect(await post({ id, text: `${MARKER} first` })).toBe(202);
  await stack.idle();
  expect(await post({ id, text: `${MARKER} second` })).toBe(409);
  const wrong = [
    { text: { a: MARKER } },
    { text: `${MARKER}\u0000` },
    `{"text":"${MARKER}`,
    { text: MARKER.repeat(10_000) },
    { text: MARKER, replyTo: MARKER },
  ];
  for (const body of wrong) expect([400, 413, 422]).toContain(await post(body));

  const client = new ServiceBusClient(stack.info.serviceBus);
  const sender = client.createSender("text-messages");
  const now = await stack.now();
  const poison = (more: object): object => ({
    v: 1,
    id: newId(),
    conversation,
    author: "ana",
    text: MARKER,
    sentAt: new Date(now).toISOString(),
    endsAt: new Date(now + 3_600_000).toISOString(),
    attempt: 1,
    ...more,
  });
  await sender.sendMessages([
    { body: poison({ text: { of: MARKER } }), sessionId: conversation },
    { body: poison({ conversation: newId() }), sessionId: "elsewhere" },
    { body: MARKER, sessionId: "none" },
    { body: poison({ endsAt: new Date(now - 1).toISOString() }), sessionId: conversation },
  ]);
  await stack.idle();
  await stack.kill("functions");
  await sender.sendMessages({ body: poison({}), sessionId: conversation, timeToLive: 1000 });
  await stack.advance("PT1M");
  await stack.start("functions");
  await stack.idle();
  ana.close();
  await client.close();

  const logs = await stack.logs();
  expect(logs.includes("Executed 'Functions.deliverText'")).toBe(true);
  expect(logs.split("\n").filter((line) => line.includes("marzipan"))).toEqual([]);
});

test("tokens that come in every way a client can send them are in no log", async () => {
  const token = await stack.token("eve");
  const ways = [
    request(stack, "GET", `v1/conversations?access_token=${token}`, {}),
    request(stack, "GET", "v1/conversations", { token: `${token}x` }),
    request(stack, "GET", "v1/conversations", { headers: { authorization: `Basic ${token}` } }),
    request(stack, "POST", "v1/realtime/join", { token, body: { socketId: token } }),
    request(stack, "GET", `v1/conversations/${token}`, { token }),
  ];
  for (const { status } of await Promise.all(ways)) expect(status).toBeGreaterThanOrEqual(400);
  const signature = token.split(".")[2] ?? token;
  secrets.push(["a token", signature]);
  expect((await stack.logs()).includes(signature)).toBe(false);
});

test("of a file neither its URLs' signatures nor its close token, and not its name", async () => {
  const [ana, bo] = [await person(stack, "ana"), await person(stack, "bo")];
  const { id: conversation } = await ana.start(["bo"]);
  const file = await ana.api.createFile(conversation, { ...PICTURE, name: `${MARKER}.png` });
  expect(await put(file, PNG)).toBe(201);
  await ana.api.completeFile(conversation, file.id);
  await stack.idle();
  const view = await bo.openFile(conversation, file.id);
  await view.close();
  await stack.idle();
  for (const url of [file.upload.url, view.url])
    secrets.push(["a signature", new URL(url).searchParams.get("sig") ?? url]);
  secrets.push(["a signature as it stands in a URL", new URL(view.url).search.split("sig=")[1] ?? ""]);
  secrets.push(["a close token", view.closeToken]);
});

test("all that is told of it says none of that", async () => {
  const { serviceBus, storage, webPubSub } = stack.info;
  for (const connection of [serviceBus, storage, webPubSub])
    secrets.push(["a key", /Key=([^;]+)/.exec(connection)?.[1] ?? connection]);
  await (await operator(stack)).failures();
  const told = new Map(await toldBy(stack));
  told.set("the log", await stack.logs());
  told.set("the events", events.text());
  // Each has something to tell of what was done here.
  expect(told.get("/spans")).toContain("deliverText");
  expect(told.get("the events")).toContain("deliverText");
  expect(told.get("ops/failures ")).toContain("contract-violation");
  expect(told.get("ops/audit ")).toContain("view.open");
  expect(told.get("ops/status ")).toContain("dayfly_failures_parked_total");
  const found = [...told].flatMap(([place, text]) =>
    [["a text", "marzipan"] as const, ...secrets].flatMap(([what, secret]) =>
      secret === "" || text.includes(secret) ? [`${what} in ${place}`] : [],
    ),
  );
  expect(found).toEqual([]);
});

test("the scan finds a secret where there is one", () => {
  const token = ["eyJhbGciOiJub25lIn0", "eyJzdWIiOiJhbmEifQ", "x"].join(".");
  for (const line of [`got ${token}`, "GET /f?sv=1&sig=abcdefgh%3D", "Endpoint=x;AccountKey=a2V5;", "the key k-1-2-3"])
    expect(() => assertNoSecrets(`fine\n${line}`, ["k-1-2-3"])).toThrow("line 2");
  assertNoSecrets("GET /f?sv=1&sig=*****\nfine");
});
