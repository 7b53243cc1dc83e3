import { mkdtemp, rm } from "node:fs/promises";
import { once } from "node:events";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  AzureNamedKeyCredential,
  generateAccountSas,
  generateTableSas,
  TableClient,
  TableServiceClient,
} from "@azure/data-tables";
import { BlobServiceClient, type ContainerClient } from "@azure/storage-blob";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { ACCOUNT, ACCOUNT_KEY } from "../../../local/storage/connection-string.js";
import { provisionStorage } from "../../../local/storage/provision.js";
import { CLI, fixture, get, post, PRELOAD, Program, type Answer } from "./program.js";

type LokiConstructor = new (
  file: string,
  options: object,
) => {
  loadDatabase(options: object, done: () => void): void;
  saveDatabase(done: () => void): void;
  getCollection(name: string): { insert(document: object): void };
  addCollection(name: string): { insert(document: object): void };
};

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

function table(name: string, options: { readonly retryOptions?: { readonly maxRetries: number } } = {}): TableClient {
  return TableClient.fromConnectionString(connectionString, name, { allowInsecureConnection: true, ...options });
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

const SEED = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));

test(`kill -9 in the midst of writing: what was answered is there, and of each transaction all or nothing (SEED=${String(SEED)})`, async () => {
  await provisionStorage(ports(), { tables: ["ledger"], containers: [] });
  for (let round = 0; round < 3; round++) {
    const answered: string[] = [];
    const enough = 20 + (((SEED % 1_000) * (round + 1)) % 200);
    const killed = storage.exit;
    const ledger = table("ledger", { retryOptions: { maxRetries: 0 } });
    const book = async (writer: number): Promise<void> => {
      for (let n = 0; ; n++) {
        const partitionKey = [round, writer, n].join("-");
        const rows = ["a", "b", "c"].map((rowKey) => ({ partitionKey, rowKey, state: "new" }));
        await ledger.submitTransaction(rows.map((row) => ["create", row]));
        await ledger.updateEntity({ partitionKey, rowKey: "a", state: "changed" }, "Merge");
        await ledger.deleteEntity(partitionKey, "b");
        answered.push(partitionKey);
        if (answered.length === enough) storage.child.kill("SIGKILL");
      }
    };
    await Promise.allSettled(Array.from({ length: 8 }, (_, writer) => book(writer)));
    expect(await killed).toEqual({ code: null, signal: "SIGKILL" });
    await start();
    const found = new Map<string, string[]>();
    for await (const { partitionKey = "", rowKey, state } of table("ledger").listEntities<{ state: string }>()) {
      found.set(partitionKey, [...(found.get(partitionKey) ?? []), `${rowKey ?? ""} ${state}`]);
    }
    for (const key of answered) expect([key, found.get(key)]).toEqual([key, ["a changed", "c new"]]);
    const wholes = ["a new,b new,c new", "a changed,b new,c new", "a changed,c new"];
    for (const rows of found.values()) expect(wholes).toContain(rows.join());
  }
}, 60_000);

test("kill -9 right after the answers: what was uploaded is there, what was replaced is new, what was deleted stays away", async () => {
  await provisionStorage(ports(), { tables: [], containers: ["photos"] });
  const photos = (): ContainerClient =>
    BlobServiceClient.fromConnectionString(connectionString).getContainerClient("photos");
  const content = (n: number): string => `content of ${String(n)} `.repeat(1_000);
  const write = async (n: number, text: string): Promise<void> => {
    await photos()
      .getBlockBlobClient(`photo-${String(n)}`)
      .upload(text, Buffer.byteLength(text));
  };
  const ten = Array.from({ length: 10 }, (_, n) => n);
  await Promise.all(ten.map((n) => write(n, content(n))));
  await Promise.all([
    ...ten.slice(0, 3).map((n) => write(n, content(n + 100))),
    ...ten.slice(7).map((n) => photos().deleteBlob(`photo-${String(n)}`)),
  ]);
  await storage.end("SIGKILL");
  await start();
  const found: [string, string][] = [];
  for await (const { name } of photos().listBlobsFlat()) {
    found.push([name, (await photos().getBlobClient(name).downloadToBuffer()).toString()]);
  }
  expect(found).toEqual(ten.slice(0, 7).map((n) => [`photo-${String(n)}`, content(n < 3 ? n + 100 : n)]));
});

test("a transaction that fails changes nothing, and what it would have replaced stays as it was", async () => {
  await provisionStorage(ports(), { tables: ["accounts"], containers: [] });
  const accounts = table("accounts");
  const row = (rowKey: string, total: number): { partitionKey: string; rowKey: string; total: number } => ({
    partitionKey: "p",
    rowKey,
    total,
  });
  for (const rowKey of ["1", "2", "3"]) await accounts.createEntity(row(rowKey, 1));
  const transaction = accounts.submitTransaction([
    ["update", row("1", 2), "Replace"],
    ["create", row("4", 2)],
    ["delete", row("2", 2)],
    ["create", row("3", 2)],
  ]);
  await expect(transaction).rejects.toMatchObject({ statusCode: 409 });
  const totals: unknown[] = [];
  for await (const { rowKey, total } of accounts.listEntities<{ total: number }>()) totals.push([rowKey, total]);
  expect(totals).toEqual([
    ["1", 1],
    ["2", 1],
    ["3", 1],
  ]);
});

