/** What became of a message, who did what, and one trace through all of it. */
import { ServiceBusClient } from "@azure/service-bus";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { DeliveryShape, LifeEventShape, ServerEvents } from "../../src/lib/contracts/shapes.js";
import type { Measured } from "../../src/lib/metrics.js";
import { newId, person, request, Watch } from "../support/chat.js";
import { PICTURE, PNG, put } from "../support/files.js";
import { operator, type Operator } from "../support/operator.js";
import { startStack, type Stack } from "../support/stack.js";

let stack: Stack;
let olga: Operator;

beforeAll(async () => {
  stack = await startStack();
  olga = await operator(stack);
});
afterAll(() => stack.stop());

const traceOf = (n: number): { id: string; header: string } => {
  const id = `4bf92f3577b34da6a3ce929d0e0e473${String(n)}`;
  return { id, header: `00-${id}-00f067aa0ba902b7-01` };
};
const names = (events: readonly LifeEventShape[]): readonly string[] =>
  events.map(({ event, user }) => (user === undefined ? event : `${event} ${user}`));

test("a message's life, for its author and for operators, and one trace from the request to the socket", async () => {
  const watch = new Watch();
  const heard: (ServerEvents["message.created"] | ServerEvents["message.expired"])[] = [];
  const [ana, bo] = [await person(stack, "ana"), await person(stack, "bo")];
  await bo.connect();
  for (const name of ["message.created", "message.expired"] as const)
    bo.socket?.on(name, (event: ServerEvents["message.created"]) => {
      heard.push(event);
      watch.changed();
    });
  const { id: conversation } = await ana.start(["bo"]);
  const token = await stack.token("ana", [], { expiresIn: 40 * 86_400 });
  const trace = traceOf(1);
  const id = newId();
  await request(stack, "POST", `v1/conversations/${conversation}/messages`, {
    ...{ token, body: { id, text: "marzipan" }, headers: { traceparent: trace.header } },
  });
  await watch.until(() => heard.length === 1);
  expect(heard[0]?.traceparent?.split("-")[1]).toBe(trace.id);
  await bo.api.receipts(conversation, { deliveredSeq: 2 });
  await stack.advance("PT1S");
  await bo.api.receipts(conversation, { readSeq: 2 });

  const delivery = async (): Promise<DeliveryShape> => ana.api.delivery(conversation, id);
  const alive = ["message.accepted", "message.queued", "message.created", "message.published"];
  const seen = [...alive, "message.acknowledged bo", "message.read bo"];
  expect(names((await delivery()).events)).toEqual(seen);
  expect((await delivery()).traceId).toBe(trace.id);

  await stack.advance("PT24H2M");
  await watch.until(() => heard.length === 2);
  await stack.idle();
  expect(names((await delivery()).events)).toEqual([...seen, "message.expired", "message.purged"]);
  const { status, body } = await olga.request("GET", `ops/messages/${id}?conversation=${conversation}`);
  expect([status, body["state"], body["traceId"]]).toEqual([200, "expired", trace.id]);
  expect(names(body["events"] as LifeEventShape[])).toEqual([...seen, "message.expired", "message.purged"]);
  expect(JSON.stringify(body)).not.toContain("marzipan");
  bo.close();
});

test("a failure keeps its trace through parking and redrive, up to the event", async () => {
  const ana = await person(stack, "ana");
  const trace = traceOf(2);
  const [conversation, id] = [newId(), newId()];
  const now = await stack.now();
  const bus = new ServiceBusClient(stack.info.serviceBus);
  await bus.createSender("text-messages").sendMessages({
    body: {
      ...{ v: 1, id, conversation, author: "ana", text: "marzipan", attempt: 1 },
      ...{ sentAt: new Date(now).toISOString(), endsAt: new Date(now + 3_600_000).toISOString() },
    },
    sessionId: conversation,
    applicationProperties: { traceparent: trace.header },
  });
  await stack.idle();
  const [failure] = await olga.failures();
  expect(failure?.traceId).toBe(trace.id);
  const lost = await olga.request("GET", `ops/messages/${id}?conversation=${conversation}`);
  expect(lost.body).toMatchObject({ events: [], failures: [{ id: failure?.id, reason: "conversation-unknown" }] });

  await ana.api.createConversation({ id: conversation, members: ["bo"] });
  const watch = new Watch();
  const heard: ServerEvents["message.created"][] = [];
  await ana.connect();
  ana.socket?.on("message.created", (event: ServerEvents["message.created"]) => {
    heard.push(event);
    watch.changed();
  });
  await olga.request("POST", `ops/failures/${failure?.id ?? ""}/redrive`);
  await watch.until(() => heard.length === 1);
  expect(heard[0]?.traceparent?.split("-")[1]).toBe(trace.id);
  const one = await olga.request("GET", `ops/failures/${failure?.id ?? ""}`);
  expect(names(one.body["events"] as LifeEventShape[])).toEqual([
    ...["message.accepted", "message.queued", "message.created", "message.published"],
  ]);
  ana.close();
  await bus.close();
});

