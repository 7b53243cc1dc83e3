/** `npm run local -- exec`, `save`, `load` and `reset`, with parts that do nothing. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { CLI, fixture } from "./program.js";

let data: string;

beforeEach(async () => {
  data = await mkdtemp(path.join(tmpdir(), "exec-"));
});
afterEach(() => rm(data, { recursive: true, force: true }));

function local(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { ...process.env, DAYFLY_DATA: data, DAYFLY_PROGRAM: fixture("fake-parts.js") };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [CLI, ...args], { env }, (_, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, stdout, stderr });
    });
  });
}

test("exec runs a command beside a stack that is ready, ends as it did, and leaves no stack", async () => {
  const script = path.join(data, "ask.mjs");
  await writeFile(
    script,
    `const { control, pid } = JSON.parse(process.env.DAYFLY_STACK);
     const { parts } = await (await fetch(control + "/parts")).json();
     console.log(JSON.stringify({ pid, states: parts.map(({ state }) => state) }));
     process.exitCode = 7;`,
  );
  const { code, stdout } = await local("exec", `"${process.execPath}" "${script}"`);
  const { pid, states } = JSON.parse(stdout) as { pid: number; states: string[] };
  expect([code, states]).toEqual([7, ["ready", "ready", "ready", "ready"]]);
  expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  expect(await readdir(data)).not.toContain("stack.json");
});

test("exec says what is missing, and fails when the stack does not start", async () => {
  expect(await local("exec")).toMatchObject({ code: 1, stderr: expect.stringContaining("Say what to run") });
  await writeFile(path.join(data, "stack.lock"), String(process.pid));
  expect(await local("exec", "exit 0")).toMatchObject({ code: 1, stderr: expect.stringContaining("another stack") });
});

test("what was saved comes back whole; reset leaves nothing but that", async () => {
  const file = path.join(data, "service-bus", "messages");
  await mkdir(path.dirname(file));
  await writeFile(file, "first");
  expect(await local("save", "friday")).toMatchObject({ code: 0, stdout: "saved as friday\n" });
  await writeFile(file, "second");
  await writeFile(path.join(data, "later"), "x");
  expect(await local("load", "friday")).toMatchObject({ code: 0, stdout: "loaded friday\n" });
  expect(await readFile(file, "utf8")).toBe("first");
  expect((await readdir(data)).sort()).toEqual(["saved", "service-bus"]);
  expect(await local("reset")).toMatchObject({ code: 0 });
  expect(await readdir(data)).toEqual(["saved"]);
  expect(await local("load", "monday")).toMatchObject({ code: 1, stderr: expect.stringContaining("There is: friday") });
  expect(await local("save", "../outside")).toMatchObject({ code: 1, stderr: expect.stringContaining("A name has") });
});

test("the data of a stack that runs is not touched", async () => {
  await writeFile(path.join(data, "stack.lock"), String(process.pid));
  await writeFile(path.join(data, "kept"), "x");
  expect(await local("reset")).toMatchObject({ code: 1, stderr: expect.stringContaining("another stack") });
  expect(await readdir(data)).toContain("kept");
});
