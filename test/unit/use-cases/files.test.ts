import { describe, expect, test } from "@jest/globals";
import type { StoredFile } from "../../../src/lib/domain/file.js";
import type { Versioned } from "../../../src/lib/ports.js";
import { removeMember } from "../../../src/lib/use-cases/change-members.js";
import { cleanUp } from "../../../src/lib/use-cases/clean-up.js";
import { closeByReader } from "../../../src/lib/use-cases/close-view.js";
import { completeUpload } from "../../../src/lib/use-cases/complete-upload.js";
import { createConversation } from "../../../src/lib/use-cases/create-conversation.js";
import { deliverFile } from "../../../src/lib/use-cases/deliver-file.js";
import { meetDeadline } from "../../../src/lib/use-cases/meet-deadline.js";
import { deleteClosedFile } from "../../../src/lib/use-cases/settle-file.js";
import { startUpload } from "../../../src/lib/use-cases/start-upload.js";
import { sweepFiles } from "../../../src/lib/use-cases/sweep-files.js";
import { unsendMessage } from "../../../src/lib/use-cases/unsend-message.js";
import { openFile } from "../../../src/lib/use-cases/view-file.js";
import { dieEverywhere } from "../../support/fakes/die-everywhere.js";
import { World } from "../../support/fakes/world.js";

const CONVERSATION = "019a0000-0000-7000-8000-000000000001";
const FILE = "019a0000-0000-7000-8000-000000000002";
const NAME = { conversationId: CONVERSATION, fileId: FILE };
const BYTES = new TextEncoder().encode("what is in it");
const INPUT = { id: FILE, name: "notes.txt", size: BYTES.length, contentType: "text/plain" };
const HOUR_MS = 3_600_000;

async function conversing(members = ["bo"]): Promise<World> {
  const world = new World();
  await createConversation(world.ports, "ana", { id: CONVERSATION, members });
  return world;
}

async function announced(members?: string[]): Promise<World> {
  const world = await conversing(members);
  await startUpload(world.ports, "ana", CONVERSATION, INPUT, undefined);
  return world;
}

async function uploaded(bytes = BYTES, members?: string[]): Promise<World> {
  const world = await announced(members);
  world.files.put(NAME, bytes, world.now);
  return world;
}

async function delivered(members?: string[]): Promise<World> {
  const world = await uploaded(BYTES, members);
  await completeUpload(world.ports, "ana", CONVERSATION, FILE, undefined);
  await deliverFile(world.ports, world.fileMessages[0], 1, undefined);
  return world;
}

async function opened(members = ["bo"]): Promise<World> {
  const world = await delivered(members);
  for (const user of members) await openFile(world.ports, user, NAME, { key: `key of ${user}` }, undefined);
  return world;
}

const fileIn = (world: World): Versioned<StoredFile> | undefined => world.rows.get(CONVERSATION)?.files.get(FILE);
const viewOf = (world: World, user: string) => fileIn(world)?.views.find((view) => view.user === user);

async function close(world: World, user: string): Promise<unknown> {
  const viewId = viewOf(world, user)?.id ?? "";
  return closeByReader(world.ports, user, { ...NAME, viewId }, {}, undefined);
}

/** Everything that waits in the queues and is due, until nothing is left. */
async function work(world: World): Promise<void> {
  for (;;) {
    const closing = world.closings.shift();
    if (closing !== undefined) {
      await deleteClosedFile(world.ports, closing.envelope, 1, undefined);
      continue;
    }
    const due = world.deadlines.findIndex(({ at }) => at.getTime() <= world.now);
    if (due === -1) return;
    const [deadline] = world.deadlines.splice(due, 1);
    await meetDeadline(world.ports, deadline?.envelope, 1, undefined);
  }
}

const logged = (world: World, type: string): number =>
  world.rows.get(CONVERSATION)?.entries.filter((entry) => entry.type === type).length ?? 0;

