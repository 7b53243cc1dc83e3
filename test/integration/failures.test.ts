/** What cannot be processed: parked with its reason, seen by operators, redriven, discarded, expired. */
import { ServiceBusClient } from "@azure/service-bus";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { TextEnvelope } from "../../src/lib/contracts/queue.js";
import { newId, person, request, wholeList } from "../support/chat.js";
import { operator, type Operator } from "../support/operator.js";
import { startStack, type Stack } from "../support/stack.js";

let stack: Stack;
let client: ServiceBusClient;
let olga: Operator;

beforeAll(async () => {
  stack = await startStack();
  client = new ServiceBusClient(stack.info.serviceBus);
  olga = await operator(stack);
});
afterAll(async () => {
  await client.close();
  await stack.stop();
});

async function send(conversation: string, change: object = {}): Promise<string> {
  const now = await stack.now();
  const envelope: TextEnvelope = {
    v: 1,
    id: newId(),
    conversation,
    author: "ana",
    text: "marzipan",
    sentAt: new Date(now).toISOString(),
    endsAt: new Date(now + 24 * 3_600_000).toISOString(),
    attempt: 1,
  };
  const body = { ...envelope, ...change };
  const sender = client.createSender("text-messages");
  await sender.sendMessages({ body, sessionId: conversation, messageId: body.id, contentType: "application/json" });
  await sender.close();
  await stack.idle();
  return body.id;
}

/** What lies in `failed-messages`. */
async function parked(): Promise<readonly { state: string | undefined; body: unknown }[]> {
  const receiver = client.createReceiver("failed-messages");
  try {
    return (await receiver.peekMessages(250)).map(({ state, body }) => ({ state, body: body as unknown }));
  } finally {
    await receiver.close();
  }
}

const failureOf = async (message: string) => {
  const found = (await olga.failures("limit=100")).find(({ messageId }) => messageId === message);
  if (found === undefined) throw new Error("no such failure");
  return found;
};

test("a text for a conversation that is not there is parked, and delivered when it is redriven into one that is", async () => {
  const conversation = newId();
  const message = await send(conversation);
  const failure = await failureOf(message);
  expect(failure).toMatchObject({
    ...{ queue: "text-messages", reason: "conversation-unknown", state: "parked", attempts: 1, redrives: 0 },
    ...{ conversationId: conversation, isTransient: false },
  });
  expect(await parked()).toEqual([expect.objectContaining({ state: "deferred" })]);

  const ana = await person(stack, "ana");
  await ana.api.createConversation({ id: conversation, members: ["bo"] });
  await ana.send(conversation, "after it");
  await stack.idle();
  const redriven = await olga.request("POST", `ops/failures/${failure.id}/redrive`);
  expect([redriven.status, redriven.body["state"]]).toEqual([202, "redriven"]);
  await stack.idle();
  // A new place at the end, under the old id.
  expect((await wholeList(ana, conversation)).map(({ id, text }) => [id === message, text])).toEqual([
    [false, "after it"],
    [true, "marzipan"],
  ]);
  expect(await parked()).toEqual([]);
  expect((await olga.request("POST", `ops/failures/${failure.id}/redrive`)).status).toBe(202);
  expect((await olga.request("POST", `ops/failures/${failure.id}/discard`)).body["code"]).toBe("failure-ended");
  await stack.idle();
  expect(await wholeList(ana, conversation)).toHaveLength(2);
});

test("told as failed, then redriven: the author's text is delivered, and its state says so", async () => {
  const ana = await person(stack, "ana");
  const { id: conversation } = await ana.start(["bo"]);
  const id = newId();
  // Nobody but an old or foreign sender leaves out what the contract wants.
  await send(conversation, { id, author: "ana", attempt: 0 });
  expect(await ana.api.delivery(conversation, id)).toMatchObject({ state: "failed" });
  const { id: failure, reason } = await failureOf(id);
  expect(reason).toBe("contract-violation");
  await olga.request("POST", `ops/failures/${failure}/redrive`);
  await stack.idle();
  // A redrive counts the attempt, which mends this one.
  expect(await ana.api.delivery(conversation, id)).toMatchObject({ state: "delivered" });
});

test("what fails again is the same failure; its content is shown on request, discarded it is gone", async () => {
  const ana = await person(stack, "ana");
  const { id: conversation } = await ana.start(["bo"]);
  const message = await send(conversation, { text: { of: "marzipan" } });
  const { id } = await failureOf(message);
  await olga.request("POST", `ops/failures/${id}/redrive`);
  await stack.idle();
  expect(await failureOf(message)).toMatchObject({ id, state: "parked", attempts: 2, redrives: 1 });

  const plain = await olga.request("GET", `ops/failures/${id}`);
  expect(JSON.stringify(plain.body)).not.toContain("marzipan");
  const shown = await olga.request("GET", `ops/failures/${id}?content=true`);
  expect(shown.body["content"]).toMatchObject({ text: { of: "marzipan" } });

  expect((await olga.request("POST", `ops/failures/${id}/discard`)).body["state"]).toBe("discarded");
  expect(await parked()).toEqual([]);
});

