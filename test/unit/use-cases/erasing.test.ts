/** Erasing an account: nothing of the user stays where others look, wherever a process dies, and nobody else loses anything. */
import { describe, expect, test } from "@jest/globals";
import type { TextEnvelope } from "../../../src/lib/contracts/queue.js";
import { blockUser } from "../../../src/lib/use-cases/block-user.js";
import { removeMember } from "../../../src/lib/use-cases/change-members.js";
import { cleanUp } from "../../../src/lib/use-cases/clean-up.js";
import { completeUpload } from "../../../src/lib/use-cases/complete-upload.js";
import { createConversation } from "../../../src/lib/use-cases/create-conversation.js";
import { deliverFile } from "../../../src/lib/use-cases/deliver-file.js";
import { deliverText } from "../../../src/lib/use-cases/deliver-text.js";
import { getErasure, startErasure } from "../../../src/lib/use-cases/erase-account.js";
import { giveConsent } from "../../../src/lib/use-cases/keep-message.js";
import { meetDeadline } from "../../../src/lib/use-cases/meet-deadline.js";
import { parkFailures } from "../../../src/lib/use-cases/park-failures.js";
import { retainMessage } from "../../../src/lib/use-cases/retain-message.js";
import { reviveText } from "../../../src/lib/use-cases/revive-text.js";
import { scheduleText } from "../../../src/lib/use-cases/schedule-text.js";
import { deleteClosedFile } from "../../../src/lib/use-cases/settle-file.js";
import { startUpload } from "../../../src/lib/use-cases/start-upload.js";
import { openFile } from "../../../src/lib/use-cases/view-file.js";
import { dieEverywhere } from "../../support/fakes/die-everywhere.js";
import { World } from "../../support/fakes/world.js";

const idOf = (n: number): string => `019a0000-0000-7000-8000-${String(n).padStart(12, "0")}`;
const PAIR = idOf(1);
const GROUP = idOf(2);
const LEFT = idOf(3);
const DAY_MS = 24 * 3_600_000;
const BYTES = new TextEncoder().encode("what is in it");

const text = (world: World, conversation: string, n: number, author: string, attempt = 1): TextEnvelope => ({
  ...{ v: 1, id: idOf(n), conversation, author, text: `text ${String(n)}`, attempt },
  ...{ sentAt: new Date(world.now).toISOString(), endsAt: new Date(world.now + DAY_MS).toISOString() },
});

async function file(world: World, conversationId: string, n: number, author: string): Promise<void> {
  const fileId = idOf(n);
  const input = { id: fileId, name: "notes.txt", size: BYTES.length, contentType: "text/plain" };
  await startUpload(world.ports, author, conversationId, input, undefined);
  world.files.put({ conversationId, fileId }, BYTES, world.now);
  await completeUpload(world.ports, author, conversationId, fileId, undefined);
  await deliverFile(world.ports, world.fileMessages.at(-1), 1, undefined);
}

/** Ana in three conversations, one of which she has left, with one of everything. */
async function life(): Promise<World> {
  const world = new World();
  const { ports } = world;
  await createConversation(ports, "ana", { id: PAIR, members: ["bo"] });
  await createConversation(ports, "bo", { id: GROUP, members: ["ana", "cy"] });
  await createConversation(ports, "ana", { id: LEFT, members: ["bo", "cy"] });
  await deliverText(ports, text(world, LEFT, 10, "ana"), 1, undefined);
  await deliverText(ports, text(world, LEFT, 11, "bo"), 1, undefined);
  await removeMember(ports, "ana", LEFT, "ana", undefined);

  await deliverText(ports, text(world, PAIR, 20, "ana"), 1, undefined);
  await deliverText(ports, text(world, PAIR, 21, "bo"), 1, undefined);
  await deliverText(ports, text(world, PAIR, 22, "bo"), 1, undefined);
  await deliverText(ports, text(world, PAIR, 23, "ana"), 1, undefined);
  // One of hers and one of his are kept; another is asked about.
  for (const n of [21, 23])
    for (const user of ["ana", "bo"]) await giveConsent(ports, user, PAIR, idOf(n), {}, undefined);
  await giveConsent(ports, "ana", PAIR, idOf(22), {}, undefined);
  for (const move of world.moves) await retainMessage(ports, move, 1, undefined);

  await file(world, GROUP, 30, "ana");
  await file(world, GROUP, 31, "bo");
  await openFile(ports, "ana", { conversationId: GROUP, fileId: idOf(31) }, {}, undefined);
  await startUpload(
    ports,
    "ana",
    GROUP,
    { id: idOf(32), name: "b.txt", size: 9, contentType: "text/plain" },
    undefined,
  );
  const sendAt = new Date(world.now + 7 * DAY_MS);
  await scheduleText(ports, "ana", GROUP, { id: idOf(33), text: "later", sendAt }, undefined);
  await reviveText(ports, text(world, GROUP, 34, "ana", 5), 3, undefined);
  await parkFailures(ports, () => Promise.resolve(false));
  await blockUser(ports, "ana", "zoe", undefined);
  await blockUser(ports, "zoe", "ana", undefined);
  return world;
}

