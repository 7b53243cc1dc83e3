/** Code, topology, example settings and Bicep say the same. All are read from their sources: adding to one fails here until all have it. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, test } from "@jest/globals";
import { readConfig, SETTING_NAMES } from "../../../src/lib/config.js";
import { bicepParser, keyOf } from "../../support/bicep/syntax.js";

const ROOT = path.resolve(import.meta.dirname, "..", "..", "..");
const read = (file: string): string => readFileSync(path.join(ROOT, file), "utf8");

interface Topology {
  readonly hub: string;
  readonly queues: readonly { readonly name: string; readonly deadLetteringOnMessageExpiration: boolean }[];
  readonly tables: readonly string[];
  readonly containers: readonly string[];
}
const topology = JSON.parse(read("config/topology.json")) as Topology;
const example = (JSON.parse(read("local.settings.example.json")) as { Values: Record<string, string> }).Values;
const bicep = readdirSync(path.join(ROOT, "bicep", "modules")).map((file) => read(path.join("bicep", "modules", file)));
const source = readdirSync(path.join(ROOT, "src"), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => read(path.join("src", file)))
  .join("\n");
const allOf = (pattern: RegExp): readonly string[] => [
  ...new Set([...source.matchAll(pattern)].map(([, found = ""]) => found)),
];

/** The names in `connections`, `events`, `hook`, `schedules` and `tracing` of functions.bicep. */
let fromBicep: readonly string[];
beforeAll(async () => {
  const parse = await bicepParser();
  const { variables } = parse("functions.bicep", read("bicep/modules/functions.bicep"));
  const namesIn = (variable: string): readonly string[] =>
    (variables.get(variable)?.children ?? []).map((property) => keyOf(property) ?? "");
  fromBicep = ["connections", "events", "hook", "schedules", "tracing"].flatMap(namesIn);
  expect(fromBicep.length).toBeGreaterThan(10);
});

/** Optional, and not set on Azure unless somebody wants to. */
const UNSET: Readonly<Record<string, string>> = { FILE_TYPES: "the code has the list" };
/** The Functions host's own, and how it signs in. */
const OF_THE_HOST = /^(AzureWebJobsStorage__|APPLICATIONINSIGHTS_|FUNCTIONS_)|__(credential|clientId)$/;

test("every setting is set on Azure, by its value in the example or by Bicep", () => {
  const withValue = Object.keys(example).filter((name) => example[name] !== "");
  const addressed = SETTING_NAMES.filter((name) => fromBicep.some((each) => each.startsWith(`${name}__`)));
  const unset = SETTING_NAMES.filter((name) => ![...withValue, ...fromBicep, ...addressed].includes(name));
  expect(unset.filter((name) => !(name in UNSET))).toEqual([]);
});

test("Bicep sets nothing that nobody reads", () => {
  const unread = fromBicep.filter((name) => !OF_THE_HOST.test(name) && !SETTING_NAMES.includes(name));
  expect(unread).toEqual([]);
});

test("no timer runs more often than once a minute on Azure, where each lonely run is billed a second", () => {
  const functions = read("bicep/modules/functions.bicep");
  const valueOf = (name: string): string | undefined =>
    new RegExp(`^ {2}${name}: '([^']+)'$`, "m").exec(functions)?.[1] ?? example[name];
  const schedules = allOf(/schedule: "%(\w+)%"/g).map(valueOf);
  expect(schedules.length).toBeGreaterThanOrEqual(4);
  // NCRONTAB: the first of six fields is the second.
  for (const schedule of schedules) expect(schedule).toMatch(/^\d+( \S+){5}$/);
});

test("sampling spares what alerts count one by one", () => {
  const { logging } = JSON.parse(read("host.json")) as {
    logging: { applicationInsights: { samplingSettings: { isEnabled: boolean; excludedTypes: string } } };
  };
  const { isEnabled, excludedTypes } = logging.applicationInsights.samplingSettings;
  expect([isEnabled, excludedTypes.split(";").sort()]).toEqual([true, ["Exception", "Request"]]);
});

