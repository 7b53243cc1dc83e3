/** A start that cannot be: one line that says what has happened and what to do, and an exit that fails. */
import { afterEach, beforeEach, expect } from "@jest/globals";
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { once } from "node:events";
import { tmpdir } from "node:os";
import path from "node:path";
import { openLogStore } from "../../../local/log-store/log-store.js";
import { root } from "./part-process.js";
import { standInTest } from "./target.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "service-bus-start-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Starts the part, which is to fail. */
async function start(queues: readonly object[]): Promise<{ code: number | null; line: string }> {
  const topology = path.join(folder, "topology.json");
  await writeFile(topology, JSON.stringify({ queues }));
  const ports = ["--port", "0", "--management-port", "0"];
  const args = [path.join(root, "out/local/cli.js"), "service-bus", ...ports, "--data", folder, "--topology", topology];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
  const [line, [code]] = await Promise.all([text(child.stderr), once(child, "exit") as Promise<[number | null]>]);
  return { code, line };
}

standInTest.each([
  [
    "to a queue that is not there",
    [{ name: "a", forwardDeadLetteredMessagesTo: "b" }],
    '"a" forwards dead letters to "b"',
  ],
  ["to itself", [{ name: "a", forwardDeadLetteredMessagesTo: "A" }], "must be another queue"],
  [
    "from sessions",
    [{ name: "a", requiresSession: true, forwardDeadLetteredMessagesTo: "b" }, { name: "b" }],
    "queues.0.forwardDeadLetteredMessagesTo: is not possible for a queue that requires sessions",
  ],
])("SB-59: a topology that forwards dead letters %s", async (_, queues, problem) => {
  const { code, line } = await start(queues);
  expect({ code, lines: line.trim().split("\n").length }).toEqual({ code: 1, lines: 1 });
  expect(line).toContain(problem);
});

standInTest.each([
  ["a queue in capitals, as an early version wrote it", "n:Orders"],
  ["an entry of another kind, as a later version may write it", "x:orders"],
])("data that hold %s", async (_, key) => {
  const store = await openLogStore({ directory: folder });
  await store.commit([{ put: key, value: Buffer.from("7") }]);
  await store.close();
  const { code, line } = await start([{ name: "orders" }]);
  expect({ code, lines: line.trim().split("\n").length }).toEqual({ code: 1, lines: 1 });
  expect(line).toContain(`the data in ${folder} were written by another version`);
  expect(line).toContain("choose another folder (--data)");
});
