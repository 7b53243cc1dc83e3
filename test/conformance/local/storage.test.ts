import { mkdtemp, rm } from "node:fs/promises";
import { once } from "node:events";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  AzureNamedKeyCredential,
  generateAccountSas,
  generateTableSas,
  TableClient,
  TableServiceClient,
} from "@azure/data-tables";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { ACCOUNT, ACCOUNT_KEY } from "../../../local/storage/connection-string.js";
import { provisionStorage } from "../../../local/storage/provision.js";
import { CLI, fixture, get, post, PRELOAD, Program, type Answer } from "./program.js";

const HOUR = 3_600_000;
const credential = new AzureNamedKeyCredential(ACCOUNT, ACCOUNT_KEY);

let data: string;
let clock: Program;
let clockAddress: string;
let storage: Program;
let connectionString: string;

beforeAll(async () => {
  data = await mkdtemp(path.join(tmpdir(), "storage-"));
  clock = new Program([fixture("clock-server.js")], {}, true);
  clockAddress = (await clock.json<{ address: string }>()).address;
  await start();
});
afterAll(async () => {
  await Promise.all([clock.end("SIGKILL"), storage.end("SIGKILL")]);
  await rm(data, { recursive: true, force: true });
});
afterEach(() => move(0));

async function start(...options: string[]): Promise<void> {
  const ports = ["--blob-port", "0", "--queue-port", "0", "--table-port", "0"];
  const args = [`--import=${PRELOAD}`, CLI, "storage", ...ports, "--data", data, ...options];
  storage = new Program(args, { LOCAL_CLOCK: clockAddress });
  connectionString = (await storage.json<{ connectionString: string }>()).connectionString;
}

async function move(offsetMs: number): Promise<void> {
  clock.child.send(offsetMs);
  await once(clock.child, "message");
}

function endpoint(service: "Blob" | "Queue" | "Table"): string {
  return new RegExp(`${service}Endpoint=([^;]+)`).exec(connectionString)?.[1] ?? "";
}

function ports(): Parameters<typeof provisionStorage>[0] {
  const port = (service: "Blob" | "Queue" | "Table"): number => Number(new URL(endpoint(service)).port);
  return { blob: port("Blob"), queue: port("Queue"), table: port("Table") };
}

function table(name: string): TableClient {
  return TableClient.fromConnectionString(connectionString, name, { allowInsecureConnection: true });
}

test("tables and containers are created once, and what they hold stays", async () => {
  const topology = { tables: ["orders", "customers"], containers: ["photos"] };
  await provisionStorage(ports(), topology);
  await table("orders").createEntity({ partitionKey: "p", rowKey: "1", total: 5 });
  await provisionStorage(ports(), topology);

  const service = TableServiceClient.fromConnectionString(connectionString, { allowInsecureConnection: true });
  const names: (string | undefined)[] = [];
  for await (const { name } of service.listTables()) names.push(name);
  expect(names.sort()).toEqual(["customers", "orders"]);
  expect(await table("orders").getEntity("p", "1")).toMatchObject({ total: 5 });
  const sas = generateAccountSas(credential, {
    services: { blob: true },
    resourceTypes: "c",
    permissions: { query: true },
  });
  const container = async (name: string): Promise<number> =>
    (await fetch(`${endpoint("Blob")}/${name}?restype=container&${sas}`)).status;
  expect([await container("photos"), await container("films")]).toEqual([200, 404]);
  await expect(provisionStorage(ports(), { tables: ["-bad-"], containers: [] })).rejects.toThrow("table -bad-");
});

test("a SAS expires when the clock jumps over its end", async () => {
  await provisionStorage(ports(), { tables: ["orders"], containers: [] });
  const sas = generateTableSas("orders", credential, {
    expiresOn: new Date(Date.now() + HOUR),
    permissions: { query: true },
  });
  const read = async (): Promise<number> =>
    (await fetch(`${endpoint("Table")}/orders()?${sas}`, { headers: { accept: "application/json" } })).status;
  expect(await read()).toBe(200);
  await move(2 * HOUR);
  expect(await read()).toBe(403);
  await move(0);
  expect(await read()).toBe(200);
});

