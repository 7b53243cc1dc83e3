import { readFile } from "node:fs/promises";
import { expect, test } from "@jest/globals";

test("errors of Node are errors in a test, too", async () => {
  const error: unknown = await readFile("/does/not/exist").catch((reason: unknown) => reason);
  expect(error instanceof Error).toBe(true);
});
