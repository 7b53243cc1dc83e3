import { describe, expect, test } from "@jest/globals";
import type { TextEnvelope } from "../../../src/lib/contracts/queue.js";
import { DayflyError } from "../../../src/lib/errors.js";
import { addMember, removeMember } from "../../../src/lib/use-cases/change-members.js";
import { createConversation } from "../../../src/lib/use-cases/create-conversation.js";
import { deliverText } from "../../../src/lib/use-cases/deliver-text.js";
import { meetDeadline } from "../../../src/lib/use-cases/meet-deadline.js";
import { reviveText } from "../../../src/lib/use-cases/revive-text.js";
import { dieEverywhere } from "../../support/fakes/die-everywhere.js";
import { World } from "../../support/fakes/world.js";

const CONVERSATION = "019a0000-0000-7000-8000-000000000001";
const MESSAGE = "019a0000-0000-7000-8000-000000000002";
const DAY_MS = 24 * 3_600_000;

async function worldWithConversation(): Promise<World> {
  const world = new World();
  await createConversation(world.ports, "ana", { id: CONVERSATION, members: ["bo"] });
  return world;
}

const textAt = (now: number, change: Partial<TextEnvelope> = {}): TextEnvelope => ({
  v: 1,
  id: MESSAGE,
  conversation: CONVERSATION,
  author: "ana",
  text: "hello",
  sentAt: new Date(now).toISOString(),
  endsAt: new Date(now + DAY_MS).toISOString(),
  attempt: 1,
  ...change,
});

describe("a process that dies anywhere, and the work is done again", () => {
  test("delivering a text: once in the log, its deadline set, its event published", async () => {
    const deaths = await dieEverywhere(
      worldWithConversation,
      (world) => deliverText(world.ports, textAt(Date.UTC(2026, 10, 23, 12)), 1, undefined),
      (world) => {
        const row = world.rows.get(CONVERSATION);
        expect(row?.documents.size).toBe(1);
        expect(row?.head.headSeq).toBe(2);
        expect(world.deadlines.map(({ key }) => key)).toEqual([`expire:${CONVERSATION}:202611241200`]);
        expect([...world.dues]).toEqual([`202611241200 ${CONVERSATION}`]);
        expect(world.published.filter(({ name }) => name === "message.created").length).toBeGreaterThan(0);
        expect(
          new Set(world.published.filter(({ name }) => name === "message.created").map(({ event }) => event.seq)),
        ).toEqual(new Set([2]));
      },
    );
    expect(deaths).toBeGreaterThanOrEqual(8);
  });

  test("failing a text: parked once, its sender told", async () => {
    await dieEverywhere(
      worldWithConversation,
      (world) => deliverText(world.ports, { ...textAt(world.now), text: 1 }, 1, undefined),
      (world) => {
        expect(world.failures.size).toBe(1);
        expect(world.rows.get(CONVERSATION)?.indexes.get(MESSAGE)).toMatchObject({
          state: "failed",
          failure: "contract-violation",
        });
        expect(world.published).toContainEqual(expect.objectContaining({ name: "message.failed", onlyTo: "ana" }));
      },
    );
  });

  test("expiring texts: each ends once, and nothing is left of it", async () => {
    const build = async (): Promise<World> => {
      const world = await worldWithConversation();
      for (let n = 0; n < 45; n++) {
        const id = `019a0000-0000-7000-8000-0000000001${String(n).padStart(2, "0")}`;
        await deliverText(world.ports, textAt(world.now, { id }), 1, undefined);
      }
      world.now += DAY_MS + 60_000;
      return world;
    };
    await dieEverywhere(
      build,
      (world) =>
        meetDeadline(
          world.ports,
          { v: 1, kind: "expire", conversation: CONVERSATION, minute: "202611241200" },
          1,
          undefined,
        ),
      (world) => {
        const row = world.rows.get(CONVERSATION);
        expect(JSON.stringify([...(row?.documents.values() ?? [])])).not.toContain("hello");
        expect(row?.entries.filter(({ type }) => type === "message.expired")).toHaveLength(45);
        expect([...(row?.indexes.values() ?? [])].every(({ state }) => state === "expired")).toBe(true);
        expect(row?.expiries.size).toBe(0);
        expect(world.dues.size).toBe(0);
      },
    );
  });

  test("reviving a dead letter that is over: expired, its sender told", async () => {
    await dieEverywhere(
      worldWithConversation,
      (world) => reviveText(world.ports, textAt(world.now - DAY_MS), 1, undefined),
      (world) => {
        expect(world.rows.get(CONVERSATION)?.indexes.get(MESSAGE)).toMatchObject({ state: "expired" });
        expect(world.published).toContainEqual(expect.objectContaining({ name: "message.expired", onlyTo: "ana" }));
        expect(world.texts).toEqual([]);
      },
    );
  });

  test("creating a conversation: one, whose members all find it", async () => {
    await dieEverywhere(
      () => Promise.resolve(new World()),
      (world) => createConversation(world.ports, "ana", { id: CONVERSATION, members: ["bo"] }),
      (world) => {
        expect(world.rows.get(CONVERSATION)?.head.headSeq).toBe(1);
        expect([...(world.rooms.get(CONVERSATION) ?? [])]).toEqual(["ana", "bo"]);
        for (const user of ["ana", "bo"]) expect(world.memberships.get(user)?.has(CONVERSATION)).toBe(true);
      },
    );
  });

  test("adding a member: once, and in the room", async () => {
    await dieEverywhere(
      worldWithConversation,
      (world) => addMember(world.ports, "ana", CONVERSATION, "cy"),
      (world) => {
        expect(world.rows.get(CONVERSATION)?.members.get("cy")?.joinedSeq).toBe(2);
        expect(world.rows.get(CONVERSATION)?.head.headSeq).toBe(2);
        expect(world.rooms.get(CONVERSATION)?.has("cy")).toBe(true);
      },
    );
  });

  test("removing a member: out of conversation and room, with the second eviction set", async () => {
    await dieEverywhere(
      worldWithConversation,
      (world) => removeMember(world.ports, "ana", CONVERSATION, "bo", undefined),
      (world) => {
        expect(world.rows.get(CONVERSATION)?.members.has("bo")).toBe(false);
        expect(world.rooms.get(CONVERSATION)?.has("bo")).toBe(false);
        expect(world.memberships.get("bo")?.has(CONVERSATION)).toBe(false);
        expect(world.deadlines.map(({ envelope }) => envelope)).toEqual([
          { v: 1, kind: "evict", conversation: CONVERSATION, user: "bo" },
        ]);
      },
    );
  });

  test("leaving: the second attempt is answered like the first, as long as the first is unfinished", async () => {
    const world = await worldWithConversation();
    world.trouble.set("evict", () => new DayflyError("dependency-unavailable"));
    await expect(removeMember(world.ports, "bo", CONVERSATION, "bo", undefined)).rejects.toMatchObject({
      code: "dependency-unavailable",
    });
    world.trouble.clear();
    await removeMember(world.ports, "bo", CONVERSATION, "bo", undefined);
    expect(world.rooms.get(CONVERSATION)?.has("bo")).toBe(false);
    await expect(removeMember(world.ports, "bo", CONVERSATION, "bo", undefined)).rejects.toMatchObject({
      code: "conversation-unknown",
    });
  });
});

