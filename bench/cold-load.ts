/** What the first call of a new instance waits for: loading the functions' code, as one bundle and as it is compiled, file by file. */
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import path from "node:path";
import { ms, percentile, type Result } from "./numbers.js";
import { shareOfCore } from "./quarter-core.js";

const RUNS = 9;
const RUNS_ON_A_QUARTER = 5;
const ROOT = path.resolve(import.meta.dirname, "..", "..");
const BUNDLE = path.join(ROOT, "out", "package", "dist", "main.cjs");
const COMPILED = path.join(ROOT, "dist", "functions");

/** A worker that takes registrations and does nothing with them; prints how long loading took. */
const LOADER = `
const { Module } = require("node:module");
const { pathToFileURL } = require("node:url");
const original = Module.prototype.require;
const disposable = { dispose() {} };
const core = { version: "3.14.1", hostVersion: "4", Disposable: class {}, setProgrammingModel() {}, log() {},
  registerFunction: () => disposable, registerHook: () => disposable };
Module.prototype.require = function (id) { return id === "@azure/functions-core" ? core : original.call(this, id); };
(async () => {
  const start = performance.now();
  // As the worker does: ES modules are imported, the rest is required.
  for (const file of process.argv.slice(1))
    if (file.endsWith(".cjs")) require(file);
    else await import(pathToFileURL(file).href);
  console.log(performance.now() - start);
  process.exit(0);
})();`;

function load(files: readonly string[], prefix: readonly string[]): number {
  const [program = "", ...args] = [...prefix, process.execPath, "--eval", LOADER, ...files];
  return Number(execFileSync(program, args, { encoding: "utf8" }));
}

/** Of what `npm run build` has made; on a whole core, and on a quarter of one, which is what 512 MB buy on Azure. */
export async function measureColdLoad(): Promise<readonly Result[]> {
  const whole = compare("loading the functions", RUNS, []);
  const quarter = await shareOfCore(0.25);
  if (quarter === undefined) {
    const why = "control groups cannot be made here: not measured";
    return [whole, { what: "  on a quarter of a core", value: "", beside: why, goal: "≤ 0.35 ×" }];
  }
  try {
    return [whole, compare("  on a quarter of a core", RUNS_ON_A_QUARTER, quarter.prefix)];
  } finally {
    await quarter.remove();
  }
}

function compare(what: string, runs: number, prefix: readonly string[]): Result {
  const files = readdirSync(COMPILED).filter((file) => file.endsWith(".js"));
  const compiled = files.map((file) => path.join(COMPILED, file));
  const bundled: number[] = [];
  const unbundled: number[] = [];
  // In turns: whatever else the machine does hits both.
  for (let run = 0; run < runs; run += 1) {
    bundled.push(load([BUNDLE], prefix));
    unbundled.push(load(compiled, prefix));
  }
  const [one, many] = [percentile(bundled, 50), percentile(unbundled, 50)];
  return {
    what: `${what}, p50 of ${String(runs)}`,
    value: ms(one),
    beside: `file by file ${ms(many)}: ${(one / many).toFixed(2)} ×`,
    goal: "≤ 0.35 ×",
  };
}
