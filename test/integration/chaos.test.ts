/**
 * Everything fails, again and again, while people chat; in the end what was promised is held against what there is. A minute, or
 * as long as CHAOS_SECONDS says (`npm run chaos`: ten minutes). SEED repeats the choices, not the moments.
 */
import { TableClient } from "@azure/data-tables";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { CATALOGUE } from "../../src/lib/errors.js";
import { chat, havoc, Promises } from "../support/chaos.js";
import { person, request, Watch, wholeList } from "../support/chat.js";
import { blobsIn, get } from "../support/files.js";
import { operator, type Operator } from "../support/operator.js";
import { seededRandom } from "../support/random.js";
import { startStack, type Stack } from "../support/stack.js";

const SECONDS = Number(process.env["CHAOS_SECONDS"] ?? 60);
const CONVERSATIONS = 4;
/** So many steps of the people to one of the monkey. */
const STEPS_BETWEEN = 60;

let stack: Stack;
let olga: Operator;

beforeAll(async () => {
  // As many files as they like: what a day allows has a test of its own.
  stack = await startStack({ env: { FILES_PER_DAY: "1000000" } });
  olga = await operator(stack);
});
afterAll(() => stack.stop());

interface QueueCounts {
  readonly name: string;
  readonly active: number;
  readonly deadLetter: number;
  readonly deferred: number;
}

/** Until nothing is under way any more; a backlog may take longer than one wait. */
async function settled(): Promise<void> {
  for (let tries = 4; ; tries--) {
    try {
      await stack.idle();
      return;
    } catch (error) {
      if (tries === 0) throw error;
    }
  }
}

async function queueCounts(): Promise<readonly QueueCounts[]> {
  const answer = await fetch(`${await stack.management()}/queues`);
  const body = (await answer.json()) as readonly QueueCounts[] | { readonly queues: readonly QueueCounts[] };
  return "queues" in body ? body.queues : body;
}

/** The ids of the messages whose text storage still has. */
async function storedTexts(): Promise<ReadonlySet<string>> {
  const table = TableClient.fromConnectionString(stack.info.storage, "conversations", {
    allowInsecureConnection: true,
  });
  const ids = new Set<string>();
  for await (const row of table.listEntities<{ text?: string; messageId?: string }>())
    if (row.text !== undefined) ids.add(row.messageId ?? row.rowKey ?? "");
  return ids;
}

test(
  `${String(SECONDS)} seconds of kills, faults and jumps: every promise is kept`,
  async () => {
    const random = seededRandom();
    const second = await stack.startSecondHost();
    const promises = new Promises();
    const watch = new Watch();
    const end = performance.now() + SECONDS * 1_000;
    const isOver = (): boolean => performance.now() >= end;
    let steps = 0;
    const happened: string[] = [];
    const monkey = async (): Promise<void> => {
      for (let n = 1; !isOver(); n++) {
        await watch.until(() => steps >= n * STEPS_BETWEEN || isOver());
        happened.push(await havoc(stack, random, ["functions", second.name]));
      }
    };
    const step = (): Promise<void> => {
      steps += 1;
      watch.changed();
      return Promise.resolve();
    };
    const people = Array.from({ length: CONVERSATIONS }, () => chat({ stack, random, promises, isOver }, step));
    const [conversations] = await Promise.all([Promise.all(people), monkey()]);
    console.info(JSON.stringify({ ...Object.fromEntries(promises.done), havoc: happened.length }));
    expect(promises.texts.size).toBeGreaterThan(20);
    expect(promises.closed.length).toBeGreaterThan(0);
    expect(happened.length).toBeGreaterThan(2);

    await fetch(`${await stack.management()}/faults`, { method: "DELETE" });
    await settled();
    await stack.advance("PT2M");
    await settled();
    await expectDelivered(promises, conversations);
    await expectGone(promises, conversations);
  },
  SECONDS * 2_000 + 420_000,
);

/** Each accepted text is in the log once, or its author can see that it failed, and operators why. */
async function expectDelivered(promises: Promises, conversations: readonly string[]): Promise<void> {
  const ana = await person(stack, "ana");
  const failures = await olga.failures("limit=100");
  for (const { reason } of failures) expect(Object.keys(CATALOGUE)).toContain(reason);
  const seen = new Map<string, number>();
  for (const conversation of conversations) {
    for (const { id } of await wholeList(ana, conversation)) seen.set(id, (seen.get(id) ?? 0) + 1);
    let after = 0;
    for (let hasMore = true; hasMore;) {
      const page = await ana.api.changes(conversation, after);
      expect(page.items.map(({ seq }) => seq)).toEqual(page.items.map((_, n) => after + 1 + n));
      after += page.items.length;
      hasMore = page.hasMore;
    }
  }
  const lost: string[] = [];
  for (const [id, { conversation }] of promises.texts) {
    if (seen.get(id) === 1) continue;
    const { state } = await ana.api.delivery(conversation, id);
    if (state !== "failed" || !failures.some(({ messageId }) => messageId === id)) lost.push(`${id} ${state}`);
  }
  expect(lost).toEqual([]);
  ana.close();
}

/** A day later only what all have agreed to keep is shown and stored; no closed file can be read, no queue holds anything. */
async function expectGone(promises: Promises, conversations: readonly string[]): Promise<void> {
  const ana = await person(stack, "ana");
  for (const url of promises.closed) expect(await get(url)).toBeGreaterThanOrEqual(400);
  await stack.advance("PT24H");
  for (const conversation of conversations) {
    for (const { id } of await wholeList(ana, conversation)) {
      if (promises.kept.has(id)) continue;
      // Agreed all the same: the answer to the last consent got lost, the consent did not.
      expect((await ana.api.message(conversation, id)).retention.state).toBe("retained");
      promises.kept.add(id);
    }
  }
  await stack.advance("PT3M");
  await settled();
  for (const timer of ["sweep", "sweepFiles", "parkFailures"]) await olga.run(timer);
  await settled();
  for (const id of await storedTexts()) expect(promises.kept).toContain(id);
  for (const id of promises.kept) {
    const { conversation = "" } = promises.texts.get(id) ?? {};
    const token = await stack.token("ana");
    expect((await request(stack, "GET", `v1/conversations/${conversation}/messages/${id}`, { token })).status).toBe(
      200,
    );
  }
  expect((await blobsIn(stack, "files")).size).toBe(0);
  const held = (await olga.failures("limit=100&state=parked")).length;
  for (const { name, active, deadLetter, deferred } of await queueCounts())
    expect({ name, active, deadLetter, deferred }).toEqual({
      ...{ name, active: 0, deadLetter: 0, deferred: name === "failed-messages" ? held : 0 },
    });
  ana.close();
}