test("with what Azure sets, the app has all that it needs", () => {
  const values = Object.fromEntries(
    fromBicep.map((name) => [name, /Uri|endpoint|ISSUER|_URL/i.test(name) ? "https://x.example" : "x".repeat(32)]),
  );
  values["OTEL_EXPORTER_OTLP_HEADERS"] = "x=x";
  const { SERVICE_BUS, STORAGE, WEB_PUBSUB } = readConfig({ ...example, ...values });
  // By address and identity alone: no key is anywhere.
  expect([SERVICE_BUS, STORAGE, WEB_PUBSUB]).toEqual([undefined, undefined, undefined]);
});

test("every setting that a trigger names is there, and each connection has an address and an identity", () => {
  const settings = [...Object.keys(example).filter((name) => example[name] !== ""), ...fromBicep];
  expect(settings).toEqual(expect.arrayContaining([...allOf(/"%(\w+)%"/g)]));
  for (const connection of allOf(/connection: "(\w+)"/g))
    expect(settings).toEqual(
      expect.arrayContaining(
        ["fullyQualifiedNamespace", "credential", "clientId"].map((each) => `${connection}__${each}`),
      ),
    );
});

test("the queues of the code are those of the topology, and each that dead-letters has who takes care of it", () => {
  const names = topology.queues.map(({ name }) => name);
  const triggered = allOf(/queueName: "([^"]+)"/g);
  const sentTo = allOf(/(?:senderOf|createSender|createReceiver|sendCommand)\("([^"]+)"/g);
  const other = allOf(/QUEUE = "([^"]+)"/g);
  const used = [...triggered.map((name) => name.replace(/\/.*/, "")), ...sentTo, ...other];
  expect([...new Set(used)].sort()).toEqual([...names].sort());
  const dying = topology.queues.filter((queue) => queue.deadLetteringOnMessageExpiration).map(({ name }) => name);
  expect(triggered.filter((name) => name.endsWith("/$deadletterqueue")).sort()).toEqual(
    dying.map((name) => `${name}/$deadletterqueue`).sort(),
  );
});

test("the tables and containers of the code are those of the topology", () => {
  expect([...allOf(/openTable\(config, "(\w+)"\)/g)].sort()).toEqual([...topology.tables].sort());
  expect([...allOf(/getContainerClient\("([\w-]+)"\)/g)].sort()).toEqual([...topology.containers].sort());
});

test("the hub has one name", () => {
  const { WEB_PUBSUB_HUB } = readConfig({
    ...example,
    SERVICE_BUS: "x",
    STORAGE: "x",
    WEB_PUBSUB: "x",
    AUTH_ISSUER: "https://x.example",
    AUTH_AUDIENCE: "x",
  });
  expect([topology.hub, WEB_PUBSUB_HUB]).toEqual([example["WEB_PUBSUB_HUB"], topology.hub]);
});

test("no key is anywhere: local authentication is off, and nobody asks for one", () => {
  const all = bicep.join("\n");
  expect(all).not.toMatch(/listKeys|listAccountSas|connectionString\(|AccessKey/);
  // Two secrets there are, for services that are not Azure's: what signs the hook, and what a collector of spans asks for.
  expect([...all.matchAll(/@secure\(\)\s+param (\w+)/g)].map(([, name]) => name)).toEqual(
    ["otlpHeaders", "hookSecret"].sort(),
  );
  expect(all.match(/disableLocalAuth: true/gi)).toHaveLength(4);
  expect(all.match(/allowSharedKeyAccess: false/g)).toHaveLength(2);
  expect(all).not.toMatch(/allowBlobPublicAccess: true|TLS1_[01]|minimumTlsVersion: '1\.[01]'/);
});

test("nothing that keeps what is deleted is on in the chat's storage", () => {
  const storage = read("bicep/modules/storage.bicep");
  for (const keeper of ["deleteRetentionPolicy", "containerDeleteRetentionPolicy", "restorePolicy", "changeFeed"])
    expect(storage).toContain(`${keeper}: { enabled: false }`);
  expect(storage).toContain("isVersioningEnabled: false");
});
