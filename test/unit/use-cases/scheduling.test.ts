/** Texts that are sent later: a process that dies anywhere, and a cancel against the delivery. */
import { describe, expect, test } from "@jest/globals";
import { isDayflyError } from "../../../src/lib/errors.js";
import { createConversation } from "../../../src/lib/use-cases/create-conversation.js";
import { deliverText } from "../../../src/lib/use-cases/deliver-text.js";
import { reviveText } from "../../../src/lib/use-cases/revive-text.js";
import {
  cancelScheduled,
  changeScheduled,
  rescueScheduled,
  scheduleText,
  sendScheduledNow,
} from "../../../src/lib/use-cases/schedule-text.js";
import { sendText } from "../../../src/lib/use-cases/send-text.js";
import { dieEverywhere } from "../../support/fakes/die-everywhere.js";
import { Death, World } from "../../support/fakes/world.js";
import { seededRandom } from "../../support/random.js";

const CONVERSATION = "019a0000-0000-7000-8000-000000000001";
const MESSAGE = "019a0000-0000-7000-8000-000000000002";
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const SEND_AT = Date.UTC(2026, 10, 23, 14);

async function emptyWorld(): Promise<World> {
  const world = new World();
  await createConversation(world.ports, "ana", { id: CONVERSATION, members: ["bo"] });
  return world;
}

const schedule = (world: World, text = "later"): Promise<unknown> =>
  scheduleText(world.ports, "ana", CONVERSATION, { id: MESSAGE, text, sendAt: new Date(SEND_AT) }, undefined);

async function worldWithScheduled(): Promise<World> {
  const world = await emptyWorld();
  await schedule(world);
  return world;
}

const row = (world: World) => world.rows.get(CONVERSATION);
const slots = (world: World): number => world.slots.get("ana")?.size ?? 0;
const texts = (world: World) => [...(row(world)?.documents.values() ?? [])].map(({ text }) => text);

/** Delivers whatever the broker holds and has, twice each. */
async function deliverAll(world: World): Promise<void> {
  world.now = Math.max(world.now, SEND_AT);
  for (const envelope of [...world.texts, ...world.held.values()]) {
    await deliverText(world.ports, envelope, 1, undefined);
    await deliverText(world.ports, envelope, 1, undefined);
  }
}

const sentMeanwhile = (error: unknown): void => {
  if (!isDayflyError(error) || error.code !== "message-already-sent") throw error;
};

test("a text lives as long as the deployment says, whether it is sent now or later", async () => {
  const world = await emptyWorld();
  Object.assign(world.ports.policy, { textLifetimeMs: HOUR_MS });
  expect(await sendText(world.ports, "ana", CONVERSATION, { text: "now" }, undefined)).toMatchObject({
    expiresAt: new Date(world.now + HOUR_MS).toISOString(),
    expiresInMs: HOUR_MS,
  });
  expect(await schedule(world)).toMatchObject({ expiresAt: new Date(SEND_AT + HOUR_MS).toISOString() });
  const ends = [...world.texts, ...world.held.values()].map(({ endsAt }) => Date.parse(endsAt));
  expect(ends).toEqual([world.now + HOUR_MS, SEND_AT + HOUR_MS]);
});

test("dying while it is scheduled: scheduled once, delivered once", async () => {
  await dieEverywhere(emptyWorld, schedule, async (world) => {
    expect([row(world)?.scheduled.size, slots(world)]).toEqual([1, 1]);
    await deliverAll(world);
    expect(texts(world)).toEqual(["later"]);
    expect([row(world)?.scheduled.size, slots(world)]).toEqual([0, 0]);
  });
});

test("dying before the broker has it, and nobody tries again: the sweeper sends it", async () => {
  const world = await emptyWorld();
  world.trouble.set("scheduleText", () => new Death());
  await expect(schedule(world)).rejects.toThrow(Death);
  expect([...world.dues]).toEqual([`202611231400 ${CONVERSATION}`]);
  world.now = SEND_AT + 60_000;
  expect(await rescueScheduled(world.ports, CONVERSATION, undefined)).toBe(1);
  await deliverAll(world);
  expect(texts(world)).toEqual(["later"]);
});

