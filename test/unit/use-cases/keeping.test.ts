/** Keeping a text: a process that dies anywhere, and agreement against expiry. */
import { describe, expect, test } from "@jest/globals";
import type { DeadlineEnvelope, TextEnvelope } from "../../../src/lib/contracts/queue.js";
import { isDayflyError } from "../../../src/lib/errors.js";
import { removeMember } from "../../../src/lib/use-cases/change-members.js";
import { createConversation } from "../../../src/lib/use-cases/create-conversation.js";
import { deliverText } from "../../../src/lib/use-cases/deliver-text.js";
import { giveConsent, withdrawConsent } from "../../../src/lib/use-cases/keep-message.js";
import { meetDeadline } from "../../../src/lib/use-cases/meet-deadline.js";
import { getMessage } from "../../../src/lib/use-cases/read-messages.js";
import { retainMessage } from "../../../src/lib/use-cases/retain-message.js";
import { dieEverywhere } from "../../support/fakes/die-everywhere.js";
import { World } from "../../support/fakes/world.js";
import { seededRandom } from "../../support/random.js";

const CONVERSATION = "019a0000-0000-7000-8000-000000000001";
const MESSAGE = "019a0000-0000-7000-8000-000000000002";
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const SENT = Date.UTC(2026, 10, 23, 12);
const EXPIRE: DeadlineEnvelope = { v: 1, kind: "expire", conversation: CONVERSATION, minute: "202611241200" };

async function worldWithText(...consenting: readonly string[]): Promise<World> {
  const world = new World();
  await createConversation(world.ports, "ana", { id: CONVERSATION, members: ["bo", "cy"] });
  const text: TextEnvelope = {
    v: 1,
    id: MESSAGE,
    conversation: CONVERSATION,
    author: "ana",
    text: "hello",
    sentAt: new Date(SENT).toISOString(),
    endsAt: new Date(SENT + DAY_MS).toISOString(),
    attempt: 1,
  };
  await deliverText(world.ports, text, 1, undefined);
  for (const user of consenting) await giveConsent(world.ports, user, CONVERSATION, MESSAGE, {}, undefined);
  return world;
}

const document = (world: World) => world.rows.get(CONVERSATION)?.documents.get(2);
const types = (world: World) => world.rows.get(CONVERSATION)?.entries.map(({ type }) => type) ?? [];
const minutes = (world: World) =>
  [...(world.rows.get(CONVERSATION)?.expiries.values() ?? [])].map(({ minute }) => minute);

const seenBy = (world: World, user: string): Promise<string | undefined> =>
  getMessage(world.ports, user, CONVERSATION, MESSAGE).then(
    ({ text }) => text,
    (error: unknown) => (isDayflyError(error) ? error.code : Promise.reject(error as Error)),
  );

/** Does all that waits in the queues, as often as it comes. */
async function drain(world: World): Promise<void> {
  for (let [move] = world.moves; move !== undefined; [move] = world.moves) {
    await retainMessage(world.ports, move, 1, undefined);
    await retainMessage(world.ports, move, 1, undefined);
    // Completed only now: who dies before gets it again.
    world.moves.shift();
  }
  for (const { envelope, at } of [...world.deadlines]) {
    if (at.getTime() <= world.now) await meetDeadline(world.ports, envelope, 1, undefined);
  }
}

describe("a process that dies anywhere", () => {
  test("while it takes the last consent: the text is kept and moved once", async () => {
    await dieEverywhere(
      () => worldWithText("ana", "bo"),
      async (world) => {
        await giveConsent(world.ports, "cy", CONVERSATION, MESSAGE, {}, undefined);
        await drain(world);
      },
      (world) => {
        expect(document(world)).toMatchObject({ text: "hello", retention: { state: "retained", movedSeq: 4 } });
        expect(types(world).filter((type) => type === "retention.retained")).toHaveLength(1);
        expect(minutes(world)).toEqual(["202612231200"]);
        expect(world.dues.has(`202612231200 ${CONVERSATION}`)).toBe(true);
        expect(world.deadlines.map(({ key }) => key)).toContain(`expire:${CONVERSATION}:202612231200`);
        expect(world.published.map(({ name }) => name)).toContain("retention.retained");
      },
    );
  });

  test("while it releases a text before its time, or after: it ends when it would have", async () => {
    for (const isLate of [false, true]) {
      await dieEverywhere(
        async () => {
          const world = await worldWithText("ana", "bo", "cy");
          await drain(world);
          if (isLate) world.now += 2 * DAY_MS;
          return world;
        },
        (world) =>
          withdrawConsent(world.ports, "bo", CONVERSATION, MESSAGE, undefined).catch((error: unknown) => {
            // The first answer was lost; what it did stands.
            if (!isDayflyError(error) || error.code !== "message-expired") throw error;
          }),
        (world) => {
          expect(types(world).filter((type) => type === "retention.released")).toHaveLength(1);
          expect(document(world)?.state).toBe(isLate ? "expired" : "delivered");
          expect(document(world)?.text).toBe(isLate ? undefined : "hello");
          expect(minutes(world)).toEqual(isLate ? [] : ["202611241200"]);
        },
      );
    }
  });

  test("while it removes the only member who had not consented: those who are left have agreed", async () => {
    await dieEverywhere(
      () => worldWithText("ana", "bo"),
      async (world) => {
        await removeMember(world.ports, "cy", CONVERSATION, "cy", undefined).catch((error: unknown) => {
          if (!isDayflyError(error)) throw error;
        });
        world.now += MINUTE_MS;
        await drain(world);
      },
      (world) => {
        expect(document(world)).toMatchObject({ retention: { state: "retained", required: ["ana", "bo"] } });
        expect(world.rows.get(CONVERSATION)?.requests.size).toBe(0);
      },
    );
  });
});

