/** docs/parity.md has a row for each rule of the Service Bus, and each test that a row names is there and names the rule. */
import { expect, test } from "@jest/globals";
import { readFileSync } from "node:fs";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "../../..");
const RULES = 58;

interface Row {
  readonly rule: string;
  readonly azure: string;
  readonly source: string;
  readonly tests: readonly string[];
  readonly here: string;
}

const rows = readFileSync(path.join(root, "docs/parity.md"), "utf8")
  .split("\n")
  .filter((line) => line.startsWith("| SB-"))
  .map((line): Row => {
    const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
    const [, rule = "", azure = "", source = "", tests = "", here = ""] = cells;
    return { rule, azure, source, tests: [...tests.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name), here };
  });

test("SB-01 to SB-58 have a row each, in order, then the later ones; no cell is empty", () => {
  const all = Array.from({ length: RULES }, (_, n) => `SB-${String(n + 1).padStart(2, "0")}`);
  expect(rows.slice(0, RULES).map(({ rule }) => rule)).toEqual(all);
  expect(rows.filter((row) => [row.azure, row.source, row.here].includes("") || row.tests.length === 0)).toEqual([]);
});

test("each test that is named is there, and names the rule", () => {
  const unnamed = rows.filter(({ rule, tests }) => {
    const texts = tests.map((name) =>
      readFileSync(path.join(root, "test/conformance/service-bus", `${name}.test.ts`), "utf8"),
    );
    return !texts.every((text) => namesRule(text, rule));
  });
  expect(unnamed.map(({ rule, tests }) => `${rule}: ${tests.join(", ")}`)).toEqual([]);
});

/** By its number, or by a span of numbers such as "SB-44 to SB-47". */
function namesRule(text: string, rule: string): boolean {
  const number = Number(rule.slice(3));
  const spans = [...text.matchAll(/SB-(\d\d) to SB-(\d\d)/g)];
  return text.includes(rule) || spans.some(([, from, to]) => Number(from) <= number && number <= Number(to));
}
