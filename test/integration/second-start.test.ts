/** Ctrl-C, and `npm start` again: what was said is there, what was on its way arrives, what was due happens. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { newId, request } from "../support/chat.js";
import { startStack, type Stack } from "../support/stack.js";

let data: string;
let stack: Stack | undefined;

beforeAll(async () => {
  data = await mkdtemp(path.join(tmpdir(), "dayfly-"));
});
afterAll(async () => {
  await stack?.stop();
  await rm(data, { recursive: true, force: true });
});

test("a second start finds all of the first one's data", async () => {
  const first = (stack = await startStack({ data }));
  const token = await first.token("ana");
  const created = await request(first, "POST", "v1/conversations", { token, body: { members: ["bo"] } });
  const messages = `v1/conversations/${String(created.body["id"])}/messages`;
  const post = async (body: object): Promise<number> =>
    (await request(first, "POST", messages, { token, body: { id: newId(), ...body } })).status;
  expect(await post({ text: "delivered" })).toBe(202);
  const inAnHour = new Date((await first.now()) + 3_600_000).toISOString();
  expect(await post({ text: "scheduled", sendAt: inAnHour })).toBe(202);
  await first.idle();
  // Accepted by a host that delivers nothing, and so still in the queue at the end.
  const host = await first.startSecondHost(["deliverText"]);
  await first.kill("functions", "SIGTERM");
  const waiting = await fetch(`${host.address}/api/${messages}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ text: "waiting" }),
  });
  expect(waiting.status).toBe(202);
  await first.advance("PT10M");
  const before = await first.now();
  await first.stop();

  // At the usual ports, the issuer has its old address, and what it gave out is still good.
  const port = new URL(first.info.issuer).port;
  const second = (stack = await startStack({ data, env: { DAYFLY_PORT_ISSUER: port } }));
  expect(await second.now()).toBeGreaterThanOrEqual(before);
  await second.idle();
  const texts = async (): Promise<unknown[]> =>
    ((await request(second, "GET", messages, { token })).body["items"] as { text?: string }[]).map(({ text }) => text);
  expect(await texts()).toEqual(["waiting", "delivered"]);
  await second.advance("PT51M");
  await second.idle();
  const renewed = await second.token("ana");
  const { body } = await request(second, "GET", messages, { token: renewed });
  expect((body["items"] as { text?: string }[]).map(({ text }) => text)).toEqual(["scheduled", "waiting", "delivered"]);
}, 120_000);