/** Meets what is due; a deadline that was not met to its end stays. */
async function work(world: World): Promise<void> {
  for (const closing of [...world.closings]) {
    await deleteClosedFile(world.ports, closing.envelope, 1, undefined);
    world.closings.splice(world.closings.indexOf(closing), 1);
  }
  for (;;) {
    const due = world.deadlines.find(({ at, envelope }) => envelope.kind === "erase" && at.getTime() <= world.now);
    if (due === undefined) return;
    await meetDeadline(world.ports, due.envelope, 1, undefined);
    world.deadlines.splice(world.deadlines.indexOf(due), 1);
  }
}

/** Everything that a conversation keeps, as text. */
const kept = (world: World): string =>
  JSON.stringify([...world.rows.values()], (_, value: unknown) => (value instanceof Map ? [...value] : value));

async function erase(world: World): Promise<void> {
  if (world.operations.erasures.get("ana")?.state !== "done") await startErasure(world.ports, "ana", undefined);
  await work(world);
  world.now += 5 * 60_000;
  await work(world);
}

function expectErased(world: World): void {
  expect(world.operations.erasures.get("ana")).toMatchObject({ state: "done" });
  expect(world.operations.erasures.get("ana")).not.toHaveProperty("alias");
  expect(kept(world)).not.toContain('"ana"');
  expect(world.memberships.get("ana")?.size ?? 0).toBe(0);
  expect(world.former.get("ana")?.size ?? 0).toBe(0);
  expect([...world.files.usage.keys()].filter((key) => key.startsWith("ana"))).toEqual([]);
  expect(world.slots.get("ana")?.size ?? 0).toBe(0);
  // Who wants nothing of her still does not.
  expect([...world.operations.blocks]).toEqual(["zoe ana"]);
  expect(JSON.stringify([...world.operations.failures.values()])).not.toContain("ana");
  expect(world.operations.inQueue.size).toBe(0);

  const documents = (id: string) => [...(world.rows.get(id)?.documents.values() ?? [])];
  const stateOf = (id: string, n: number) => documents(id).find(({ messageId }) => messageId === idOf(n));
  for (const [id, n] of [
    [LEFT, 10],
    [PAIR, 20],
    [PAIR, 23],
    [GROUP, 30],
  ] as const) {
    expect(stateOf(id, n)).toMatchObject({ state: "deleted", author: expect.stringMatching(/^erased:/) });
    expect(stateOf(id, n)).not.toHaveProperty("text");
    expect(stateOf(id, n)).not.toHaveProperty("proof");
  }
  expect(stateOf(PAIR, 21)).toMatchObject({ state: "delivered", text: "text 21", retention: { state: "released" } });
  expect(stateOf(PAIR, 21)?.expiresAt.getTime()).toBe(Date.UTC(2026, 10, 24, 12));
  expect(stateOf(PAIR, 22)).toMatchObject({ state: "delivered", retention: { state: "none" } });
  for (const [id, n] of [
    [LEFT, 11],
    [GROUP, 31],
  ] as const)
    expect(stateOf(id, n)).toMatchObject({ author: "bo", state: "delivered" });
  expect(world.rows.get(GROUP)?.files.get(idOf(30))).toMatchObject({ state: "deleted" });
  expect(world.rows.get(GROUP)?.files.get(idOf(31))).toMatchObject({
    ...{ state: "ready", views: [{ user: expect.stringMatching(/^erased:/), closed: { reason: "revoked" } }] },
  });
  expect(world.rows.get(GROUP)?.files.get(idOf(32))).toMatchObject({ state: "rejected" });
  // Of the bytes, his are left.
  expect([...world.files.files.keys()]).toEqual([world.rows.get(GROUP)?.files.get(idOf(31))?.blob]);
  expect(world.rows.get(GROUP)?.scheduled.size).toBe(0);
  expect(world.held.size).toBe(0);
}