test("of many who change one version of an entity at once, one succeeds; of many who put it, all do", async () => {
  await provisionStorage(ports(), { tables: ["accounts"], containers: [] });
  const accounts = table("accounts");
  await accounts.createEntity({ partitionKey: "race", rowKey: "1", total: 0 });
  const { etag } = await accounts.getEntity("race", "1");
  const take = (total: number): Promise<unknown> =>
    accounts.updateEntity({ partitionKey: "race", rowKey: "1", total }, "Replace", { etag });
  const taken = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => take(n)));
  expect(taken.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  const losers = taken.flatMap((each) => (each.status === "rejected" ? [each.reason as { statusCode: number }] : []));
  expect(new Set(losers.map(({ statusCode }) => statusCode))).toEqual(new Set([412]));
  const put = (n: number): Promise<unknown> =>
    accounts.upsertEntity({ partitionKey: "race", rowKey: "2", [`by${String(n)}`]: true }, "Merge");
  await Promise.all(Array.from({ length: 20 }, (_, n) => put(n)));
  expect(Object.keys(await accounts.getEntity("race", "2")).filter((key) => key.startsWith("by"))).toHaveLength(20);
});

test("a long answer comes in pages, in the order of the keys, also while entities come and go", async () => {
  await provisionStorage(ports(), { tables: ["pages"], containers: [] });
  const pages = table("pages");
  const name = (n: number): string => String(n).padStart(3, "0");
  for (const partitionKey of ["a", "b", "c"]) {
    const rows = Array.from({ length: 60 }, (_, n) => ({ partitionKey, rowKey: name(n), even: n % 2 === 0 }));
    await pages.submitTransaction(rows.map((row) => ["create", row]));
  }
  const filter = "PartitionKey ge 'b' and RowKey ge '010' and even eq true and RowKey lt '050'";
  const got: string[] = [];
  for await (const page of pages.listEntities({ queryOptions: { filter } }).byPage({ maxPageSize: 7 })) {
    got.push(...page.map(({ partitionKey, rowKey }) => `${partitionKey ?? ""} ${rowKey ?? ""}`));
    // The one that the next page was to begin with.
    if (got.length === 7) await pages.deleteEntity("b", "024");
    if (got.length === 14) await pages.createEntity({ partitionKey: "b", rowKey: "0405", even: true });
  }
  const evens = Array.from({ length: 20 }, (_, n) => name(10 + 2 * n));
  const inB = evens
    .filter((rowKey) => rowKey !== "024")
    .flatMap((rowKey) => (rowKey === "040" ? [rowKey, "0405"] : [rowKey]));
  expect(got).toEqual([...inB.map((rowKey) => `b ${rowKey}`), ...evens.map((rowKey) => `c ${rowKey}`)]);
});

test("a table that is made again is empty, also after a kill", async () => {
  await provisionStorage(ports(), { tables: ["again"], containers: [] });
  await table("again").createEntity({ partitionKey: "p", rowKey: "1" });
  await table("again").deleteTable();
  await table("again").createTable();
  await table("again").createEntity({ partitionKey: "p", rowKey: "2" });
  await storage.end("SIGKILL");
  await start();
  const keys: (string | undefined)[] = [];
  for await (const { rowKey } of table("again").listEntities()) keys.push(rowKey);
  expect(keys).toEqual(["2"]);
});

test("what an older Dayfly left with lokijs is taken over", async () => {
  await storage.end("SIGTERM");
  const program = createRequire(import.meta.url).resolve("azurite/dist/src/azurite.js");
  const Loki = createRequire(program)("lokijs") as LokiConstructor;
  const old = new Loki(path.join(data, "__azurite_db_table__.json"), { persistenceMethod: "fs" });
  await new Promise<void>((resolve) => {
    old.loadDatabase({}, () => {
      resolve();
    });
  });
  old.getCollection("$TABLES_COLLECTION$").insert({ account: ACCOUNT, table: "older" });
  old.addCollection(`${ACCOUNT}$older`).insert({
    PartitionKey: "p",
    RowKey: "1",
    eTag: `W/"datetime'2026-01-01T00%3A00%3A00.000Z'"`,
    lastModifiedTime: "2026-01-01T00:00:00.000Z",
    properties: { total: 5 },
  });
  await new Promise<void>((resolve) => {
    old.saveDatabase(() => {
      resolve();
    });
  });
  await start();
  expect(await table("older").getEntity("p", "1")).toMatchObject({ total: 5 });
  await table("older").updateEntity({ partitionKey: "p", rowKey: "1", total: 6 });
  await storage.end("SIGKILL");
  await start();
  expect(await table("older").getEntity("p", "1")).toMatchObject({ total: 6 });
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
