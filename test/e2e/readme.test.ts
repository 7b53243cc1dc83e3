/** What the README tells a user to run does what it says: the very lines, in a shell, against a stack of its own. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { startStack, type Stack } from "../support/stack.js";

const ROOT = path.resolve(import.meta.dirname, "..", "..");
const run = promisify(execFile);

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
});
afterAll(async () => {
  await stack.stop();
});

const environment = (): NodeJS.ProcessEnv => ({ ...process.env, DAYFLY_DATA: stack.data, NO_COLOR: "1" });

test("the demo ends well, and prints the conversation with the lost connection in it", async () => {
  const { stdout } = await run(process.execPath, [path.join(ROOT, "out", "demo", "conversation.js")], {
    env: environment(),
  });
  expect(stdout).toMatch(/ana +sent/u);
  expect(stdout).toMatch(/bo +got/u);
  expect(stdout).toMatch(/6 messages, each once and in order, at both ends/u);
});

test("the demo says what to do where no stack runs", async () => {
  const demo = run(process.execPath, [path.join(ROOT, "out", "demo", "conversation.js")], {
    env: { ...environment(), DAYFLY_DATA: path.join(stack.data, "nothing-here") },
  });
  const { code, stderr } = await demo.then(
    () => ({ code: 0, stderr: "" }),
    (error: unknown) => error as { code: number; stderr: string },
  );
  expect(code).toBe(1);
  expect(stderr).toContain("npm start");
});

test("the lines of “Try the API” work as they stand", async () => {
  const readme = await readFile(path.join(ROOT, "README.md"), "utf8");
  const [, script = ""] = /## Try the API[^]*?```sh\n([^]*?)```/u.exec(readme) ?? [];
  expect(script).toContain("curl");
  const { stdout } = await run("bash", ["-euo", "pipefail", "-c", script], { cwd: ROOT, env: environment() });
  const answers = jsonObjects(stdout) as { state?: string; items?: { text?: string }[] }[];
  const [sent, list, changes, file, closed, dayLater] = answers;
  expect(sent?.state).toBe("accepted");
  expect(list?.items?.map(({ text }) => text)).toEqual(["Lunch at one?"]);
  expect(changes?.items).toHaveLength(2);
  expect([file?.state, closed?.state]).toEqual(["accepted", "closed"]);
  expect(stdout.split("soup & rice")).toHaveLength(2);
  expect(stdout).toContain("BlobNotFound");
  expect(dayLater?.items).toEqual([]);
});

/** The JSON objects in a text, one after another; curl puts no line break behind an answer. */
function jsonObjects(text: string): readonly unknown[] {
  const found: unknown[] = [];
  for (let from = text.indexOf("{"); from !== -1;) {
    let to = from;
    let value: unknown;
    while (value === undefined && (to = text.indexOf("}", to) + 1) > 0) {
      try {
        value = JSON.parse(text.slice(from, to));
      } catch {
        // Not yet the end of this object.
      }
    }
    if (value !== undefined) found.push(value);
    from = text.indexOf("{", value === undefined ? from + 1 : to);
  }
  return found;
}
