/** What is left of messages after their end is forgotten 30 days later: a process that dies anywhere, and readers meanwhile. */
import { expect, test } from "@jest/globals";
import type { TextEnvelope } from "../../../src/lib/contracts/queue.js";
import { minuteOf } from "../../../src/lib/domain/deadline.js";
import { DayflyError } from "../../../src/lib/errors.js";
import { cleanUp } from "../../../src/lib/use-cases/clean-up.js";
import { createConversation } from "../../../src/lib/use-cases/create-conversation.js";
import { deliverText } from "../../../src/lib/use-cases/deliver-text.js";
import { giveConsent } from "../../../src/lib/use-cases/keep-message.js";
import { meetDeadline } from "../../../src/lib/use-cases/meet-deadline.js";
import { readChanges, sync } from "../../../src/lib/use-cases/read-changes.js";
import { retainMessage } from "../../../src/lib/use-cases/retain-message.js";
import { reviveText } from "../../../src/lib/use-cases/revive-text.js";
import { cancelScheduled, scheduleText } from "../../../src/lib/use-cases/schedule-text.js";
import { dieEverywhere } from "../../support/fakes/die-everywhere.js";
import { World } from "../../support/fakes/world.js";

const CONVERSATION = "019a0000-0000-7000-8000-000000000001";
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const SENT = Date.UTC(2026, 10, 23, 12);

const idOf = (n: number): string => `019a0000-0000-7000-8000-0000000001${String(n).padStart(2, "0")}`;

const textOf = (n: number, sentAt: number): TextEnvelope => ({
  v: 1,
  id: idOf(n),
  conversation: CONVERSATION,
  author: "ana",
  text: "hello",
  sentAt: new Date(sentAt).toISOString(),
  endsAt: new Date(sentAt + DAY_MS).toISOString(),
  attempt: 1,
});

/** `count` texts that have ended after their day; those named in `kept` live on for 30 days. */
async function worldAfterADay(count: number, kept: readonly number[] = []): Promise<World> {
  const world = new World();
  await createConversation(world.ports, "ana", { id: CONVERSATION, members: ["bo"] });
  for (let n = 0; n < count; n++) await deliverText(world.ports, textOf(n, SENT), 1, undefined);
  for (const n of kept) {
    for (const user of ["ana", "bo"]) await giveConsent(world.ports, user, CONVERSATION, idOf(n), {}, undefined);
  }
  for (const move of world.moves) await retainMessage(world.ports, move, 1, undefined);
  await expire(world, SENT + DAY_MS);
  return world;
}

async function expire(world: World, endedAt: number): Promise<void> {
  world.now = endedAt + 60_000;
  const minute = minuteOf(new Date(endedAt));
  await meetDeadline(world.ports, { v: 1, kind: "expire", conversation: CONVERSATION, minute }, 1, undefined);
}

const row = (world: World) => world.rows.get(CONVERSATION);
const left = (world: World) => ({
  documents: row(world)?.documents.size,
  indexes: row(world)?.indexes.size,
  entries: row(world)?.entries.length,
  strays: row(world)?.strays.size,
  rows: world.forgetting.size,
});

test("dying anywhere while it cleans up: all is gone, once, and a log of more than a page as well", async () => {
  const deaths = await dieEverywhere(
    async () => {
      const world = await worldAfterADay(60);
      world.now += 30 * DAY_MS + 2 * HOUR_MS;
      return world;
    },
    (world) => cleanUp(world.ports),
    (world) => expect(left(world)).toEqual({ documents: 0, indexes: 0, entries: 0, strays: 0, rows: 0 }),
  );
  expect(deaths).toBeGreaterThanOrEqual(10);
});

