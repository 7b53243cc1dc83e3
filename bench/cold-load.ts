/** What the first call of a new instance waits for: loading the functions' code, as one bundle and as it is compiled, file by file. */
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import path from "node:path";
import { ms, percentile, type Result } from "./numbers.js";

const RUNS = 9;
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

const load = (files: readonly string[]): number =>
  Number(execFileSync(process.execPath, ["--eval", LOADER, ...files], { encoding: "utf8" }));

/** Of what `npm run build` has made. */
export function measureColdLoad(): readonly Result[] {
  const files = readdirSync(COMPILED).filter((file) => file.endsWith(".js"));
  const compiled = files.map((file) => path.join(COMPILED, file));
  const bundled: number[] = [];
  const unbundled: number[] = [];
  // In turns: whatever else the machine does hits both.
  for (let run = 0; run < RUNS; run += 1) {
    bundled.push(load([BUNDLE]));
    unbundled.push(load(compiled));
  }
  const [one, many] = [percentile(bundled, 50), percentile(unbundled, 50)];
  return [
    {
      what: `loading the functions, p50 of ${String(RUNS)}`,
      value: ms(one),
      beside: `file by file ${ms(many)}: ${(one / many).toFixed(2)} ×`,
      goal: "≤ 0.35 ×",
    },
  ];
}
