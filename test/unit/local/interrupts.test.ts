import { expect, test } from "@jest/globals";
import { interruptHandler } from "../../../local/supervisor/interrupts.js";

function record(): { readonly at: (uptime: number, source: string) => readonly string[] } {
  const calls: string[] = [];
  let now = 0;
  const target = { stop: () => void calls.push("stop"), kill: () => void calls.push("kill") };
  const handle = interruptHandler(target, () => now);
  return {
    at: (uptime, source) => {
      now = uptime;
      handle(source);
      return calls;
    },
  };
}

test("one Ctrl-C that arrives twice, from the terminal and from npm, is one", () => {
  const { at } = record();
  expect(at(1_000, "SIGINT")).toEqual(["stop"]);
  expect(at(1_001, "SIGINT")).toEqual(["stop"]);
});

test("a second Ctrl-C does not wait any longer", () => {
  const { at } = record();
  at(1_000, "SIGINT");
  expect(at(2_000, "SIGINT")).toEqual(["stop", "kill"]);
});

test("another signal is no echo of the first", () => {
  const { at } = record();
  at(1_000, "SIGINT");
  expect(at(1_001, "SIGTERM")).toEqual(["stop", "kill"]);
});
