/** What becomes of a change that the disk refuses: nobody may go on with what is nowhere kept. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { openLogStore, type Store } from "../../../local/log-store/log-store.js";
import type { Entity } from "../../../local/storage/tables/azurite-tables.js";
import { Changes } from "../../../local/storage/tables/changes.js";
import { EntityTable } from "../../../local/storage/tables/entity-table.js";

let directory: string;
let log: Store;
let entities: EntityTable<Entity>;
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "changes-"));
  log = await openLogStore({ directory });
  entities = new EntityTable();
});
afterEach(async () => {
  await log.close();
  await rm(directory, { recursive: true, force: true });
});

const keys = { PartitionKey: "p", RowKey: "1" };
const version = (total: number): Entity => ({ ...keys, eTag: "", lastModifiedTime: "", properties: { total } });

function change(after: Entity | undefined): Changes {
  const changes = new Changes();
  changes.make("t", entities, keys, after);
  return changes;
}

test("refused, it is what the log has: the version before, or nothing", async () => {
  change(version(1)).returnTo(log);
  expect(entities.get(keys)).toBeUndefined();
  await log.commit(change(version(1)).records());
  change(version(2)).returnTo(log);
  expect(entities.get(keys)).toEqual(version(1));
  change(undefined).returnTo(log);
  expect(entities.get(keys)).toEqual(version(1));
});

test("two that are refused one after the other leave neither", async () => {
  await log.commit(change(version(1)).records());
  const first = change(version(2));
  const second = change(version(3));
  first.returnTo(log);
  expect(entities.get(keys)).toEqual(version(3));
  second.returnTo(log);
  expect(entities.get(keys)).toEqual(version(1));
});

test("one that comes to the log late does not bring back an older version", async () => {
  const early = change(version(1));
  await log.commit(change(version(2)).records());
  await log.commit(early.records());
  await log.close();
  log = await openLogStore({ directory });
  expect([...log.entries()].map(([, value]) => JSON.parse(value.toString()) as unknown)).toEqual([version(2)]);
});

test("a transaction that is undone leaves each entity as it found it, however often it changed it", () => {
  entities.set(version(1));
  const changes = new Changes();
  changes.make("t", entities, keys, undefined);
  changes.make("t", entities, keys, version(2));
  changes.make("t", entities, { PartitionKey: "p", RowKey: "2" }, { ...version(3), RowKey: "2" });
  changes.undo();
  expect(entities.get(keys)).toEqual(version(1));
  expect(entities.get({ PartitionKey: "p", RowKey: "2" })).toBeUndefined();
});
