import { expect, test } from "@jest/globals";
import { readableLine } from "../../../local/supervisor/log.js";

test("a JSON log entry of a shown level reads as time, level, function and message", () => {
  const entry = { time: "2026-01-02T03:04:05.678Z", level: "information", function: "take-order", message: "Executed" };
  expect(readableLine("stderr", JSON.stringify(entry))).toBe("03:04:05.678 info  take-order: Executed");
  expect(readableLine("stderr", JSON.stringify({ level: "Critical", message: "Lost" }))).toBe("error Lost");
});

test("entries below info stay in the file, and so does what a part prints otherwise", () => {
  expect(readableLine("stderr", JSON.stringify({ level: "debug", message: "x" }))).toBeUndefined();
  expect(readableLine("stdout", "anything")).toBeUndefined();
});

test("what is no log entry but comes on standard error is shown as it is", () => {
  expect(readableLine("stderr", "TypeError: oops")).toBe("TypeError: oops");
  expect(readableLine("stderr", '{"a": 1}')).toBe('{"a": 1}');
  expect(readableLine("stderr", "{ not json")).toBe("{ not json");
  expect(readableLine("stderr", "  ")).toBeUndefined();
});
