/** A disk that refuses: what was refused never comes back, what was acknowledged always does. */
import { copyFile, mkdir, mkdtemp, readdir, rm, stat, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { openLogStore, type Change, type Store, type StoreOptions } from "../../../local/log-store/log-store.js";
import { FaultyFiles, type Operation } from "./faulty-files.js";

let directory: string;
let files: FaultyFiles;
let store: Store | undefined;
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "log-store-"));
  files = new FaultyFiles();
});
afterEach(async () => {
  await store?.close();
  store = undefined;
  expect(files.openFiles).toBe(0);
  await rm(directory, { recursive: true });
});

const put = (key: string, value = "x"): Change => ({ put: key, value: Buffer.from(value) });

async function open(options: Partial<StoreOptions> = {}): Promise<Store> {
  store = await openLogStore({ directory, files, ...options });
  return store;
}

/** The keys that a new process would find if this one were killed now. */
async function keysAfterKill(onDamage?: (text: string) => void): Promise<string[]> {
  const copy = await mkdtemp(path.join(tmpdir(), "log-store-copy-"));
  await mkdir(copy, { recursive: true });
  for (const name of await segments()) await copyFile(path.join(directory, name), path.join(copy, name));
  const again = await openLogStore({ directory: copy, ...(onDamage === undefined ? {} : { onDamage }) });
  const keys = [...again.entries()].map(([key]) => key).sort();
  await again.close();
  await rm(copy, { recursive: true });
  return keys;
}

async function segments(): Promise<string[]> {
  return (await readdir(directory)).filter((name) => name.endsWith(".log")).sort();
}

test("a full disk refuses, keeps what there is, and takes again when there is room", async () => {
  const damage: string[] = [];
  const { commit, read } = bound(await open());
  await commit([put("before", "kept")]);
  files.room = 20;
  await expect(commit([put("refused", "x".repeat(100))])).rejects.toMatchObject({ code: "ENOSPC" });
  await expect(commit([put("refused as well")])).rejects.toMatchObject({ code: "ENOSPC" });
  expect(read("before").toString()).toBe("kept");
  // Nothing of it is left in the file, not even by half.
  expect(await keysAfterKill((text) => damage.push(text))).toEqual(["before"]);
  expect(damage).toEqual([]);
  files.room = Infinity;
  await commit([put("after")]);
  expect(await keysAfterKill()).toEqual(["after", "before"]);
});

test.each<Operation>(["write", "datasync"])(
  "a %s that fails although its bytes are there: they are cut off at once",
  async (operation) => {
    const { commit } = bound(await open({ sync: true }));
    await commit([put("before")]);
    files.doubtful.add(operation);
    await expect(commit([put("refused")])).rejects.toMatchObject({ code: "EIO" });
    expect(await keysAfterKill()).toEqual(["before"]);
  },
);

test("what cannot be cut off is sealed off: it comes back neither after a kill, nor a close, nor later writes", async () => {
  const { commit, close } = bound(await open({ sync: true }));
  await commit([put("before")]);
  files.broken.add("truncate");
  files.doubtfulOnce.add("write");
  await expect(commit([put("refused")])).rejects.toMatchObject({ code: "EIO" });
  expect(await keysAfterKill()).toEqual(["before"]);
  await commit([put("after")]);
  expect(await keysAfterKill()).toEqual(["after", "before"]);
  await close();
  store = undefined;
  expect(await keysAfterKill()).toEqual(["after", "before"]);
});

test("behind a seal that may be there nothing is written any more, although the cut works later", async () => {
  const { commit } = bound(await open());
  await commit([put("before")]);
  files.broken.add("truncate");
  files.doubtful.add("write");
  await expect(commit([put("refused")])).rejects.toMatchObject({ code: "EIO" });
  await expect(commit([put("refused as well")])).rejects.toMatchObject({ code: "EIO" });
  expect(await keysAfterKill()).toEqual(["before"]);
  files.broken.clear();
  files.doubtful.clear();
  await commit([put("after")]);
  expect(await keysAfterKill()).toEqual(["after", "before"]);
});