describe("a process that dies anywhere, and the work is done again", () => {
  test("announcing a file: one row, one URL, its end set", async () => {
    await dieEverywhere(
      () => conversing(),
      (world) => startUpload(world.ports, "ana", CONVERSATION, INPUT, undefined),
      (world) => {
        expect(fileIn(world)).toMatchObject({ state: "uploading", isStaged: true });
        expect([...world.files.live.keys()]).toEqual([`${CONVERSATION}/${FILE}`]);
        expect(world.dues.size).toBe(1);
        expect(world.deadlines).toHaveLength(1);
      },
    );
  });

  test("completing an upload: one copy, nothing but an empty blob where it was uploaded to, one message in the queue", async () => {
    const deaths = await dieEverywhere(
      () => uploaded(),
      (world) => completeUpload(world.ports, "ana", CONVERSATION, FILE, undefined),
      (world) => {
        expect(fileIn(world)).toMatchObject({ state: "accepted" });
        expect([...world.files.files.keys()]).toEqual([fileIn(world)?.blob]);
        expect(world.files.files.get(fileIn(world)?.blob ?? "")).toMatchObject({
          bytes: BYTES,
          headers: { contentType: "text/plain", disposition: "attachment; filename*=UTF-8''notes.txt" },
        });
        expect(world.files.put(NAME, BYTES, world.now)).toBe(false);
        expect([...world.files.staging.values()].map(({ bytes }) => bytes.length)).toEqual([0]);
        expect(world.fileMessages).toHaveLength(1);
      },
    );
    expect(deaths).toBeGreaterThanOrEqual(20);
  });

  test("refusing an upload: nothing of it is left, its sender told", async () => {
    await dieEverywhere(
      () => uploaded(new TextEncoder().encode("something else")),
      (world) =>
        completeUpload(world.ports, "ana", CONVERSATION, FILE, undefined).catch((error: unknown) => {
          if ((error as { code?: string }).code !== "upload-size-mismatch") throw error;
        }),
      (world) => {
        expect(fileIn(world)).toMatchObject({ state: "rejected", reason: "upload-size-mismatch" });
        expect(world.files.files.size).toBe(0);
        expect(world.published).toContainEqual(expect.objectContaining({ name: "file.rejected", onlyTo: "ana" }));
        expect(world.rows.get(CONVERSATION)?.indexes.get(FILE)).toMatchObject({ state: "failed" });
      },
    );
  });

  test("delivering a file: once in the log, open to its readers", async () => {
    const build = async (): Promise<World> => {
      const world = await uploaded();
      await completeUpload(world.ports, "ana", CONVERSATION, FILE, undefined);
      return world;
    };
    await dieEverywhere(
      build,
      (world) => deliverFile(world.ports, world.fileMessages[0], 1, undefined),
      (world) => {
        expect(fileIn(world)).toMatchObject({ state: "ready", seq: 2 });
        expect(logged(world, "message.created")).toBe(1);
        expect(world.published).toContainEqual(expect.objectContaining({ name: "message.created" }));
      },
    );
  });

  test("opening a file: one view, whose end is set, the same for the same key", async () => {
    await dieEverywhere(
      () => delivered(),
      (world) => openFile(world.ports, "bo", NAME, { key: "k" }, undefined),
      (world) => {
        expect(fileIn(world)?.views).toHaveLength(1);
        expect(logged(world, "file.opened")).toBe(1);
        const view = viewOf(world, "bo")?.id;
        expect(world.deadlines).toContainEqual(
          expect.objectContaining({ envelope: expect.objectContaining({ kind: "lease", view }) as unknown }),
        );
      },
    );
  });

  test("closing a view: one message, and nobody opens it again", async () => {
    await dieEverywhere(
      () => opened(),
      (world) => close(world, "bo"),
      async (world) => {
        expect(world.closings.map(({ envelope }) => envelope)).toEqual([
          { v: 1, conversation: CONVERSATION, file: FILE, view: viewOf(world, "bo")?.id },
        ]);
        await expect(openFile(world.ports, "bo", NAME, { key: "key of bo" }, undefined)).rejects.toMatchObject({
          code: "view-closed",
        });
      },
    );
  });

  test("deleting a closed file: gone, one entry in the log, nothing of it in any list but its empty upload", async () => {
    const deaths = await dieEverywhere(
      async () => {
        const world = await opened();
        await close(world, "bo");
        return world;
      },
      (world) => deleteClosedFile(world.ports, world.closings[0]?.envelope, 2, undefined),
      async (world) => {
        expect(world.files.files.size).toBe(0);
        expect([logged(world, "file.closed"), logged(world, "file.deleted")]).toEqual([1, 1]);
        expect(fileIn(world)).toMatchObject({ state: "deleted", reason: "closed" });
        expect(world.published).toContainEqual(expect.objectContaining({ name: "file.deleted" }));
        expect(JSON.stringify([...(world.rows.get(CONVERSATION)?.documents.values() ?? [])])).not.toContain("notes");
        world.now += HOUR_MS;
        await work(world);
        expect([world.files.staging.size, world.files.live.size, world.dues.size]).toEqual([0, 0, 1]);
        world.now += 24 * HOUR_MS;
        await work(world);
        expect(world.dues.size).toBe(0);
      },
    );
    expect(deaths).toBeGreaterThanOrEqual(12);
  });

  test("taking a file back, while a reader has it open: gone, told once, and done again it changes nothing", async () => {
    await dieEverywhere(
      () => opened(["bo"]),
      (world) => unsendMessage(world.ports, "ana", CONVERSATION, FILE, undefined),
      (world) => {
        expect(fileIn(world)).toMatchObject({ state: "deleted", reason: "unsent", name: "" });
        expect(world.files.files.size).toBe(0);
        expect(logged(world, "file.deleted")).toBe(1);
        expect(viewOf(world, "bo")?.closed).toBeDefined();
      },
    );
    const world = await opened(["bo"]);
    await expect(unsendMessage(world.ports, "bo", CONVERSATION, FILE, undefined)).rejects.toMatchObject({
      code: "not-allowed",
    });
  });

  test("a file that nobody opens, at its end", async () => {
    await dieEverywhere(
      async () => {
        const world = await delivered();
        world.now += 24 * HOUR_MS + 60_000;
        return world;
      },
      (world) => meetDeadline(world.ports, expiryOf(world), 1, undefined),
      (world) => {
        expect(fileIn(world)).toMatchObject({ state: "deleted", reason: "never-opened" });
        expect([world.files.files.size, logged(world, "file.deleted")]).toEqual([0, 1]);
      },
    );
  });

  test("a member who leaves with the file open: their view counts as closed", async () => {
    await dieEverywhere(
      () => opened(["bo", "cy"]),
      (world) => removeMember(world.ports, "ana", CONVERSATION, "bo", undefined),
      async (world) => {
        await work(world);
        expect(viewOf(world, "bo")?.closed).toMatchObject({ reason: "revoked" });
        expect(fileIn(world)?.state).toBe("ready");
        await close(world, "cy");
        await work(world);
        expect(fileIn(world)).toMatchObject({ state: "deleted", reason: "closed" });
      },
    );
  });
});

