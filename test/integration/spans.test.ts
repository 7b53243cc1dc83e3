/** One trace as a tree of spans: what a request caused, through queues, functions, timers and operators, up to the sockets. */
import { ServiceBusClient } from "@azure/service-bus";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { newId, person, request, Watch } from "../support/chat.js";
import { operator, type Operator } from "../support/operator.js";
import { startStack, type Span, type Stack } from "../support/stack.js";

let stack: Stack;
let olga: Operator;

beforeAll(async () => {
  stack = await startStack();
  olga = await operator(stack);
}, 120_000);
afterAll(() => stack.stop());

const CALLER = "00f067aa0ba902b7";
const traceOf = (n: number): { id: string; header: string } => {
  const id = `5bf92f3577b34da6a3ce929d0e0e473${String(n)}`;
  return { id, header: `00-${id}-${CALLER}-01` };
};

/** The names above a span, from its parent up to the first; `?` where a span is missing. */
function causesOf(spans: readonly Span[], span: Span | undefined): readonly string[] {
  const causes: string[] = [];
  for (let above = span?.parentSpanId; above !== undefined && above !== CALLER;) {
    const cause = spans.find(({ spanId }) => spanId === above);
    causes.push(cause?.name ?? "?");
    above = cause?.parentSpanId;
  }
  return causes;
}

const POST = "POST v1/conversations/{conversation}/messages";
const ACCEPTED = [POST, "invoke sendMessage"];
const DELIVERED = ["process text-messages", "invoke deliverText", "send text-messages", ...ACCEPTED];

test("a text's trace is one tree: request, queue, delivery, deadline, publish, sockets", async () => {
  const watch = new Watch();
  const heard: { readonly type: string; readonly traceparent?: string }[] = [];
  const [ana, bo] = [await person(stack, "ana"), await person(stack, "bo")];
  await bo.connect();
  for (const type of ["message.created", "message.expired"] as const)
    bo.socket?.on(type, (event: { readonly traceparent?: string }) => {
      heard.push({ type, ...event });
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
  await stack.advance("PT24H2M");
  await watch.until(() => heard.length === 2);

  const spans = await stack.spans(trace.id, CALLER, [
    ...["invoke sendMessage", "wait text-messages", "invoke deliverText", "publish message.created"],
    ...["wait deadlines", "invoke meetDeadline", "publish message.expired", "write to sockets"],
  ]);
  const named = (name: string): Span | undefined => spans.find((span) => span.name === name);
  const causes = (name: string): readonly string[] => causesOf(spans, named(name));
  expect(causes("send text-messages")).toEqual(ACCEPTED);
  expect(causes("wait text-messages")).toEqual(["send text-messages", ...ACCEPTED]);
  expect(causes("publish message.created")).toEqual(DELIVERED);
  expect(causes("send deadlines")).toEqual(DELIVERED);
  const met = ["process deadlines", "invoke meetDeadline", "send deadlines", ...DELIVERED];
  expect(causes("publish message.expired")).toEqual(met);
  expect(causes("write to sockets")).toEqual(["publish message.created", ...DELIVERED]);
  // What a socket hears names the very span that told it.
  expect(heard.map(({ traceparent }) => traceparent?.split("-")[2])).toEqual(
    ["publish message.created", "publish message.expired"].map((name) => named(name)?.spanId),
  );
  // In order, and everything belongs to it.
  expect(spans[0]?.name).toBe("invoke sendMessage");
  expect(spans.flatMap((span) => causesOf(spans, span))).not.toContain("?");
  expect(named(POST)).toMatchObject({
    kind: "server",
    service: "dayfly",
    attributes: {
      "faas.name": "sendMessage",
      "http.request.method": "POST",
      "http.response.status_code": 202,
      "dayfly.conversation.id": conversation,
    },
  });
  expect(named("process text-messages")).toMatchObject({
    kind: "consumer",
    attributes: {
      "messaging.system": "servicebus",
      "messaging.destination.name": "text-messages",
      "dayfly.message.id": id,
    },
  });
  expect(named("publish message.created")?.kind).toBe("producer");
  expect(JSON.stringify(spans)).not.toContain("marzipan");
  bo.close();
});

test("a text that all keep moves within the trace of the last consent", async () => {
  const watch = new Watch();
  const heard: unknown[] = [];
  const [ana, bo] = [await person(stack, "ana"), await person(stack, "bo")];
  await bo.connect();
  bo.socket?.on("retention.retained", (event: unknown) => {
    heard.push(event);
    watch.changed();
  });
  const { id: conversation } = await ana.start(["bo"]);
  const { id } = await ana.send(conversation, "marzipan");
  await stack.idle();
  await ana.api.consent(conversation, id);
  const token = await stack.token("bo", [], { expiresIn: 40 * 86_400 });
  const trace = traceOf(2);
  const consent = `v1/conversations/${conversation}/messages/${id}/consent`;
  await request(stack, "PUT", consent, { token, headers: { traceparent: trace.header } });
  await watch.until(() => heard.length === 1);
  const spans = await stack.spans(trace.id, CALLER, [
    ...["invoke putConsent", "invoke retainMessage", "send retained-messages", "publish retention.retained"],
  ]);
  expect(
    causesOf(
      spans,
      spans.find(({ name }) => name === "publish retention.retained"),
    ),
  ).toEqual([
    ...["process retained-messages", "invoke retainMessage", "send retained-messages"],
    ...["PUT v1/conversations/{conversation}/messages/{message}/consent", "invoke putConsent"],
  ]);
  bo.close();
});

test("a failure stays in its trace: parked, redriven, delivered", async () => {
  const ana = await person(stack, "ana");
  const trace = traceOf(3);
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
  await ana.api.createConversation({ id: conversation, members: ["bo"] });
  await olga.request("POST", `ops/failures/${failure?.id ?? ""}/redrive`);
  await stack.idle();
  const spans = await stack.spans(trace.id, CALLER, [
    "publish message.created",
    "process failed-messages",
    ...["invoke deliverText", "invoke deliverText"],
  ]);
  expect(
    causesOf(
      spans,
      spans.find(({ name }) => name === "publish message.created"),
    ),
  ).toEqual([
    ...["process text-messages", "invoke deliverText", "send text-messages"],
    ...["process failed-messages", "send failed-messages", "process text-messages", "invoke deliverText"],
  ]);
  await bus.close();
});

test("what is refused says so by its code, and the latest traces are listed", async () => {
  const trace = traceOf(4);
  await request(stack, "GET", `v1/conversations/${newId()}`, { headers: { traceparent: trace.header } });
  const spans = await stack.spans(trace.id, CALLER, ["GET v1/conversations/{conversation}"]);
  expect(spans.find(({ kind }) => kind === "server")).toMatchObject({
    failed: false,
    attributes: { "http.response.status_code": 401, "error.type": "token-missing" },
  });
  const response = await fetch(`${stack.info.control}/traces?limit=1000`);
  const { traces } = (await response.json()) as { traces: { traceId: string }[] };
  expect(traces.map(({ traceId }) => traceId)).toEqual(expect.arrayContaining([1, 2, 3, 4].map((n) => traceOf(n).id)));
  expect((await fetch(`${stack.info.control}/traces/${"0".repeat(32)}`)).status).toBe(404);
  expect((await fetch(`${stack.info.control}/v1/traces`, { method: "POST", body: '{"resourceSpans":1}' })).status).toBe(
    400,
  );
});
