import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { CATALOGUE, DayflyError, isDayflyError, isTransient, type ErrorCode } from "../../src/lib/errors.js";

const page = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8");

test("docs/errors.md explains every code of the catalogue, and no other", () => {
  const explained = [...page.matchAll(/<a id="([a-z-]+)"><\/a>`([a-z-]+)`/g)].map(([, anchor, code]) => {
    expect(anchor).toBe(code);
    return code;
  });
  expect(explained.sort()).toEqual(Object.keys(CATALOGUE).sort());
});

test("docs/errors.md gives every HTTP error its status", () => {
  for (const [, code, status] of page.matchAll(/`([a-z-]+)` \| (\d{3}) \|/g)) {
    expect([code, CATALOGUE[code as ErrorCode].status]).toEqual([code, Number(status)]);
  }
});

test("errors are known by what they are, not by whose realm they come from", () => {
  expect(isDayflyError(new DayflyError("internal-error"))).toBe(true);
  expect(isDayflyError(new Error("internal-error"))).toBe(false);
  expect(isTransient(new DayflyError("dependency-unavailable"))).toBe(true);
  expect(isTransient(new DayflyError("internal-error"))).toBe(false);
});
