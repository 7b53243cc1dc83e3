import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { fixture, Program, ROOT } from "./program.js";

let root: string;
let watch: Program;

/** Stands for scripts/compile.js: fails on request, and says how many files changed. */
const COMPILER = `
import { readFile } from "node:fs/promises";
let before;
export async function compileSource() {
  const now = await readFile(new URL("../src/greet.ts", import.meta.url), "utf8");
  if (now.includes("((")) throw new Error("Expected )");
  const changed = now === before ? 0 : 1;
  before = now;
  return changed;
}
`;

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), "watch-"));
  await Promise.all([mkdir(path.join(root, "src")), mkdir(path.join(root, "scripts"))]);
  await symlink(path.join(ROOT, "node_modules"), path.join(root, "node_modules"), "dir");
  await writeFile(path.join(root, "package.json"), '{ "type": "module" }');
  await writeFile(path.join(root, "tsconfig.json"), '{ "compilerOptions": { "types": [] }, "include": ["src"] }');
  await writeFile(path.join(root, "scripts", "compile.js"), COMPILER);
  await save("export const greeting: string = 'hello';");
  watch = new Program([fixture("watch.js"), root]);
  await watch.line((line) => line.includes("Found 0 errors"));
});
afterAll(async () => {
  await watch.end();
  await rm(root, { recursive: true, force: true });
});

async function save(text: string): Promise<void> {
  await writeFile(path.join(root, "src", "greet.ts"), text);
}

const restarts = (): number => watch.stdout.filter((line) => line === "restarted").length;

test("a save compiles and restarts the functions; types are checked on the side and do not stand in the way", async () => {
  await save("export const greeting: string = 'good morning';");
  await watch.line((line) => line.startsWith("dev | functions restarted in"));
  expect(restarts()).toBe(1);

  await save("export const greeting: string = ((;");
  await watch.line((line) => line.startsWith("dev | did not compile, so the functions stay as they are"));
  expect(restarts()).toBe(1);

  await save("export const greeting: string = 5;");
  await watch.line((line) => line.includes("TS2322"));
  await watch.line(() => restarts() === 2);
});