test("who did what stands in the audit trail, without content, newest first, page by page", async () => {
  const ana = await person(stack, "ana");
  const { id: conversation } = await ana.start(["bo", "cy"]);
  const { id: message } = await ana.send(conversation, "marzipan");
  await stack.idle();
  await ana.api.consent(conversation, message);
  await ana.api.withdrawConsent(conversation, message);
  await ana.api.removeMember(conversation, "cy");
  await olga.request("GET", `ops/failures/${"0".repeat(32)}?content=true`);
  await olga.request("POST", `ops/failures/${"0".repeat(32)}/discard`);
  const { body } = await olga.request("GET", "ops/audit?limit=5");
  const items = body["items"] as { actor: string; action: string; outcome: string; target: Record<string, string> }[];
  expect(items.map(({ actor, action, outcome }) => `${actor} ${action} ${outcome}`)).toEqual([
    "olga failure.discard failure-unknown",
    "olga failure.discard tried",
    "ana member.remove done",
    "ana consent.withdraw done",
    "ana consent.give done",
  ]);
  expect(items.at(-1)?.target).toEqual({ conversation, message });
  const next = await olga.request("GET", `ops/audit?limit=5&cursor=${String(body["nextCursor"])}`);
  expect((next.body["items"] as { action: string }[])[0]?.action).toBe("failure.redrive");
  expect(JSON.stringify(body)).not.toContain("marzipan");
});

test("the status says what is available, what is parked and what was measured", async () => {
  const { body } = await olga.request("GET", "ops/status");
  expect(body).toMatchObject({ ready: true, failuresParked: 0 });
  const measured = body["metrics"] as { name: string; value?: number; count?: number }[];
  const of = (name: string) => measured.find((each) => each.name === name);
  expect(of("dayfly_texts_accepted_total")?.value).toBe(2);
  expect(of("dayfly_texts_delivered_total")?.value).toBe(3);
  expect(of("dayfly_expiry_lag_ms")?.count).toBe(1);
  expect(of("dayfly_publish_latency_ms")?.count).toBe(3);
  await stack.kill("web-pubsub");
  const down = await olga.request("GET", "ops/status");
  expect([down.status, down.body["ready"]]).toEqual([200, false]);
  expect((await request(stack, "GET", "health/ready")).status).toBe(503);
  expect((await request(stack, "GET", "health/live")).status).toBe(200);
  await stack.start("web-pubsub");
});

test("the trail has its own retention", async () => {
  await stack.advance("P366D");
  await olga.run("sweep");
  const fresh = await operator(stack);
  const { body } = await fresh.request("GET", "ops/audit");
  expect(body["items"]).toEqual([]);
});

test("a reader's view, how it ended, and how late the file was gone are measured", async () => {
  const [ana, bo] = [await person(stack, "ana"), await person(stack, "bo")];
  const { id: conversation } = await ana.start(["bo"]);
  const file = await ana.api.createFile(conversation, PICTURE);
  expect(await put(file, PNG)).toBe(201);
  await ana.api.completeFile(conversation, file.id);
  await stack.idle();
  // The clock has been moved by more than the other's token lives.
  const otto = await operator(stack);
  const measured = async (): Promise<readonly Measured[]> =>
    (await otto.request("GET", "ops/status")).body["metrics"] as Measured[];
  const view = await bo.openFile(conversation, file.id);
  expect(await measured()).toContainEqual({ name: "dayfly_views_opened_total", value: 1 });
  expect((await measured()).map(({ name }) => name)).not.toContain("dayfly_views_ended_total");
  await view.close();
  await stack.idle();
  expect(await measured()).toEqual(
    expect.arrayContaining([
      { name: "dayfly_views_opened_total", value: 1 },
      { name: "dayfly_views_ended_total", label: "closed", value: 1 },
      expect.objectContaining({ name: "dayfly_deletion_lag_ms", count: 1 }),
    ]),
  );
});
