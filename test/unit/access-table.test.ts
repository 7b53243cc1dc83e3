/** The table of who may do what has every HTTP function, and the docs show it. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { ACCESS, accessMarkdown } from "../support/access-table.js";

const folder = new URL("../../src/functions/", import.meta.url);

test("every HTTP function stands in the table, once for each of its methods", () => {
  const functions = readdirSync(folder).flatMap((file) => {
    const source = readFileSync(new URL(file, folder), "utf8");
    const name = /app\.http\("(\w+)"/.exec(source)?.[1];
    const route = /route: "([^"]+)"/.exec(source)?.[1];
    const methods = /methods: \[([^\]]+)\]/.exec(source)?.[1] ?? "";
    if (name === undefined) return [];
    return methods.split(", ").map((method) => `${name} ${method.replaceAll('"', "")} ${String(route)}`);
  });
  expect(ACCESS.map(({ name, method, route }) => `${name} ${method} ${route}`).sort()).toEqual(functions.sort());
});

test("docs/access.md shows the table", () => {
  const cells = (text: string): readonly string[] =>
    text
      .split("\n")
      .filter((line) => line.startsWith("|") && !line.startsWith("| -"))
      .map((line) =>
        line
          .split("|")
          .map((cell) => cell.trim())
          .join("|"),
      );
  const page = readFileSync(new URL("../../docs/access.md", import.meta.url), "utf8");
  expect(cells(page)).toEqual(cells(accessMarkdown()));
});