const expiryOf = (world: World) =>
  world.deadlines.findLast(({ envelope }) => envelope.kind === "expire" && envelope.minute > "202611241100")?.envelope;

test("whoever dies for good after opening: the lease ends, then the file", async () => {
  const world = await opened();
  world.now += 44_000;
  await work(world);
  expect(fileIn(world)?.state).toBe("ready");
  world.now += 1_000;
  await work(world);
  expect(viewOf(world, "bo")?.closed).toMatchObject({ reason: "lease-expired" });
  expect(fileIn(world)).toMatchObject({ state: "deleted" });
});

test("an upload that is never completed is gone within the hour, and its sender told", async () => {
  const world = await uploaded();
  world.now += HOUR_MS;
  await work(world);
  expect(fileIn(world)).toMatchObject({ state: "rejected", reason: "upload-expired" });
  expect([world.files.staging.size, world.files.live.size, world.dues.size]).toEqual([0, 0, 0]);
  expect(world.published).toContainEqual(expect.objectContaining({ name: "file.rejected", onlyTo: "ana" }));
  world.now += 31 * 24 * HOUR_MS;
  await cleanUp(world.ports);
  const row = world.rows.get(CONVERSATION);
  expect([row?.files.size, row?.indexes.size, row?.strays.size]).toEqual([0, 0, 0]);
});