test("dying while it is changed, sent now or canceled: what was said last counts, once", async () => {
  const acts: readonly [act: (world: World) => Promise<unknown>, expected: readonly string[]][] = [
    [
      (world) => changeScheduled(world.ports, "ana", CONVERSATION, MESSAGE, { text: "changed" }, undefined),
      ["changed"],
    ],
    [(world) => sendScheduledNow(world.ports, "ana", CONVERSATION, MESSAGE, undefined), ["later"]],
    [(world) => cancelScheduled(world.ports, "ana", CONVERSATION, MESSAGE), []],
  ];
  for (const [act, expected] of acts) {
    await dieEverywhere(
      worldWithScheduled,
      (world) =>
        act(world).catch((error: unknown) => (error instanceof Death ? Promise.reject(error) : sentMeanwhile(error))),
      async (world) => {
        await deliverAll(world);
        expect(texts(world)).toEqual(expected);
        expect([row(world)?.scheduled.size, slots(world)]).toEqual([0, 0]);
      },
    );
  }
});

test("over before anybody could deliver it: expired, and nothing of the text is left", async () => {
  for (const late of [deliverText, reviveText]) {
    const world = await worldWithScheduled();
    world.now = SEND_AT + DAY_MS;
    const [envelope] = [...world.held.values()];
    await late(world.ports, envelope, 1, undefined);
    expect([row(world)?.scheduled.size, slots(world)]).toEqual([0, 0]);
    expect(row(world)?.indexes.get(MESSAGE)).toMatchObject({ state: "expired" });
    expect(texts(world)).toEqual([]);
  }
});

test("whose id went to another text of the author meanwhile: that one stays, this one waits no longer", async () => {
  const world = await worldWithScheduled();
  await sendText(world.ports, "ana", CONVERSATION, { id: MESSAGE, text: "sooner" }, undefined);
  await deliverAll(world);
  expect(texts(world)).toEqual(["sooner"]);
  expect(row(world)?.scheduled.size).toBe(0);
});

test("cancel against delivery, 500 times at once: it comes or it is canceled, never both", async () => {
  const random = seededRandom();
  const outcomes = new Set<string>();
  for (let round = 0; round < 500; round++) {
    const world = await worldWithScheduled();
    world.now = SEND_AT;
    const [envelope] = [...world.held.values()];
    const pause = async (): Promise<void> => {
      for (let turns = random.pick([0, 2, 4, 8]); turns > 0; turns--) await Promise.resolve();
    };
    const cancel = async (): Promise<string> => {
      await pause();
      return cancelScheduled(world.ports, "ana", CONVERSATION, MESSAGE).then(
        () => "canceled",
        (error: unknown) => {
          sentMeanwhile(error);
          return "sent";
        },
      );
    };
    const deliver = async (): Promise<void> => {
      await pause();
      await deliverText(world.ports, envelope, 1, undefined);
    };
    const [outcome] = await Promise.all([cancel(), deliver(), deliver()]);
    world.check();
    expect(texts(world)).toEqual(outcome === "sent" ? ["later"] : []);
    outcomes.add(outcome);
  }
  expect([...outcomes].sort()).toEqual(["canceled", "sent"]);
});

describe("50 texts of one user may wait, wherever they are said", () => {
  const other = "019a0000-0000-7000-8000-000000000009";
  const idOf = (n: number): string => `019a0000-0000-7000-8000-0000000001${String(n).padStart(2, "0")}`;
  const add = (world: World, n: number): Promise<unknown> => {
    const input = { id: idOf(n), text: "later", sendAt: new Date(SEND_AT) };
    return scheduleText(world.ports, "ana", n % 2 === 0 ? CONVERSATION : other, input, undefined);
  };
  async function fullWorld(): Promise<World> {
    const world = await emptyWorld();
    await createConversation(world.ports, "ana", { id: other, members: ["bo"] });
    for (let n = 0; n < 50; n++) await add(world, n);
    world.now += 2 * 60_000;
    return world;
  }

  test("one more is refused, also of two at once, and changes nothing", async () => {
    const world = await fullWorld();
    const [one, two] = await Promise.allSettled([add(world, 50), add(world, 51)]);
    for (const { status } of [one, two]) expect(status).toBe("rejected");
    await expect(add(world, 52)).rejects.toMatchObject({ code: "schedule-full" });
    expect(slots(world)).toBe(50);
    await cancelScheduled(world.ports, "ana", CONVERSATION, idOf(0));
    await add(world, 53);
    await expect(add(world, 54)).rejects.toMatchObject({ code: "schedule-full" });
  });

  test("places that died with a process are found when they are needed", async () => {
    const world = await fullWorld();
    world.trouble.set("slot.remove", () => new Death());
    await expect(cancelScheduled(world.ports, "ana", CONVERSATION, idOf(0))).rejects.toThrow(Death);
    world.trouble.clear();
    expect(slots(world)).toBe(50);
    await add(world, 50);
    expect(slots(world)).toBe(50);
    await expect(add(world, 51)).rejects.toMatchObject({ code: "schedule-full" });
  });
});