describe("trouble that passes", () => {
  test("of the storage is waited out: the text is delivered, after 1, 2 and 4 seconds with jitter", async () => {
    const world = await worldWithConversation();
    let failures = 3;
    world.trouble.set("commit", () => (failures-- > 0 ? new DayflyError("dependency-unavailable") : undefined));
    const before = world.now;
    await expect(deliverText(world.ports, textAt(world.now), 1, undefined)).resolves.toMatchObject({
      outcome: "delivered",
    });
    expect(world.now - before).toBe((1_000 + 2_000 + 4_000) * 0.75);
  });

  test("that stays is thrown, so that the broker delivers again", async () => {
    const world = await worldWithConversation();
    world.trouble.set("commit", () => new DayflyError("dependency-unavailable"));
    await expect(deliverText(world.ports, textAt(world.now), 1, undefined)).rejects.toMatchObject({
      code: "dependency-unavailable",
    });
  });

  test("for ten minutes costs a few deliveries, of texts and of commands, and leaves an operator nothing to do", async () => {
    const calls = [
      (world: World) => deliverText(world.ports, textAt(Date.UTC(2026, 10, 23, 12)), 1, undefined),
      (world: World) =>
        meetDeadline(world.ports, { v: 1, kind: "evict", conversation: CONVERSATION, user: "zoe" }, 1, undefined),
    ];
    for (const call of calls) {
      const world = await worldWithConversation();
      const over = world.now + 10 * 60_000;
      world.trouble.set("look", () => (world.now < over ? new DayflyError("dependency-unavailable") : undefined));
      let deliveries = 1;
      while (
        await call(world).then(
          () => false,
          () => true,
        )
      )
        deliveries += 1;
      expect(deliveries).toBeLessThan(5);
      expect(world.failures.size).toBe(0);
    }
  });

  test("what a dependency refuses for good is a failure within seconds, not a hundred deliveries", async () => {
    const world = await worldWithConversation();
    const before = world.now;
    world.trouble.set("commit", () => new DayflyError("dependency-refused"));
    await expect(deliverText(world.ports, textAt(world.now), 1, undefined)).resolves.toEqual({
      outcome: "failed",
      code: "dependency-refused",
    });
    world.trouble.set("look", () => new DayflyError("dependency-refused"));
    const evict = { v: 1, kind: "evict", conversation: CONVERSATION, user: "zoe" };
    await expect(meetDeadline(world.ports, evict, 1, undefined)).resolves.toEqual({ outcome: "failed" });
    expect([...world.failures.values()].map(({ queue, reason }) => [queue, reason])).toEqual([
      ["text-messages", "dependency-refused"],
      ["deadlines", "dependency-refused"],
    ]);
    expect(world.now).toBe(before);
  });

  test("an event that Web PubSub refuses for good is left to the log", async () => {
    const world = await worldWithConversation();
    world.trouble.set("publish", () => new DayflyError("dependency-refused"));
    await expect(deliverText(world.ports, textAt(world.now), 1, undefined)).resolves.toMatchObject({
      outcome: "delivered",
      event: "never",
    });
  });

  test("of Web PubSub does not hold a text up: its event comes later, by a deadline", async () => {
    const world = await worldWithConversation();
    world.trouble.set("publish", () => new DayflyError("dependency-unavailable"));
    await expect(deliverText(world.ports, textAt(world.now), 1, undefined)).resolves.toMatchObject({
      outcome: "delivered",
      event: "later",
    });
    const [announcement] = world.deadlines.filter(({ envelope }) => envelope.kind === "announce");
    await meetDeadline(world.ports, announcement?.envelope, 1, undefined);
    world.trouble.clear();
    const again = world.deadlines.filter(({ envelope }) => envelope.kind === "announce").at(-1);
    expect(again?.at.getTime()).toBeGreaterThan(announcement?.at.getTime() ?? 0);
    await meetDeadline(world.ports, again?.envelope, 1, undefined);
    expect(world.published.at(-1)).toMatchObject({ name: "message.created", event: { seq: 2 } });
  });

  test("of a dead-letter function is waited for before it throws", async () => {
    const world = await worldWithConversation();
    const before = world.now;
    world.trouble.set("sendText", () => new DayflyError("dependency-unavailable"));
    await expect(reviveText(world.ports, textAt(world.now), 1, undefined)).rejects.toMatchObject({
      code: "dependency-unavailable",
    });
    expect(world.now - before).toBe(30_000);
  });
});

