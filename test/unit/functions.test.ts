import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";

const folder = new URL("../../src/functions/", import.meta.url);
const files = readdirSync(folder).map((name) => ({ name, source: readFileSync(new URL(name, folder), "utf8") }));
const architecture = readFileSync(new URL("../../ARCHITECTURE.md", import.meta.url), "utf8");
const topology = JSON.parse(readFileSync(new URL("../../config/topology.json", import.meta.url), "utf8")) as {
  queues: { name: string; requiresSession: boolean }[];
};

const camelCase = (kebab: string): string => kebab.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());

test.each(files)(
  "$name registers one function, which is named like it and stands in ARCHITECTURE.md",
  ({ name, source }) => {
    const registered = [...source.matchAll(/app\.\w+\("(\w+)"/g)].map(([, functionName]) => functionName);
    expect(registered).toEqual([camelCase(name.replace(/\.ts$/, ""))]);
    expect(architecture).toContain(registered[0]);
    expect(source.split("\n").length).toBeLessThanOrEqual(40);
  },
);

test("every triggered queue is in the topology, with sessions where the function wants them", () => {
  for (const { name, source } of files) {
    const queue = /queueName: "([^"]+)"/.exec(source)?.[1];
    if (queue === undefined) continue;
    const [entity = "", subQueue] = queue.split("/");
    const declared = topology.queues.find((each) => each.name === entity);
    expect([name, declared?.name]).toEqual([name, entity]);
    const sessions = subQueue === undefined && declared?.requiresSession === true;
    expect([name, source.includes("isSessionsEnabled: true")]).toEqual([name, sessions]);
  }
});

test("every queue with a trigger has a dead-letter function", () => {
  const queues = files.flatMap(({ source }) =>
    [...source.matchAll(/queueName: "([^"]+)"/g)].map(([, queue]) => queue ?? ""),
  );
  for (const queue of queues.filter((name) => !name.includes("/")))
    expect(queues).toContain(`${queue}/$deadletterqueue`);
});

test("no two routes of one method could match the same address: the host takes the first by name", () => {
  const routes = files.flatMap(({ source }) => {
    const route = /route: "([^"]+)"/.exec(source)?.[1];
    const methods = /methods: \[([^\]]+)\]/.exec(source)?.[1] ?? "";
    return route === undefined ? [] : methods.split(", ").map((method) => ({ method, segments: route.split("/") }));
  });
  const overlap = routes.flatMap((a, n) =>
    routes
      .slice(n + 1)
      .filter(
        (b) =>
          a.method === b.method &&
          a.segments.length === b.segments.length &&
          a.segments.every(
            (segment, at) =>
              segment.startsWith("{") || b.segments[at]?.startsWith("{") === true || segment === b.segments[at],
          ),
      ),
  );
  expect(overlap).toEqual([]);
});