test("a file that is still scanned waits; refused in the end it is deleted", async () => {
  const world = await uploaded();
  await completeUpload(world.ports, "ana", CONVERSATION, FILE, undefined);
  world.files.verdict = "pending";
  expect(await deliverFile(world.ports, world.fileMessages[0], 1, undefined)).toEqual({ outcome: "scanning" });
  expect(world.fileMessages.map(({ attempt }) => attempt)).toEqual([1, 2]);
  world.now += 10 * 60_000;
  expect(await deliverFile(world.ports, world.fileMessages[1], 1, undefined)).toEqual({
    outcome: "rejected",
    code: "scan-unfinished",
  });
  expect(world.files.files.size).toBe(0);
});

describe("the sweeper", () => {
  test("finds blobs that belong to nothing, and leaves those that do", async () => {
    const world = await delivered();
    const stray = { bytes: BYTES, modifiedAt: new Date(world.now) };
    world.files.files.set(`${CONVERSATION}/${FILE}/other`, stray);
    world.files.files.set("not one of ours", stray);
    world.files.staging.set(`${CONVERSATION}/019a0000-0000-7000-8000-00000000000f`, stray);
    expect(await sweepFiles(world.ports, undefined)).toMatchObject({ job: "sweep-files", lookedAt: 0 });
    world.now += 11 * 60_000;
    expect(await sweepFiles(world.ports, undefined)).toMatchObject({ lookedAt: 3 });
    expect([...world.files.files.keys()]).toEqual([fileIn(world)?.blob]);
    expect(await sweepFiles(world.ports, undefined)).toMatchObject({ lookedAt: 0 });
  });

  test("ends a file whose blob is gone", async () => {
    const world = await delivered();
    world.files.files.clear();
    world.now += 11 * 60_000;
    expect(await sweepFiles(world.ports, undefined)).toMatchObject({ lookedAt: 1 });
    expect(fileIn(world)).toMatchObject({ state: "deleted", reason: "lost" });
    expect(logged(world, "file.deleted")).toBe(1);
  });

  test("goes on where a deletion failed for good, and lets it hold nothing else up", async () => {
    const world = await opened();
    await close(world, "bo");
    world.trouble.set("remove", () => new Error("locked"));
    await expect(deleteClosedFile(world.ports, world.closings[0]?.envelope, 1, undefined)).rejects.toThrow("locked");
    expect(fileIn(world)?.state).toBe("closing");
    expect(logged(world, "file.deleted")).toBe(0);
    world.now += 20 * 60_000;
    expect(await sweepFiles(world.ports, undefined)).toMatchObject({ lookedAt: 1 });
    expect(fileIn(world)?.state).toBe("closing");
    world.trouble.clear();
    expect(await sweepFiles(world.ports, undefined)).toMatchObject({ lookedAt: 1 });
    expect(fileIn(world)?.state).toBe("deleted");
  });

  test("finds files whose deadlines were all lost", async () => {
    const world = await delivered();
    world.deadlines.length = 0;
    world.now += 25 * HOUR_MS;
    await sweepFiles(world.ports, undefined);
    expect(fileIn(world)).toMatchObject({ state: "deleted", reason: "never-opened" });
    expect([world.files.files.size, world.files.staging.size, world.files.live.size]).toEqual([0, 0, 0]);
  });
});

test("a day's files and bytes are counted; what is repeated is counted once", async () => {
  const world = await conversing();
  const input = { name: "a.txt", size: 1, contentType: "text/plain" };
  for (let n = 0; n < 5; n++) await startUpload(world.ports, "ana", CONVERSATION, input, undefined);
  await expect(startUpload(world.ports, "ana", CONVERSATION, input, undefined)).rejects.toMatchObject({
    code: "file-quota-exceeded",
    allowed: { files: 0, bytes: 999_995 },
    retryAfterS: 12 * 3_600,
  });
  await startUpload(world.ports, "bo", CONVERSATION, { ...INPUT, size: 999_999 }, undefined);
  await startUpload(world.ports, "bo", CONVERSATION, { ...INPUT, size: 999_999 }, undefined);
  await expect(startUpload(world.ports, "bo", CONVERSATION, { ...input, size: 2 }, undefined)).rejects.toMatchObject({
    code: "file-quota-exceeded",
    allowed: { files: 4, bytes: 1 },
  });
  world.now += 12 * HOUR_MS;
  await startUpload(world.ports, "ana", CONVERSATION, input, undefined);
});
