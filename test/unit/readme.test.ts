import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";

const read = (file: string): string => readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");

test(".ci/run calls the README's install and test commands, and nothing else", () => {
  const blocks = [...read("README.md").matchAll(/```sh\n([^]*?)```/g)].map(([, block = ""]) =>
    block.trim().split("\n"),
  );
  const commands = blocks.find((block) => block.includes("npm test"));
  const called = read(".ci/run")
    .split("\n")
    .filter((line) => line !== "" && !/^(#|set |cd )/.test(line));
  expect(called).toEqual(commands);
});

test("every npm script that the README names exists", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  const named = [...read("README.md").matchAll(/npm run (?:-s )?([\w:]+)/g)].map(([, name = ""]) => name);
  expect(named).not.toEqual([]);
  expect(named.filter((name) => !(name in scripts))).toEqual([]);
});
