import path from "node:path";
import { beforeAll, expect, test } from "@jest/globals";
import { checkFile, checkProject, propertyKeys, readProject, type Project } from "../../support/bicep/check.js";
import { bicepParser, type Parse } from "../../support/bicep/syntax.js";

const ENTRY = path.resolve(import.meta.dirname, "..", "..", "..", "bicep", "main.bicep");
let parse: Parse;
let project: Project;

beforeAll(async () => {
  parse = await bicepParser();
  project = readProject(ENTRY, parse);
});

/** What is said of `file`, and with `others` of the file that refers to it, when it reads like this. */
function problemsWith(file: string, source: string, others = true): readonly string[] {
  const files = new Map(project.files).set(file, parse(file, source));
  const touched = new Set(others ? [file, ENTRY] : [file]);
  const read = [...files.values()].filter(({ path: each }) => touched.has(each));
  return read.flatMap((each) => checkFile(each, { files })).map(({ says }) => says);
}

function moduleNamed(name: string): readonly [file: string, source: string] {
  const found = [...project.files.values()].find((file) => path.basename(file.path) === name);
  if (found === undefined) throw new Error(`no ${name}`);
  return [found.path, found.root.text];
}

/** The problems of a module in which one text is replaced by another. */
function changing(name: string, from: string | RegExp, to: string): readonly string[] {
  const [file, source] = moduleNamed(name);
  const changed = source.replace(from, to);
  expect(changed).not.toBe(source);
  return problemsWith(file, changed);
}

test("every Bicep file parses, and every resource and module fits its type", () => {
  expect(checkProject(project)).toEqual([]);
  expect(project.files.size).toBeGreaterThan(10);
});

test("a renamed property is found, whatever it is: at least 95 % of all", () => {
  const unnoticed: string[] = [];
  let count = 0;
  for (const { path: file, root } of project.files.values()) {
    for (const key of propertyKeys(root)) {
      const name = key.text.replaceAll("'", "");
      const mutant = `${root.text.slice(0, key.start)}'${name}Wrong'${root.text.slice(key.end)}`;
      // Names of app settings are free for the type; consistency.test.ts compares each with the code.
      if (/^(AzureWebJobs|[A-Z]+_)\w+$/.test(name)) continue;
      count += 1;
      if (problemsWith(file, mutant, false).length === 0)
        unnoticed.push(`${path.basename(file)}:${String(key.line)} ${name}`);
    }
  }
  expect(count).toBeGreaterThan(500);
  // Named, so that a failure shows them.
  expect(unnoticed.slice(Math.floor(count * 0.05))).toEqual([]);
});

test.each([
  [
    "a value of the wrong type",
    "service-bus.bicep",
    "maxDeliveryCount: queue.maxDeliveryCount",
    "maxDeliveryCount: 'many'",
    /is string, not int/,
  ],
  [
    "a kind of criteria that there is not",
    "alerts.bicep",
    "SingleResourceMultiple",
    "SingleMultiple",
    /no 'odata.type' that is known/,
  ],
  [
    "a value that a parameter does not allow",
    "main.bicep",
    "param instanceMemoryMB int = 512",
    "param instanceMemoryMB int = 500",
    /none of 512, 2048, 4096/,
  ],
  ["what is read-only", "identity.bicep", "tags: tags", "tags: tags\n  id: 'x'", /read-only/],
  ["what is required and missing", "web-pubsub.bicep", /sku: \{[^}]*\}/, "sku: { capacity: 1 }", /lacks 'name'/],
  [
    "a property that a resource does not have, where it is read",
    "web-pubsub.bicep",
    "webPubSub.properties.hostName",
    "webPubSub.properties.host",
    /has no 'host'/,
  ],
  [
    "a setting of a queue that the topology does not have",
    "service-bus.bicep",
    "queue.lockDuration",
    "queue.lockTime",
    /has no 'lockTime'/,
  ],
  ["a name that nothing has", "identity.bicep", "location: location", "location: place", /nothing is named 'place'/],
  [
    "a parameter of a module",
    "main.bicep",
    "units: webPubSubUnits",
    "unit: webPubSubUnits",
    /no parameter 'unit'|lacks the parameter/,
  ],
  ["an output of a module", "main.bicep", "functions.outputs.url", "functions.outputs.uri", /no output 'uri'/],
  [
    "a number that is out of range",
    "functions.bicep",
    "{ name: 'http', instanceCount: alwaysReadyInstances }",
    "{ name: 'http', instanceCount: 'two' }",
    /not int/,
  ],
  [
    "what nobody uses",
    "identity.bicep",
    "param token string",
    "param token string\nparam more string",
    /nobody uses 'more'/,
  ],
  ["what is no Bicep", "identity.bicep", "tags: tags", "tags: = tags", /cannot be parsed/],
])("found: %s", (_, name, from, to, says) => {
  expect(changing(name, from, to).join("\n")).toMatch(says);
});
