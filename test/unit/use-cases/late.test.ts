/** Texts that are written when their minute's deadline is about to fire, or has just fired, end on time all the same. */
import { expect, test } from "@jest/globals";
import type { DeadlineEnvelope, TextEnvelope } from "../../../src/lib/contracts/queue.js";
import type { LogStep } from "../../../src/lib/ports.js";
import { createConversation } from "../../../src/lib/use-cases/create-conversation.js";
import { deliverText } from "../../../src/lib/use-cases/deliver-text.js";
import { meetDeadline } from "../../../src/lib/use-cases/meet-deadline.js";
import { reviveText } from "../../../src/lib/use-cases/revive-text.js";
import { sweep } from "../../../src/lib/use-cases/sweep.js";
import { dieEverywhere } from "../../support/fakes/die-everywhere.js";
import { World } from "../../support/fakes/world.js";

const CONVERSATION = "019a0000-0000-7000-8000-000000000001";
const MESSAGE = "019a0000-0000-7000-8000-000000000002";
const DAY_MS = 24 * 3_600_000;
const SENT = Date.UTC(2026, 10, 23, 12, 0, 30);
const ENDS = SENT + DAY_MS;
const FIRES = Date.UTC(2026, 10, 24, 12, 1);
const BUCKET: DeadlineEnvelope = { v: 1, kind: "expire", conversation: CONVERSATION, minute: "202611241200" };

const TEXT: TextEnvelope = {
  v: 1,
  id: MESSAGE,
  conversation: CONVERSATION,
  author: "ana",
  text: "hello",
  sentAt: new Date(SENT).toISOString(),
  endsAt: new Date(ENDS).toISOString(),
  attempt: 1,
};

async function worldAt(now: number): Promise<World> {
  const world = new World();
  await createConversation(world.ports, "ana", { id: CONVERSATION, members: ["bo"] });
  world.now = now;
  return world;
}

/** Lets everything happen that is due at `now`, but for what had fired before. */
async function meetDue(world: World, now: number, fired: readonly string[] = []): Promise<void> {
  world.now = now;
  for (const { envelope, at, key } of [...world.deadlines]) {
    if (at.getTime() <= now && !fired.includes(key)) await meetDeadline(world.ports, envelope, 1, undefined);
  }
}

const purged = (world: World): void => {
  expect(JSON.stringify([...(world.rows.get(CONVERSATION)?.documents.values() ?? [])])).not.toContain("hello");
  expect(world.rows.get(CONVERSATION)?.indexes.get(MESSAGE)?.state).toBe("expired");
  expect(world.dues.size).toBe(0);
};

test.each([120_000, 60_000, 1_000, 1])("written %d ms before its end: it has a deadline of its own", async (left) => {
  const world = await worldAt(ENDS - left);
  await deliverText(world.ports, TEXT, 1, undefined);
  // As if the broker had fired the bucket before the write, and dropped the new one as a duplicate.
  await meetDue(world, FIRES, [`expire:${CONVERSATION}:202611241200`]);
  purged(world);
});

test("whose minute's deadline fires right before the write, wherever the process dies then: it ends, and nobody hears otherwise", async () => {
  const build = async (): Promise<World> => {
    const world = await worldAt(ENDS - 1);
    const { conversations } = world.ports;
    const commit = conversations.commit.bind(conversations);
    let isFirst = true;
    Object.assign(conversations, {
      commit: async (step: LogStep) => {
        if (isFirst) {
          isFirst = false;
          world.now = FIRES;
          await meetDeadline(world.ports, BUCKET, 1, undefined);
        }
        return commit(step);
      },
    });
    return world;
  };
  await dieEverywhere(
    build,
    // Once its time is over it comes back as a dead letter.
    (world) => (world.now < FIRES ? deliverText : reviveText)(world.ports, TEXT, 1, undefined),
    async (world) => {
      await meetDue(world, FIRES);
      // A row whose text was never written is the sweeper's to remove.
      world.now = FIRES + 5 * 60_000;
      await sweep(world.ports, undefined);
      await meetDue(world, world.now);
      purged(world);
      const wasWritten = world.rows.get(CONVERSATION)?.documents.size === 1;
      const told = world.published.filter(({ name }) => name === "message.expired");
      expect(told.map(({ onlyTo }) => onlyTo).every((user) => (user === undefined) === wasWritten)).toBe(true);
      expect(told.length).toBeGreaterThan(0);
    },
  );
});

test("how late the latest was is told", async () => {
  const world = await worldAt(SENT);
  await deliverText(world.ports, TEXT, 1, undefined);
  world.now = FIRES + 5_000;
  expect(await meetDeadline(world.ports, BUCKET, 1, undefined)).toEqual({
    outcome: "met",
    kind: "expire",
    count: 1,
    lateByMs: 35_000,
  });
});