test("a deadline that comes early, because clocks differ, is waited for", async () => {
  const world = await worldWithConversation();
  await deliverText(world.ports, textAt(world.now), 1, undefined);
  world.now += DAY_MS - 5_000;
  const expire = { v: 1, kind: "expire", conversation: CONVERSATION, minute: "202611241200" };
  await expect(meetDeadline(world.ports, expire, 1, undefined)).resolves.toMatchObject({ count: 1 });
  expect(world.now).toBe(Date.UTC(2026, 10, 24, 12));
});

test("two writers at once: both texts get a place, without a gap", async () => {
  const world = await worldWithConversation();
  const other = "019a0000-0000-7000-8000-000000000003";
  await Promise.all([
    deliverText(world.ports, textAt(world.now), 1, undefined),
    deliverText(world.ports, textAt(world.now, { id: other, author: "bo" }), 1, undefined),
    addMember(world.ports, "ana", CONVERSATION, "cy"),
  ]);
  world.check();
  expect(world.rows.get(CONVERSATION)?.head.headSeq).toBe(4);
});

test("whose id was taken on the way: the first stays, the second is told as failed to its sender", async () => {
  const world = await worldWithConversation();
  await deliverText(world.ports, textAt(world.now), 1, undefined);
  const second = await deliverText(world.ports, textAt(world.now, { author: "bo" }), 1, undefined);
  expect(second).toEqual({ outcome: "failed", code: "message-id-taken" });
  expect(world.rows.get(CONVERSATION)?.indexes.get(MESSAGE)).toMatchObject({ author: "ana", state: "delivered" });
  expect(world.published.at(-1)).toMatchObject({ name: "message.failed", onlyTo: "bo" });
});
