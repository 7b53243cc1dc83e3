/** What follows when somebody is blocked: views, requests to keep, waiting texts; wherever a process dies. */
import { describe, expect, test } from "@jest/globals";
import type { TextEnvelope } from "../../../src/lib/contracts/queue.js";
import { blockUser, unblockUser } from "../../../src/lib/use-cases/block-user.js";
import { acknowledgeReceipts } from "../../../src/lib/use-cases/acknowledge-receipts.js";
import { removeMember } from "../../../src/lib/use-cases/change-members.js";
import { completeUpload } from "../../../src/lib/use-cases/complete-upload.js";
import { createConversation } from "../../../src/lib/use-cases/create-conversation.js";
import { deliverFile } from "../../../src/lib/use-cases/deliver-file.js";
import { deliverText } from "../../../src/lib/use-cases/deliver-text.js";
import { giveConsent } from "../../../src/lib/use-cases/keep-message.js";
import { meetDeadline } from "../../../src/lib/use-cases/meet-deadline.js";
import { scheduleText } from "../../../src/lib/use-cases/schedule-text.js";
import { deleteClosedFile } from "../../../src/lib/use-cases/settle-file.js";
import { signalPresence, signalTyping } from "../../../src/lib/use-cases/signal.js";
import { startUpload } from "../../../src/lib/use-cases/start-upload.js";
import { openFile } from "../../../src/lib/use-cases/view-file.js";
import { dieEverywhere } from "../../support/fakes/die-everywhere.js";
import { World } from "../../support/fakes/world.js";

const idOf = (n: number): string => `019a0000-0000-7000-8000-${String(n).padStart(12, "0")}`;
const PAIR = idOf(1);
const GROUP = idOf(2);
const HOUR_MS = 3_600_000;
const BYTES = new TextEncoder().encode("what is in it");

const text = (world: World, conversation: string, n: number, author: string): TextEnvelope => ({
  ...{ v: 1, id: idOf(n), conversation, author, text: `text ${String(n)}`, attempt: 1 },
  ...{ sentAt: new Date(world.now).toISOString(), endsAt: new Date(world.now + 24 * HOUR_MS).toISOString() },
});

async function file(world: World, conversationId: string, n: number): Promise<void> {
  const fileId = idOf(n);
  const input = { id: fileId, name: "notes.txt", size: BYTES.length, contentType: "text/plain" };
  await startUpload(world.ports, "ana", conversationId, input, undefined);
  world.files.put({ conversationId, fileId }, BYTES, world.now);
  await completeUpload(world.ports, "ana", conversationId, fileId, undefined);
  await deliverFile(world.ports, world.fileMessages.at(-1), 1, undefined);
}

/** A pair and a group; in each a file of Ana's that Bo has open, and a request to keep a text. */
async function life(): Promise<World> {
  const world = new World();
  await createConversation(world.ports, "ana", { id: PAIR, members: ["bo"] });
  await createConversation(world.ports, "ana", { id: GROUP, members: ["bo", "cy"] });
  for (const [conversation, n] of [
    [PAIR, 10],
    [GROUP, 20],
  ] as const) {
    await deliverText(world.ports, text(world, conversation, n, "ana"), 1, undefined);
    await giveConsent(world.ports, "bo", conversation, idOf(n), {}, undefined);
    await file(world, conversation, n + 1);
    const name = { conversationId: conversation, fileId: idOf(n + 1) };
    await openFile(world.ports, "bo", name, {}, undefined);
  }
  return world;
}

async function block(world: World): Promise<void> {
  await blockUser(world.ports, "ana", "bo", undefined);
  for (const { envelope } of world.deadlines.filter((each) => each.envelope.kind === "block"))
    await meetDeadline(world.ports, envelope, 1, undefined);
  for (const { envelope } of [...world.closings]) await deleteClosedFile(world.ports, envelope, 1, undefined);
}

const fileIn = (world: World, conversation: string, n: number) => world.rows.get(conversation)?.files.get(idOf(n));
const retentionOf = (world: World, conversation: string) =>
  [...(world.rows.get(conversation)?.documents.values() ?? [])][0]?.retention?.state;
const told = (world: World, name: string) => world.published.filter((each) => each.name === name);

