/** Changing a text: by its author alone, for a while, and no consent outlives the words that it was given to. */
import { describe, expect, test } from "@jest/globals";
import type { TextEnvelope } from "../../../src/lib/contracts/queue.js";
import { EDIT_WINDOW_MS } from "../../../src/lib/domain/editing.js";
import { isDayflyError } from "../../../src/lib/errors.js";
import { createConversation } from "../../../src/lib/use-cases/create-conversation.js";
import { deliverText } from "../../../src/lib/use-cases/deliver-text.js";
import { editMessage } from "../../../src/lib/use-cases/edit-message.js";
import { giveConsent, withdrawConsent } from "../../../src/lib/use-cases/keep-message.js";
import { meetDeadline } from "../../../src/lib/use-cases/meet-deadline.js";
import { readChanges } from "../../../src/lib/use-cases/read-changes.js";
import { getMessage } from "../../../src/lib/use-cases/read-messages.js";
import { retainMessage } from "../../../src/lib/use-cases/retain-message.js";
import { sendText } from "../../../src/lib/use-cases/send-text.js";
import { unsendMessage } from "../../../src/lib/use-cases/unsend-message.js";
import { dieEverywhere } from "../../support/fakes/die-everywhere.js";
import { World } from "../../support/fakes/world.js";
import { seededRandom } from "../../support/random.js";

const CONVERSATION = "019a0000-0000-7000-8000-000000000001";
const MESSAGE = "019a0000-0000-7000-8000-000000000002";
const SENT = Date.UTC(2026, 10, 23, 12);
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const TEXT: TextEnvelope = {
  v: 1,
  id: MESSAGE,
  conversation: CONVERSATION,
  author: "ana",
  text: "hello",
  sentAt: new Date(SENT).toISOString(),
  endsAt: new Date(SENT + DAY_MS).toISOString(),
  attempt: 1,
};

async function worldWithText(...consenting: readonly string[]): Promise<World> {
  const world = new World();
  world.now = SENT;
  await createConversation(world.ports, "ana", { id: CONVERSATION, members: ["bo"] });
  await deliverText(world.ports, TEXT, 1, undefined);
  for (const user of consenting) await consent(world, user);
  return world;
}

const edit = (world: World, text: string, edits?: number, user = "ana") =>
  editMessage(world.ports, user, CONVERSATION, MESSAGE, { text, ...(edits === undefined ? {} : { edits }) }, undefined);
const consent = (world: World, user: string, edits = 0) =>
  giveConsent(world.ports, user, CONVERSATION, MESSAGE, { edits }, undefined);
const codeOf = (act: Promise<unknown>): Promise<string> =>
  act.then(
    () => "done",
    (error: unknown) => (isDayflyError(error) ? error.code : Promise.reject(error as Error)),
  );
const document = (world: World) => world.rows.get(CONVERSATION)?.documents.get(2);
const types = (world: World) => world.rows.get(CONVERSATION)?.entries.map(({ type }) => type) ?? [];
const minutes = (world: World) =>
  [...(world.rows.get(CONVERSATION)?.expiries.values() ?? [])].map(({ minute }) => minute);
async function move(world: World): Promise<void> {
  for (const each of world.moves.splice(0)) await retainMessage(world.ports, each, 1, undefined);
}