test("a move that got lost: the first deadline moves the text, and it dies at its new end", async () => {
  const world = await worldWithText("ana", "bo", "cy");
  world.moves.length = 0;
  world.now = SENT + DAY_MS + MINUTE_MS;
  await meetDeadline(world.ports, EXPIRE, 1, undefined);
  expect(document(world)).toMatchObject({ text: "hello", retention: { state: "retained", movedSeq: 4 } });
  expect(minutes(world)).toEqual(["202612231200"]);
  world.now = SENT + 30 * DAY_MS + MINUTE_MS;
  await drain(world);
  expect(document(world)).toMatchObject({ state: "expired" });
  expect(document(world)?.text).toBeUndefined();
  expect(world.dues.size).toBe(0);
});

test("a request that not all answer lapses with its text", async () => {
  const world = await worldWithText("ana", "bo");
  world.now = SENT + DAY_MS + MINUTE_MS;
  await meetDeadline(world.ports, EXPIRE, 1, undefined);
  expect(types(world).slice(-2)).toEqual(["retention.lapsed", "message.expired"]);
  expect(document(world)).toMatchObject({ state: "expired" });
  expect(world.rows.get(CONVERSATION)?.requests.size).toBe(0);
  await expect(giveConsent(world.ports, "cy", CONVERSATION, MESSAGE, {}, undefined)).rejects.toMatchObject({
    code: "retention-lapsed",
  });
});

test("agreement against expiry, 1,000 times around the millisecond: never both, never neither", async () => {
  const random = seededRandom();
  const outcomes = { kept: 0, expired: 0 };
  for (let round = 0; round < 1_000; round++) {
    const world = await worldWithText("ana", "bo");
    world.now = SENT + DAY_MS + random.pick([-3, -2, -1, 0, 1, 2, 3]);
    const agree = (): Promise<unknown> =>
      giveConsent(world.ports, "cy", CONVERSATION, MESSAGE, {}, undefined).catch((error: unknown) => {
        if (!isDayflyError(error) || error.code !== "retention-lapsed") throw error;
      });
    const expire = (): Promise<unknown> => meetDeadline(world.ports, EXPIRE, 1, undefined);
    // In any order, at once, and more than once.
    const acts = random.pick([
      [agree, expire, agree, expire],
      [expire, agree, expire, agree],
      [agree, agree, expire, expire],
      [expire, expire, agree, agree],
    ]);
    await Promise.all(
      acts.map(async (act) => {
        for (let turns = random.pick([0, 2, 4, 8, 16]); turns > 0; turns--) await Promise.resolve();
        await act();
      }),
    );
    await drain(world);
    world.now = SENT + DAY_MS + 2 * MINUTE_MS;
    await expire();
    await drain(world);
    world.check();
    const ended = types(world).filter((type) => type === "message.expired").length;
    const kept = types(world).filter((type) => type === "retention.retained").length;
    expect(ended + kept).toBe(1);
    expect(document(world)?.text).toBe(kept === 1 ? "hello" : undefined);
    expect(await Promise.all(["ana", "bo", "cy"].map((user) => seenBy(world, user)))).toEqual(
      Array(3).fill(kept === 1 ? "hello" : "message-expired"),
    );
    outcomes[kept === 1 ? "kept" : "expired"] += 1;
  }
  expect(outcomes.kept).toBeGreaterThan(0);
  expect(outcomes.expired).toBeGreaterThan(0);
});