describe("who is blocked", () => {
  test("has closed the blocker's files, and is asked nothing between the two, wherever a process dies", async () => {
    const deaths = await dieEverywhere(life, block, (world) => {
      // In the pair nobody is left to read it; in the group Cy is.
      expect(fileIn(world, PAIR, 11)).toMatchObject({ state: "deleted" });
      expect(fileIn(world, GROUP, 21)).toMatchObject({
        ...{ state: "ready", views: [{ user: "bo", closed: { reason: "revoked" }, isLogged: true }] },
      });
      expect([...world.files.files.keys()]).toEqual([fileIn(world, GROUP, 21)?.blob]);
      expect([retentionOf(world, PAIR), retentionOf(world, GROUP)]).toEqual(["none", "pending"]);
      expect(world.rows.get(PAIR)?.requests.size).toBe(0);
    });
    expect(deaths).toBeGreaterThan(40);
  });

  test("opens none of the blocker's files, and others still do", async () => {
    const world = await life();
    await block(world);
    await file(world, GROUP, 22);
    const open = (user: string) =>
      openFile(world.ports, user, { conversationId: GROUP, fileId: idOf(22) }, {}, undefined);
    await expect(open("bo")).rejects.toMatchObject({ code: "blocked" });
    expect(await open("cy")).toHaveProperty("url");
  });

  test("has nothing sent that waited, and hears so; unblocked before its time, it is sent", async () => {
    for (const isUnblocked of [false, true]) {
      const world = await life();
      const sendAt = new Date(world.now + HOUR_MS);
      await scheduleText(world.ports, "bo", PAIR, { id: idOf(30), text: "later", sendAt }, undefined);
      await scheduleText(world.ports, "bo", GROUP, { id: idOf(31), text: "to all", sendAt }, undefined);
      await block(world);
      if (isUnblocked) await unblockUser(world.ports, "ana", "bo");
      world.now += HOUR_MS;
      for (const held of world.held.values()) await deliverText(world.ports, held, 1, undefined);
      const failed = told(world, "message.failed");
      expect(failed.map(({ event, onlyTo }) => [onlyTo, event])).toEqual(
        isUnblocked ? [] : [["bo", expect.objectContaining({ messageId: idOf(30), code: "blocked" })]],
      );
      const sent = [PAIR, GROUP].map((id) => world.rows.get(id)?.indexes.get(idOf(id === PAIR ? 30 : 31))?.state);
      expect(sent).toEqual([isUnblocked ? "delivered" : "failed", "delivered"]);
    }
  });

  test("neither sees what the other is doing, alone with the blocker; in the group both do", async () => {
    const world = await life();
    await block(world);
    for (const [conversation, count] of [
      [PAIR, 0],
      [GROUP, 2],
    ] as const) {
      for (const user of ["ana", "bo"]) {
        world.now += 2_000;
        await signalTyping(world.ports, user, conversation);
        await signalPresence(world.ports, user, conversation, { state: "here" });
        await acknowledgeReceipts(world.ports, user, conversation, { readSeq: 2 });
      }
      for (const name of ["typing", "presence", "receipt.updated"]) {
        const heard = told(world, name).filter(({ event }) => event.conversationId === conversation);
        expect([name, heard.length]).toEqual([name, count]);
      }
    }
  });
});

test("who has left with a text that waits is told everywhere that it is not sent, wherever a process dies", async () => {
  const build = async (): Promise<World> => {
    const world = await life();
    const sendAt = new Date(world.now + HOUR_MS);
    await scheduleText(world.ports, "bo", GROUP, { id: idOf(30), text: "later", sendAt }, undefined);
    await removeMember(world.ports, "bo", GROUP, "bo", undefined);
    world.now += HOUR_MS;
    return world;
  };
  const deliver = async (world: World): Promise<void> => {
    for (const held of world.held.values()) await deliverText(world.ports, held, 1, undefined);
  };
  await dieEverywhere(build, deliver, (world) => {
    expect(world.rows.get(GROUP)?.indexes.get(idOf(30))).toMatchObject({ state: "failed", failure: "author-left" });
    expect(told(world, "message.failed").at(-1)).toMatchObject({
      ...{ onlyTo: "bo", everywhere: true, event: { messageId: idOf(30), code: "author-left" } },
    });
  });
});
