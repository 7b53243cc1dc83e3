/** What is dead leaves the files, although most of the log is alive and nothing else happens. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { openLogStore, type Store } from "../../../local/log-store/log-store.js";
import { FaultyFiles } from "./faulty-files.js";

const SECRET = "nobody may read this any more";

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
  await rm(directory, { recursive: true });
});

async function open(clearAfter = 1): Promise<Store> {
  store = await openLogStore({ directory, files, clearAfter });
  return store;
}

const value = (text: string): Buffer => Buffer.from(text);
const bytes = async (): Promise<string> => {
  const names = (await readdir(directory)).filter((name) => name.endsWith(".log"));
  // One may have gone since it was listed.
  const texts = await Promise.all(names.map((name) => readFile(path.join(directory, name), "latin1").catch(() => "")));
  return texts.join("");
};

async function untilGone(): Promise<void> {
  while ((await bytes()).includes(SECRET)) await new Promise((resolve) => setImmediate(resolve));
}

test("a value that was removed, and one that was replaced", async () => {
  const { commit, read } = bound(await open());
  await commit([{ put: "kept", value: value("alive") }]);
  await commit([{ put: "removed", value: value(SECRET) }]);
  await commit([{ remove: "removed" }]);
  await untilGone();
  await commit([{ put: "replaced", value: value(SECRET) }]);
  await commit([{ put: "replaced", value: value("new") }]);
  await untilGone();
  expect([read("kept").toString(), read("replaced").toString()]).toEqual(["alive", "new"]);
  await store?.close();
  const again = await open();
  expect([...again.entries()].map(([key, each]) => [key, each.toString()]).sort()).toEqual([
    ["kept", "alive"],
    ["replaced", "new"],
  ]);
});

test("one that died before a crash, after the next start", async () => {
  const hour = 3_600_000;
  const { commit } = bound(await open(hour));
  await commit([{ put: "removed", value: value(SECRET) }]);
  await commit([{ remove: "removed" }]);
  await store?.close();
  expect(await bytes()).toContain(SECRET);
  await open();
  await untilGone();
});

test("when the disk takes nothing at first, later", async () => {
  const { commit } = bound(await open());
  files.broken.add("unlink");
  await commit([{ put: "removed", value: value(SECRET) }]);
  await commit([{ remove: "removed" }]);
  while (!files.calls.includes("unlink")) await new Promise((resolve) => setImmediate(resolve));
  files.broken.clear();
  await untilGone();
});

test("then it rests: a log in which everything is alive is not written again", async () => {
  const { commit } = bound(await open());
  await commit([{ put: "removed", value: value(SECRET) }]);
  await commit([{ put: "kept", value: value("alive") }, { remove: "removed" }]);
  await untilGone();
  await commit([]);
  const writes = files.calls.filter((call) => call === "write").length;
  // Time for a timer of a millisecond to come round, if there were one.
  for (let turns = 0; turns < 50; turns++) await readFile(path.join(import.meta.dirname, "clearing.test.ts"));
  expect(files.calls.filter((call) => call === "write").length).toBe(writes);
});

function bound(opened: Store): Pick<Store, "commit" | "read"> {
  return { commit: (changes) => opened.commit(changes), read: (key) => opened.read(key) };
}
