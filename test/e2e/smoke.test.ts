/** `npm run smoke` against a stack of its own: what a person runs after `azd up` must not be broken when it is needed. */
import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { expect, test } from "@jest/globals";
import { startStack } from "../support/stack.js";

const ROOT = path.resolve(import.meta.dirname, "..", "..");
const run = promisify(execFile);

test("every check is ok, and what cannot be checked says why", async () => {
  // Failures are written down at once, not by and by: that is what most of its time would go to.
  const stack = await startStack({ env: { PARK_SCHEDULE: "* * * * * *" } });
  try {
    const { stdout } = await run(process.execPath, [path.join(ROOT, "out", "demo", "smoke.js")], {
      env: { ...process.env, DAYFLY_DATA: stack.data },
    });
    const rows = stdout.trim().split("\n");
    expect(rows.filter((row) => row.startsWith("skipped"))).toEqual([
      expect.stringMatching(/a text expires .* TEXT_HOURS=0\.05/u),
    ]);
    expect(rows.filter((row) => row.startsWith("ok"))).toHaveLength(9);
    expect(stdout).not.toContain("FAILED");
  } finally {
    await stack.stop();
  }
}, 300_000);