test("past its time it is expired, and nothing is left of its text", async () => {
  const message = await send(newId());
  const { id } = await failureOf(message);
  await stack.advance("PT24H1M");
  expect(await failureOf(message)).toMatchObject({ id, state: "expired" });
  expect(await parked()).toEqual([]);
  expect((await olga.request("POST", `ops/failures/${id}/redrive`)).body["code"]).toBe("failure-ended");
});

test("a deadline that was tried too often is redriven by itself, and met", async () => {
  const ana = await person(stack, "ana");
  const { id: conversation } = await ana.start(["bo"]);
  await stack.idle();
  await stack.kill("functions");
  const body = { v: 1, kind: "evict", conversation, user: "zoe" };
  await client.createSender("deadlines").sendMessages({ body, contentType: "application/json" });
  const receiver = client.createReceiver("deadlines");
  const [message] = await receiver.receiveMessages(1);
  if (message === undefined) throw new Error("nothing came");
  await receiver.deadLetterMessage(message, {
    deadLetterReason: "MaxDeliveryCountExceeded",
    deadLetterErrorDescription: "for a test",
  });
  await receiver.close();
  await stack.start("functions");
  await stack.idle();
  const of = async () => (await olga.failures("queue=deadlines")).map(({ reason, state }) => [reason, state]);
  expect(await of()).toEqual([["attempts-exhausted", "parked"]]);
  await stack.advance("PT31S");
  expect(await of()).toEqual([["attempts-exhausted", "redriven"]]);
  expect(await parked()).toEqual([]);
});

test("garbage in the queue of failures is a failure as well, which has no queue to go back to", async () => {
  const sender = client.createSender("failed-messages");
  await sender.sendMessages([{ body: "garbage" }, { body: { v: 9 } }]);
  await sender.close();
  const found = await olga.failures("queue=failed-messages");
  expect(found.map(({ reason, state }) => [reason, state])).toEqual([
    ["contract-violation", "parked"],
    ["contract-violation", "parked"],
  ]);
  const { status, body } = await olga.request("POST", `ops/failures/${found[0]?.id ?? ""}/redrive`);
  expect([status, body["code"]]).toEqual([409, "failure-not-redrivable"]);
  for (const { id } of found) await olga.request("POST", `ops/failures/${id}/discard`);
});

test("all of a filter at once: counted first, then done by a job", async () => {
  const conversation = newId();
  for (let n = 0; n < 3; n++) await send(conversation);
  expect(await olga.failures("reason=conversation-unknown&state=parked")).toHaveLength(3);
  const filter = { reason: "conversation-unknown" };
  const dry = await olga.request("POST", "ops/failures/discard", { ...filter, dryRun: true });
  expect([dry.status, dry.body]).toEqual([200, { dryRun: true, found: 3 }]);
  const started = await olga.request("POST", "ops/failures/discard", filter);
  expect(started.status).toBe(202);
  await stack.idle();
  const job = await olga.request("GET", started.headers.get("location")?.replace("/api/", "") ?? "");
  expect(job.body).toMatchObject({ state: "done", found: 3, done: 3, refused: {}, by: "olga" });
  expect(await parked()).toEqual([]);
});

test("lists page, newest first, and filter by time", async () => {
  const all = await olga.failures("limit=100");
  const times = all.map(({ at }) => at);
  expect([...times].sort().reverse()).toEqual(times);
  const ids: string[] = [];
  for (let cursor: string | undefined = "", more = true; more;) {
    const query: string = cursor === "" ? "limit=2" : `limit=2&cursor=${cursor}`;
    const { body } = await olga.request("GET", `ops/failures?${query}`);
    const page = body as unknown as { items: { id: string }[]; nextCursor?: string };
    ids.push(...page.items.map(({ id }) => id));
    cursor = page.nextCursor;
    more = cursor !== undefined;
  }
  expect(ids).toEqual(all.map(({ id }) => id));
  const newest = all[0]?.at ?? "";
  expect((await olga.failures(`before=${newest}`)).map(({ at }) => at)).not.toContain(newest);
  expect((await olga.failures(`from=${newest}`)).map(({ at }) => at)).toContain(newest);
});

test("without the role nobody sees or does any of it", async () => {
  const token = await stack.token("ana");
  const id = "0".repeat(32);
  const routes = [
    ["GET", "ops/failures"],
    ["GET", `ops/failures/${id}`],
    ["POST", `ops/failures/${id}/redrive`],
    ["POST", `ops/failures/${id}/discard`],
    ["POST", "ops/failures/redrive", {}],
    ["GET", `ops/jobs/${newId()}`],
  ] as const;
  for (const [method, path, body] of routes) {
    const answer = await request(stack, method, path, { token, body });
    expect([path, answer.status, answer.body["code"]]).toEqual([path, 403, "role-missing"]);
  }
});