test("while the disk takes neither a cut nor a seal, nothing is taken; the close is the last attempt", async () => {
  const { commit, close } = bound(await open());
  await commit([put("before")]);
  files.broken.add("truncate").add("open");
  files.doubtful.add("write");
  await expect(commit([put("refused")])).rejects.toMatchObject({ code: "EIO" });
  files.doubtful.clear();
  await expect(commit([put("refused as well")])).rejects.toMatchObject({ code: "EIO" });
  files.broken.clear();
  await close();
  store = undefined;
  expect(await keysAfterKill()).toEqual(["before"]);
});

test("a segment that was begun in vain does not turn a crash's torn end into damage", async () => {
  const { commit } = bound(await open({ segmentBytes: 10 }));
  await commit([put("a")]);
  await commit([put("b")]);
  const names = await segments();
  const damage: string[] = [];
  await store?.close();
  store = undefined;
  const [first = "", second = ""] = names;
  await truncate(path.join(directory, first), (await stat(path.join(directory, first))).size - 1);
  await expect(keysAfterKill()).rejects.toThrow(/damaged: 0000000001\.log .* at byte 0/);
  await truncate(path.join(directory, second), 5);
  expect(await keysAfterKill((text) => damage.push(text))).toEqual([]);
  expect(damage).toHaveLength(2);
  expect(damage[0]).toMatch(/0000000001\.log in .*, at byte 0, \d+ bytes dropped/);
});

test("a segment that cannot be removed stays, is said once, and goes when it can: nothing removed comes back", async () => {
  const damage: string[] = [];
  const segmentBytes = 2_000;
  const { commit } = bound(await open({ segmentBytes, onDamage: (text) => damage.push(text) }));
  files.broken.add("unlink");
  await commit([put("pinned")]);
  for (let n = 0; n < 200; n++) {
    await commit([put("removed"), put("changed", "x".repeat(100))]);
    await commit([{ remove: "removed" }]);
  }
  expect(files.calls.filter((call) => call === "unlink").length).toBeGreaterThan(1);
  expect(damage).toEqual([expect.stringMatching(/could not be cleared, and is kept until it can/)]);
  expect((await segments())[0]).toBe("0000000001.log");
  expect(await keysAfterKill()).toEqual(["changed", "pinned"]);
  files.broken.clear();
  await commit([put("last")]);
  await store?.close();
  store = undefined;
  expect(await keysAfterKill()).toEqual(["changed", "last", "pinned"]);
  expect((await segments())[0]).not.toBe("0000000001.log");
});

test("a full disk is cleared of what is dead, also when nothing can be written", async () => {
  const { commit } = bound(await open({ segmentBytes: 2_000 }));
  files.broken.add("unlink");
  for (let n = 0; n < 200; n++) await commit([put("changed", "x".repeat(100))]);
  files.broken.clear();
  files.room = 0;
  const before = (await segments()).length;
  await expect(commit([put("changed", "y")])).rejects.toMatchObject({ code: "ENOSPC" });
  await store?.close();
  store = undefined;
  expect((await segments()).length).toBeLessThan(before);
  expect(await keysAfterKill()).toEqual(["changed"]);
});

test("files go as soon as nothing in them is alive, without another commit", async () => {
  const segmentBytes = 4_000;
  const { commit } = bound(await open({ segmentBytes }));
  const keys = Array.from({ length: 2_000 }, (_, n) => `k${n}`);
  for (const key of keys) await commit([put(key, "x".repeat(100))]);
  const before = (await segments()).length;
  await commit(keys.map((remove) => ({ remove })));
  while ((await segments()).length > 12) await new Promise((resolve) => setImmediate(resolve));
  expect(before).toBeGreaterThan(50);
});

test("a store that cannot be opened, or lacks a file's size, leaves no file open", async () => {
  files.broken.add("stat");
  await expect(openLogStore({ directory, files })).rejects.toMatchObject({ code: "EIO" });
  expect(files.openFiles).toBe(0);
});

test("a commit that comes in any turn around the end of a write is written", async () => {
  const { commit } = bound(await open());
  for (let turns = 0; turns < 40; turns++) {
    await commit([put("first")]);
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    await commit([put("second")]);
  }
});

function bound(opened: Store): Pick<Store, "commit" | "read" | "close"> {
  return {
    commit: (changes) => opened.commit(changes),
    read: (key) => opened.read(key),
    close: () => opened.close(),
  };
}
