/** What the audit's workflow lets through: advisories that SECURITY.md argues, and no others. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, test } from "@jest/globals";

const folder = mkdtempSync(path.join(tmpdir(), "dayfly-audit-"));
afterAll(() => rmSync(folder, { recursive: true }));

function audit(report: unknown): { readonly status: number | null; readonly printed: string } {
  const file = path.join(folder, "audit.json");
  writeFileSync(file, JSON.stringify(report));
  const script = path.resolve(import.meta.dirname, "..", "..", "scripts", "audit.js");
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, file], { encoding: "utf8" });
  return { status, printed: stdout + stderr };
}

const advisory = (id: string) => ({
  ...{ name: "left", severity: "high", title: "It pads.", url: `https://github.com/advisories/${id}` },
});

test("an advisory that nobody has argued fails, however many packages it comes through", () => {
  const { status, printed } = audit({
    vulnerabilities: { left: { via: [advisory("GHSA-aaaa-bbbb-cccc")] }, right: { via: ["left"] } },
    metadata: {},
  });
  expect(status).toBe(1);
  expect(printed.match(/GHSA-aaaa-bbbb-cccc/g)).toHaveLength(1);
  expect(printed).toContain("high: left: It pads.");
});

test("nothing found passes; no audit at all does not", () => {
  expect(audit({ vulnerabilities: {}, metadata: {} })).toMatchObject({ status: 0 });
  expect(audit({ message: "405 Method Not Allowed" })).toMatchObject({
    ...{ status: 2, printed: expect.stringContaining("405") },
  });
});