describe("a text that is changed", () => {
  test("says the new words to everyone, in the log, in the event and in the list, and lives no longer", async () => {
    const world = await worldWithText();
    world.now += MINUTE_MS;
    const answer = await edit(world, "hello, Bo");
    const edited = { times: 1, at: new Date(world.now).toISOString() };
    expect(answer).toMatchObject({ text: "hello, Bo", edited, expiresAt: TEXT.endsAt, sentAt: TEXT.sentAt });
    expect(await getMessage(world.ports, "bo", CONVERSATION, MESSAGE)).toEqual(answer);
    const { items } = await readChanges(world.ports, "bo", CONVERSATION, { after: 2 });
    expect(items).toMatchObject([{ seq: 3, type: "message.updated", messageId: MESSAGE, message: { edited } }]);
    expect(world.published.at(-1)).toMatchObject({
      name: "message.updated",
      event: { seq: 3, messageId: MESSAGE, message: { text: "hello, Bo", edited } },
    });
    expect(JSON.stringify(document(world))).not.toContain('"hello"');
    expect(minutes(world)).toEqual(["202611241200"]);
    world.check();
  });

  test("is changed by its author alone, while it lives, within a quarter of an hour", async () => {
    const world = await worldWithText();
    expect(await codeOf(edit(world, "x", undefined, "bo"))).toBe("not-allowed");
    expect(await codeOf(edit(world, "x", undefined, "eve"))).toBe("conversation-unknown");
    world.now = SENT + EDIT_WINDOW_MS;
    expect(await codeOf(edit(world, "x"))).toBe("done");
    world.now += 1;
    expect(await codeOf(edit(world, "y"))).toBe("edit-too-late");
    expect(await codeOf(edit(world, "x"))).toBe("done"); // says that already
    world.now = SENT + DAY_MS;
    expect(await codeOf(edit(world, "x"))).toBe("message-expired");
    const gone = await worldWithText();
    await unsendMessage(gone.ports, "ana", CONVERSATION, MESSAGE, undefined);
    expect(await codeOf(edit(gone, "x"))).toBe("message-deleted");
  });

  test("again changes nothing; what another device has changed meanwhile is not overwritten", async () => {
    const world = await worldWithText();
    await edit(world, "one", 0);
    await edit(world, "one", 0);
    expect(types(world).filter((type) => type === "message.updated")).toHaveLength(1);
    expect(await codeOf(edit(world, "two", 0))).toBe("message-edited");
    expect(document(world)?.text).toBe("one");
    expect(await codeOf(edit(world, "two", 1))).toBe("done");
    expect(document(world)).toMatchObject({ text: "two", edited: { times: 2 } });
  });

  test("stays what it is when its first delivery comes once more, or its sender tries again", async () => {
    const world = await worldWithText();
    await edit(world, "other words");
    expect(await deliverText(world.ports, TEXT, 2, undefined)).toMatchObject({ outcome: "repeated", seq: 2 });
    const again = await sendText(world.ports, "ana", CONVERSATION, { id: MESSAGE, text: "hello" }, undefined);
    expect(again).toMatchObject({ text: "other words", edited: { times: 1 } });
    expect(document(world)?.text).toBe("other words");
    expect(types(world)).toEqual(["conversation.updated", "message.created", "message.updated"]);
  });

  test("leaves nothing behind when it ends", async () => {
    const world = await worldWithText("bo");
    await edit(world, "other words");
    world.now = SENT + DAY_MS + MINUTE_MS;
    for (const { envelope } of [...world.deadlines]) await meetDeadline(world.ports, envelope, 1, undefined);
    expect(document(world)).toMatchObject({ state: "expired" });
    expect(JSON.stringify(document(world))).not.toContain("words");
    expect(types(world)).not.toContain("retention.lapsed"); // there was no request any more
    expect(minutes(world)).toEqual([]);
  });
});

describe("consents", () => {
  test("to the old words are void, and nobody agrees to words that they have not seen", async () => {
    const world = await worldWithText("ana");
    await edit(world, "other words");
    expect(document(world)?.retention).toMatchObject({ state: "none", consents: [] });
    expect(world.rows.get(CONVERSATION)?.requests.size).toBe(0);
    expect(await codeOf(consent(world, "bo"))).toBe("message-edited");
    await consent(world, "bo", 1);
    await consent(world, "ana", 1);
    expect(document(world)?.retention).toMatchObject({ state: "retained" });
  });

  test.each([["on its way"], ["carried out"]])("an agreement that is %s is released", async (how) => {
    const world = await worldWithText("ana", "bo");
    if (how === "carried out") await move(world);
    await edit(world, "other words");
    await move(world);
    expect(document(world)).toMatchObject({ text: "other words", retention: { state: "released" } });
    expect(types(world).slice(-2)).toEqual(["retention.released", "message.updated"]);
    expect(minutes(world)).toEqual(["202611241200"]);
    world.now = SENT + DAY_MS;
    expect(await codeOf(getMessage(world.ports, "bo", CONVERSATION, MESSAGE))).toBe("message-expired");
  });

  test.each([[[]], [["bo"]], [["ana", "bo"]]])("wherever the process dies, with those of %j", async (consenting) => {
    const deaths = await dieEverywhere(
      () => worldWithText(...consenting),
      async (world) => {
        await edit(world, "other words", 0);
        await move(world);
      },
      (world) => {
        expect(document(world)).toMatchObject({ text: "other words", edited: { times: 1 } });
        expect(types(world).filter((type) => type === "message.updated")).toHaveLength(1);
        expect(document(world)?.expiresAt.getTime()).toBe(SENT + DAY_MS);
        expect(minutes(world)).toEqual(["202611241200"]);
        expect(world.dues.has(`202611241200 ${CONVERSATION}`)).toBe(true);
        expect(world.rows.get(CONVERSATION)?.requests.size).toBe(0);
      },
    );
    expect(deaths).toBeGreaterThan(5);
  });
});

