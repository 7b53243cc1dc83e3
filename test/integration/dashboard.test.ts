/** What the dashboard shows and does, as plain HTTP on the control port. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { ChatClient } from "../../client/chat-client.js";
import { LifeLines, type HubEvent } from "../../local/dashboard/life-lines.js";
import { person, Watch } from "../support/chat.js";
import { startStack, type Stack } from "../support/stack.js";

let stack: Stack;
let ana: ChatClient;
const lines = new LifeLines();
const kinds: string[] = [];
const watch = new Watch();
const ending = new AbortController();

beforeAll(async () => {
  stack = await startStack();
  follow().catch((error: unknown) => {
    if (!ending.signal.aborted) throw error;
  });
  ana = await person(stack, "ana");
  await ana.connect();
});
afterAll(async () => {
  ana.close();
  ending.abort();
  await stack.stop();
});

/** Reads the stream as the page does. */
async function follow(): Promise<void> {
  const response = await fetch(`${stack.info.control}/events`, { signal: ending.signal });
  let text = "";
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const blocks = (text + chunk).split("\n\n");
    text = blocks.pop() ?? "";
    for (const data of blocks.flatMap((block) => /^data: (.*)$/m.exec(block)?.[1] ?? [])) {
      const event = JSON.parse(data) as HubEvent;
      kinds.push(event.kind);
      lines.take(event);
    }
    watch.changed();
  }
}

async function control(method: string, path: string, body?: unknown) {
  const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
  const response = await fetch(`${stack.info.control}${path}`, init);
  const text = await response.text();
  return { status: response.status, body: (text === "" ? {} : JSON.parse(text)) as Record<string, unknown> };
}

const line = (id: string) => lines.lines.find(({ key }) => key === id);

test("a message's life is one line, from its call to its end; a run that fails on demand is on it; no content is", async () => {
  const { id: conversation } = await ana.start(["bo"]);
  expect((await control("POST", "/functions/faults", { function: "deliverText", times: 1 })).body).toEqual({
    failing: { delivertext: 1 },
  });
  const { id } = await ana.send(conversation, "the secret words");
  await watch.until(() => line(id)?.state === "message.created");
  await stack.advance("PT24H2M");
  await watch.until(() => line(id)?.state === "message.expired");
  const steps = line(id)?.steps.map(({ text }) => text.replace(/ · \d+ ms$/, "")) ?? [];
  expect(steps.slice(0, 3)).toEqual(["sendMessage 202", "accepted", "delivered"]);
  expect(steps).toEqual(expect.arrayContaining(["deliverText failed: Error", "abandoned", "deliverText", "completed"]));
  expect(steps.at(-1)).toMatch(/^message\.expired → \d sockets?$/);
  expect(kinds).toContain("clock-moved");
  expect(JSON.stringify(lines.lines)).not.toContain("secret words");
});

test("what is due next is told: timers, and messages that are scheduled", async () => {
  const { id: conversation } = await ana.start(["bo"]);
  await ana.send(conversation, "soon gone");
  await stack.idle();
  const { due } = (await control("GET", "/due")).body as { due: { at: string; what: string; kind: string }[] };
  expect(due.map(({ what, kind }) => `${kind} ${what}`)).toEqual(
    expect.arrayContaining(["timer sweep", "message deadlines"]),
  );
  expect(due.map(({ at }) => at)).toEqual(due.map(({ at }) => at).sort());
});

test("the parts' doors are behind the control: queues, sockets, a timer that runs now", async () => {
  const queues = (await control("GET", "/service-bus/queues")).body as unknown as { name: string }[];
  expect(queues.map(({ name }) => name)).toContain("text-messages");
  const { connections } = (await control("GET", "/web-pubsub/connections")).body as {
    connections: { userId: string }[];
  };
  expect(connections.map(({ userId }) => userId)).toEqual(["ana"]);
  const before = kinds.filter((kind) => kind === "run-ended").length;
  expect((await control("POST", "/functions/run/sweep", {})).status).toBe(202);
  await watch.until(() => kinds.filter((kind) => kind === "run-ended").length > before);
  expect((await control("POST", "/functions/run/nothing", {})).status).toBe(404);
  expect((await control("POST", "/functions/faults", { function: "nothing" })).status).toBe(400);
});

test("the broker goes away for a while and comes back by itself; nothing is lost", async () => {
  const { id: conversation } = await ana.start(["bo"]);
  expect((await control("POST", "/parts/service-bus/away", { for: "PT1S" })).status).toBe(202);
  expect((await control("GET", "/service-bus/queues")).status).toBe(502);
  expect((await control("GET", "/due")).status).toBe(503);
  const id = ana.post(conversation, "through thick and thin");
  await watch.until(() => line(id)?.state === "message.created");
  expect((await control("POST", "/parts/service-bus/away", { for: "PT24H" })).status).toBe(400);
});