test("dying anywhere while a text expires, canceled or never delivered included: the clean-up still finds it", async () => {
  const acts: readonly ((world: World) => Promise<unknown>)[] = [
    (world) => expire(world, SENT + DAY_MS),
    (world) => reviveText(world.ports, textOf(1, SENT - DAY_MS), 1, undefined),
    (world) => deliverText(world.ports, { ...textOf(1, SENT), text: 1 }, 1, undefined),
    (world) => cancelScheduled(world.ports, "ana", CONVERSATION, idOf(2)),
  ];
  for (const act of acts) {
    await dieEverywhere(
      async () => {
        const world = new World();
        await createConversation(world.ports, "ana", { id: CONVERSATION, members: ["bo"] });
        await deliverText(world.ports, textOf(0, SENT), 1, undefined);
        const sendAt = new Date(SENT + 12 * HOUR_MS);
        await scheduleText(world.ports, "ana", CONVERSATION, { id: idOf(2), text: "later", sendAt }, undefined);
        return world;
      },
      act,
      async (world) => {
        await expire(world, SENT + DAY_MS);
        for (const { messageId } of [...(row(world)?.scheduled.values() ?? [])]) {
          await cancelScheduled(world.ports, "ana", CONVERSATION, messageId);
        }
        world.now += 30 * DAY_MS + 2 * HOUR_MS;
        await cleanUp(world.ports);
        expect(left(world)).toEqual({ documents: 0, indexes: 0, entries: 0, strays: 0, rows: 0 });
      },
    );
  }
});

test("nothing goes before its 30 days; after them older changes are refused and newer ones are whole", async () => {
  const world = await worldAfterADay(3);
  world.now = SENT + DAY_MS + 30 * DAY_MS - 1;
  expect(await cleanUp(world.ports)).toMatchObject({ job: "clean-up", lookedAt: 0, purged: 0 });
  expect((await readChanges(world.ports, "bo", CONVERSATION, {})).items).toHaveLength(7);
  await deliverText(world.ports, textOf(9, world.now), 1, undefined);
  world.now += 2 * HOUR_MS;
  expect(await cleanUp(world.ports)).toMatchObject({ lookedAt: 1, purged: 3 });
  for (const after of [undefined, 0, 6]) {
    await expect(readChanges(world.ports, "bo", CONVERSATION, { after })).rejects.toMatchObject({
      code: "cursor-expired",
    });
  }
  const { items } = await readChanges(world.ports, "bo", CONVERSATION, { after: 7 });
  expect(items.map(({ seq, message }) => [seq, message?.text])).toEqual([[8, "hello"]]);
  await expect(sync(world.ports, "bo", { heads: { [CONVERSATION]: 3 } })).rejects.toMatchObject({
    code: "cursor-expired",
    errors: [{ pointer: `/heads/${CONVERSATION}` }],
  });
  expect((await sync(world.ports, "bo", { heads: { [CONVERSATION]: 7 } })).items).toHaveLength(1);
});

test("a text that is kept lives on while the log around it is forgotten, and is forgotten after its own end", async () => {
  const world = await worldAfterADay(3, [1]);
  const until = row(world)?.documents.get(3)?.expiresAt.getTime() ?? 0;
  await expire(world, until);
  world.now = SENT + 31 * DAY_MS + 2 * HOUR_MS;
  await cleanUp(world.ports);
  expect(left(world)).toMatchObject({ documents: 1, indexes: 1, rows: 1 });
  world.now = until + 30 * DAY_MS + 2 * HOUR_MS;
  await cleanUp(world.ports);
  expect(left(world)).toEqual({ documents: 0, indexes: 0, entries: 0, strays: 0, rows: 0 });
});

test("what ended in several hours, or without ever being delivered, is counted whole", async () => {
  const world = await worldAfterADay(2);
  world.now += 3 * HOUR_MS;
  await deliverText(world.ports, { ...textOf(5, world.now), text: 1 }, 1, undefined);
  world.now += 31 * DAY_MS;
  expect(await cleanUp(world.ports)).toMatchObject({ lookedAt: 2, purged: 3 });
  expect(left(world)).toEqual({ documents: 0, indexes: 0, entries: 0, strays: 0, rows: 0 });
});

test("one conversation in trouble does not hold up the others, and is looked at again", async () => {
  const world = await worldAfterADay(1);
  world.now += 30 * DAY_MS + 2 * HOUR_MS;
  const other = "019a0000-0000-7000-8000-000000000002";
  world.forgetting.add(`202612241300 ${other}`);
  let failures = 1;
  world.trouble.set("forget", () => (failures-- > 0 ? new DayflyError("dependency-unavailable") : undefined));
  await expect(cleanUp(world.ports)).rejects.toMatchObject({ code: "dependency-unavailable" });
  expect([...world.forgetting]).toEqual([`202612241300 ${CONVERSATION}`]);
  expect(await cleanUp(world.ports)).toMatchObject({ purged: 1 });
});