/** @param agreed which edit each has agreed to, where that is certain */
function checkConsents(world: World, agreed: ReadonlyMap<string, number> | undefined): void {
  const { retention, edited, expiresAt } = document(world) ?? {};
  if (retention?.state !== "retained") {
    expect(expiresAt?.getTime()).toBe(SENT + DAY_MS);
    return;
  }
  const times = edited?.times ?? 0;
  if (agreed !== undefined) expect([agreed.get("ana"), agreed.get("bo")]).toEqual([times, times]);
  for (const { at } of retention.consents) expect(at.getTime()).toBeGreaterThanOrEqual(edited?.at.getTime() ?? 0);
}

test("edits, consents, moves, redeliveries and the end in any order, at once: kept is only what all have seen", async () => {
  const random = seededRandom();
  const outcomes = { kept: 0, expired: 0, refused: 0 };
  for (let round = 0; round < 1_000; round++) {
    const world = await worldWithText();
    let words = 0;
    /** The last edit that each has agreed to, by what they were answered. */
    const agreed = new Map<string, number>();
    const agree = (user: string) => async () => {
      const seen = random.pick([document(world)?.edited?.times ?? 0, 0, 1]);
      const code = await codeOf(consent(world, user, seen));
      if (code === "done" && seen === (document(world)?.edited?.times ?? 0)) agreed.set(user, seen);
      if (code === "message-edited") outcomes.refused++;
    };
    const acts: (() => Promise<unknown>)[] = [
      agree("ana"),
      agree("bo"),
      () => codeOf(edit(world, `words ${++words}`)),
      () => codeOf(edit(world, `words ${++words}`, random.pick([0, 1, 2]))),
      () => codeOf(withdrawConsent(world.ports, random.pick(["ana", "bo"]), CONVERSATION, MESSAGE, undefined)),
      () => deliverText(world.ports, TEXT, 2, undefined),
      () => move(world),
    ];
    const chosen = Array.from({ length: 12 }, () => random.pick([agree("ana"), agree("bo"), ...acts]));
    // Half of the rounds one after another, half at once.
    const isAtOnce = random.next() < 0.5;
    const tick = (): void => {
      world.now++;
    };
    if (!isAtOnce) for (const act of chosen) await act().then(tick);
    else {
      await Promise.all(
        chosen.map(async (act) => {
          for (let turns = random.pick([0, 2, 4, 8, 16, 32]); turns > 0; turns--) await Promise.resolve();
          await act().then(tick);
        }),
      );
    }
    const { retention } = document(world) ?? {};
    checkConsents(world, isAtOnce ? undefined : agreed);
    expect(world.rows.get(CONVERSATION)?.requests.size).toBe(retention?.state === "pending" ? 1 : 0);
    await move(world);
    expect(minutes(world)).toHaveLength(1);
    world.now = SENT + DAY_MS + MINUTE_MS;
    for (const { envelope, at } of [...world.deadlines]) {
      if (at.getTime() <= world.now) await meetDeadline(world.ports, envelope, 1, undefined);
    }
    world.check();
    const isKept = retention?.state === "retained";
    expect(document(world)?.state).toBe(isKept ? "delivered" : "expired");
    expect(document(world)?.text !== undefined).toBe(isKept);
    outcomes[isKept ? "kept" : "expired"]++;
  }
  expect(Math.min(outcomes.kept, outcomes.expired, outcomes.refused)).toBeGreaterThan(0);
}, 60_000);
