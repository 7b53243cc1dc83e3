// Runs after `npm ci`: sets the git hooks, where this is a git checkout, and compiles once so that the first start is quick.
// `npm ci --omit=dev` has no compiler and needs neither.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";

if (existsSync(".git")) {
  try {
    execFileSync("git", ["config", "core.hooksPath", ".githooks"], { stdio: "ignore" });
  } catch {
    // Without git on the machine there are no commits to check.
  }
}
if (existsSync("node_modules/esbuild")) {
  const { compile } = await import("./compile.js");
  await compile();
}
