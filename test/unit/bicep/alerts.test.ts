import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "@jest/globals";

const ROOT = path.resolve(import.meta.dirname, "..", "..", "..");
const alerts = readFileSync(path.join(ROOT, "bicep", "modules", "alerts.bicep"), "utf8");
const runbooks = readFileSync(path.join(ROOT, "docs", "operations.md"), "utf8");

test("every alert has its runbook, and every runbook its alert", () => {
  const inBicep = [...alerts.matchAll(/^ {2,4}name: '([a-z-]+)'$/gm)].map(([, name]) => name);
  const section = /^## Runbooks$([^]*?)^## /m.exec(runbooks)?.[1] ?? "";
  const inDocs = [...section.matchAll(/^### ([a-z-]+)$/gm)].map(([, name]) => name);
  expect(inBicep.length).toBeGreaterThan(8);
  expect(inDocs.sort()).toEqual([...new Set(inBicep)].sort());
});

test("every runbook has a command or a call that can be copied", () => {
  const section = /^## Runbooks$([^]*?)^## /m.exec(runbooks)?.[1] ?? "";
  for (const runbook of section.split(/^### /m).slice(1)) expect(runbook).toMatch(/```(sh|kusto)\n/);
});

test("the alerts ask for subjects that functions log", () => {
  const folder = path.join(ROOT, "src", "functions");
  const source = readdirSync(folder).map((file) => readFileSync(path.join(folder, file), "utf8"));
  const logged = [...source.join("\n").matchAll(/(?:(?:queue|timer)Handler\(\s*|subject: )"([\w-]+)"/g)].map(
    ([, name]) => name,
  );
  const queries = [...alerts.matchAll(/line\.subject (?:in \(([^)]*)\)|== ("[\w-]+"))/g)];
  const asked = queries.flatMap(([, many, one]) =>
    [...(many ?? one ?? "").matchAll(/"([\w-]+)"/g)].map(([, name]) => name),
  );
  expect(asked.length).toBeGreaterThan(4);
  expect(logged).toEqual(expect.arrayContaining(asked));
});