describe("an account that is erased", () => {
  test("is nowhere in what others keep; what others said stays, and what was kept by its consent ends in its time", async () => {
    const world = await life();
    expect(await startErasure(world.ports, "ana", undefined)).toMatchObject({ state: "running", messages: 0 });
    await work(world);
    expect(await getErasure(world.ports, "ana")).toMatchObject({ state: "running", conversations: 2, messages: 3 });
    world.now += 5 * 60_000;
    await work(world);
    expectErased(world);
    expect(await getErasure(world.ports, "ana")).toMatchObject({
      ...{ state: "done", conversations: 2, messages: 3, files: 2, scheduled: 1, released: 1, failures: 1 },
    });
    world.check();
    const told = world.published
      .filter(({ name }) => name === "message.deleted")
      .map(({ event }) => JSON.stringify(event));
    expect(told).toHaveLength(3);
    expect(told.join()).not.toContain("text");
    expect(told.join()).not.toContain("ana");
  });

  test("is erased once, wherever a process dies", async () => {
    const deaths = await dieEverywhere(life, erase, (world) => {
      expectErased(world);
      const deleted = [...world.rows.values()].flatMap(({ entries }) =>
        entries.filter(({ type }) => type === "message.deleted"),
      );
      expect(deleted).toHaveLength(3);
    });
    expect(deaths).toBeGreaterThan(200);
  }, 120_000);

  test("does not come back with what was on its way: a text in the queue, in time or late, or dead-lettered", async () => {
    const world = await life();
    const [soon, late, dead] = [40, 41, 42].map((n) => text(world, PAIR, n, "ana"));
    await startErasure(world.ports, "ana", undefined);
    await work(world);
    await deliverText(world.ports, soon, 1, undefined);
    world.now += 2 * 60_000;
    expect(await deliverText(world.ports, late, 1, undefined)).toEqual({ outcome: "ended" });
    world.now += 3 * 60_000;
    await work(world);
    expectErased(world);
    // Delivered again, for nobody knows whether it was: by now its id is somebody else's.
    expect(await deliverText(world.ports, soon, 2, undefined)).toEqual({ outcome: "ended" });
    world.now += DAY_MS;
    await reviveText(world.ports, dead, 1, undefined);
    expect(kept(world)).not.toContain('"ana"');
    expect(world.failures.size).toBe(1);
  });

  test("is asked for twice and erased once; who comes back is somebody new", async () => {
    const world = await life();
    const first = await startErasure(world.ports, "ana", undefined);
    expect(await startErasure(world.ports, "ana", undefined)).toEqual(first);
    expect(world.deadlines.filter(({ envelope }) => envelope.kind === "erase")).toHaveLength(1);
    await erase(world);
    world.now += 1_000;
    await createConversation(world.ports, "ana", { id: idOf(50), members: ["bo"] });
    const again = text(world, idOf(50), 51, "ana");
    world.now += 10 * 60_000;
    expect(await deliverText(world.ports, again, 1, undefined)).toMatchObject({ outcome: "delivered" });
    expect(await startErasure(world.ports, "ana", undefined)).toMatchObject({ state: "running", messages: 0 });
  });

  test("goes on when a step was lost, and is forgotten a month later", async () => {
    const world = await life();
    await startErasure(world.ports, "ana", undefined);
    world.deadlines.length = 0;
    await cleanUp(world.ports);
    expect(world.deadlines.filter(({ envelope }) => envelope.kind === "erase")).toHaveLength(0);
    world.now += 16 * 60_000;
    await cleanUp(world.ports);
    await work(world);
    world.now += 5 * 60_000;
    await work(world);
    expectErased(world);
    world.now += 32 * DAY_MS;
    await cleanUp(world.ports);
    expect(world.operations.erasures.size).toBe(0);
    await expect(getErasure(world.ports, "ana")).rejects.toMatchObject({ code: "job-unknown" });
  });
});