test("an orderly end writes everything: the next start has what was written a moment before", async () => {
  await provisionStorage(ports(), { tables: ["orders"], containers: [] });
  await table("orders").createEntity({ partitionKey: "p", rowKey: "late", total: 7 });
  expect(await storage.end("SIGTERM")).toEqual({ code: 0, signal: null });
  await start();
  expect(await table("orders").getEntity("p", "late")).toMatchObject({ total: 7 });
});

test("each call takes as much longer as was asked for, until it is over or ended", async () => {
  await provisionStorage(ports(), { tables: ["orders"], containers: [] });
  const door = `${new URL(endpoint("Blob")).origin}/_local/faults`;
  const set = (body: unknown): Promise<Answer> => post(door, body);
  await table("orders").upsertEntity({ partitionKey: "p", rowKey: "slow" });
  const read = async (): Promise<number> => {
    const since = performance.now();
    await table("orders").getEntity("p", "slow");
    return performance.now() - since;
  };
  expect(await set({ slow: { delayMs: 300 } })).toEqual({ status: 200, body: { slow: { delayMs: 300 }, held: 0 } });
  for (const ms of await Promise.all([read(), read()])) expect(ms).toBeGreaterThan(290);
  // What is held up for an hour goes on when it is ended; what comes then is not held up.
  await set({ slow: { delayMs: HOUR } });
  const held = read();
  while ((await get(door)).body["held"] !== 1);
  await set({});
  await held;
  // An hour, for a millisecond.
  await set({ slow: { delayMs: HOUR, forMs: 1 } });
  while ((await get(door)).body["slow"] !== undefined);
  await read();
  for (const slow of [{}, 5, null, { delayMs: 0 }, { delayMs: "1" }, { delayMs: 1, forMs: -1 }]) {
    expect([slow, (await set({ slow })).status]).toEqual([slow, 400]);
  }
  const foreign = await fetch(door, { method: "POST", headers: { origin: "https://evil.example" } });
  expect(foreign.status).toBe(403);
});

test("an entity is found among many of its partition, among many of its row key, and beside keys that look alike", async () => {
  await provisionStorage(ports(), { tables: ["twins"], containers: [] });
  const twins = table("twins");
  // What lokijs takes for the same number is not the same key.
  const alike = ["1", "01", "1.0", "1e0", "0x1", "10", "9", "1a", "a"];
  const keys = alike.flatMap((partitionKey) => alike.map((rowKey) => ({ partitionKey, rowKey })));
  const crowd = Array.from({ length: 30 }, (_, n) => `m|${String(n)}`);
  keys.push(...crowd.map((rowKey) => ({ partitionKey: "many rows", rowKey })));
  keys.push(...crowd.map((partitionKey) => ({ partitionKey, rowKey: "many partitions" })));
  for (const key of keys) await twins.createEntity({ ...key, is: `${key.partitionKey} ${key.rowKey}` });
  const gone = keys.filter((_, n) => n % 3 === 0);
  for (const { partitionKey, rowKey } of gone) await twins.deleteEntity(partitionKey, rowKey);

  for (const key of keys) {
    const found = await twins.getEntity(key.partitionKey, key.rowKey).catch((error: unknown) => error);
    if (gone.includes(key)) expect(found).toMatchObject({ statusCode: 404 });
    else expect(found).toMatchObject({ ...key, is: `${key.partitionKey} ${key.rowKey}` });
  }
  const [taken = { partitionKey: "", rowKey: "" }] = keys.filter((key) => !gone.includes(key));
  await expect(twins.createEntity(taken)).rejects.toMatchObject({ statusCode: 409 });
});

test("a taken port is said in one line", async () => {
  const taken = String(ports().table);
  const second = new Program([
    CLI,
    "storage",
    "--blob-port",
    "0",
    "--queue-port",
    "0",
    "--table-port",
    taken,
    "--data",
    `${data}-2`,
  ]);
  expect(await second.exit).toEqual({ code: 1, signal: null });
  await rm(`${data}-2`, { recursive: true, force: true });
  expect(second.stderr).toHaveLength(1);
  expect(second.stderr[0]).toContain(`storage: port ${taken} is taken.`);
});
