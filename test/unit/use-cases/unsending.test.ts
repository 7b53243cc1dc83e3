/** Taking a message back: by its author alone, for everyone, whatever was agreed, wherever a process dies. */
import { describe, expect, test } from "@jest/globals";
import type { TextEnvelope } from "../../../src/lib/contracts/queue.js";
import { isDayflyError } from "../../../src/lib/errors.js";
import { createConversation } from "../../../src/lib/use-cases/create-conversation.js";
import { deliverText } from "../../../src/lib/use-cases/deliver-text.js";
import { giveConsent } from "../../../src/lib/use-cases/keep-message.js";
import { meetDeadline } from "../../../src/lib/use-cases/meet-deadline.js";
import { getDelivery, getMessage } from "../../../src/lib/use-cases/read-messages.js";
import { retainMessage } from "../../../src/lib/use-cases/retain-message.js";
import { sendText } from "../../../src/lib/use-cases/send-text.js";
import { unsendMessage } from "../../../src/lib/use-cases/unsend-message.js";
import { dieEverywhere } from "../../support/fakes/die-everywhere.js";
import { World } from "../../support/fakes/world.js";

const CONVERSATION = "019a0000-0000-7000-8000-000000000001";
const MESSAGE = "019a0000-0000-7000-8000-000000000002";
const SENT = Date.UTC(2026, 10, 23, 12);
const DAY_MS = 24 * 3_600_000;
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
  await createConversation(world.ports, "ana", { id: CONVERSATION, members: ["bo"] });
  await deliverText(world.ports, TEXT, 1, undefined);
  for (const user of consenting) await giveConsent(world.ports, user, CONVERSATION, MESSAGE, {}, undefined);
  return world;
}

const unsend = (world: World, user = "ana"): Promise<void> =>
  unsendMessage(world.ports, user, CONVERSATION, MESSAGE, undefined);
const codeOf = (act: Promise<unknown>): Promise<string> =>
  act.then(
    () => "done",
    (error: unknown) => (isDayflyError(error) ? error.code : Promise.reject(error as Error)),
  );
const document = (world: World) => world.rows.get(CONVERSATION)?.documents.get(2);
const types = (world: World) => world.rows.get(CONVERSATION)?.entries.map(({ type }) => type) ?? [];

describe("a message that is taken back", () => {
  test("is gone for everyone, with its deadline's row, and tells ids alone", async () => {
    const world = await worldWithText();
    await unsend(world);
    expect(document(world)).toMatchObject({ state: "deleted" });
    expect(JSON.stringify(document(world))).not.toContain("hello");
    expect(world.rows.get(CONVERSATION)?.expiries.size).toBe(0);
    const [last] = world.published.slice(-1);
    expect(last).toMatchObject({ name: "message.deleted", event: { seq: 3, messageId: MESSAGE } });
    expect(JSON.stringify(last)).not.toContain("hello");
    expect(await codeOf(getMessage(world.ports, "bo", CONVERSATION, MESSAGE))).toBe("message-deleted");
    expect(await getDelivery(world.ports, "ana", CONVERSATION, MESSAGE)).toMatchObject({ state: "deleted" });
  });

  test.each([["ana"], ["ana", "bo"]])("also when %s wanted to keep it", async (...consenting) => {
    const world = await worldWithText(...consenting);
    await unsend(world);
    for (const move of world.moves) await retainMessage(world.ports, move, 1, undefined);
    expect(document(world)).toMatchObject({ state: "deleted" });
    expect(types(world)).not.toContain("retention.retained");
    expect(world.rows.get(CONVERSATION)?.requests.size).toBe(0);
    expect(world.rows.get(CONVERSATION)?.expiries.size).toBe(0);
  });

  test("also when the agreement has been carried out", async () => {
    const world = await worldWithText("ana", "bo");
    for (const move of world.moves) await retainMessage(world.ports, move, 1, undefined);
    await unsend(world);
    expect(document(world)).toMatchObject({ state: "deleted" });
    expect(world.rows.get(CONVERSATION)?.expiries.size).toBe(0);
  });

  test("does not come back: not by a redelivery, not by the client's retry, not by its deadline", async () => {
    const world = await worldWithText();
    await unsend(world);
    expect(await deliverText(world.ports, TEXT, 2, undefined)).toEqual({ outcome: "ended" });
    const again = sendText(world.ports, "ana", CONVERSATION, { id: MESSAGE, text: "hello" }, undefined);
    expect(await codeOf(again)).toBe("message-deleted");
    world.now = SENT + DAY_MS + 60_000;
    for (const { envelope } of [...world.deadlines]) await meetDeadline(world.ports, envelope, 1, undefined);
    expect(types(world)).toEqual(["conversation.updated", "message.created", "message.deleted"]);
    world.check();
  });

  test("is taken back by its author alone, while it lives, and twice is once", async () => {
    const world = await worldWithText();
    expect(await codeOf(unsend(world, "bo"))).toBe("not-allowed");
    expect(await codeOf(unsend(world, "eve"))).toBe("conversation-unknown");
    await unsend(world);
    await unsend(world);
    expect(types(world).filter((type) => type === "message.deleted")).toHaveLength(1);
    const late = await worldWithText();
    late.now = SENT + DAY_MS;
    expect(await codeOf(unsend(late))).toBe("message-expired");
  });

  test("is taken back once, wherever the process dies", async () => {
    const deaths = await dieEverywhere(
      () => worldWithText("bo"),
      (world) => unsend(world),
      (world) => {
        expect(document(world)).toMatchObject({ state: "deleted" });
        expect(types(world).filter((type) => type === "message.deleted")).toHaveLength(1);
      },
    );
    expect(deaths).toBeGreaterThan(8);
  });
});
