/**
 * Azurite's tables on another footing. As they come, lokijs holds the entities: a query compares every entity of the table, a write moves
 * as many places of an index, and every 5 seconds all of them are written to one file, while everybody waits. Here
 * `EntityTable` holds them, so that a call costs what it touches, and a log keeps what was answered: `kill -9` loses nothing.
 *
 * What an operation means (conditions, merging, transactions, the filter's language, every error) stays Azurite's own code: this class
 * gives it another collection to work on. The list of tables stays with lokijs.
 *
 * Nobody is answered with a state that is not on the disk, neither who changed it nor who saw it. Azurite relies on it that a transaction
 * does not wait within; so the disk is waited for at its end.
 */
import path from "node:path";
import { openLogStore, type Store } from "../../log-store/log-store.js";
import { azuriteModules, type Collection, type Context, type Entity, type QueryOptions } from "./azurite-tables.js";
import { Changes, tableOf } from "./changes.js";
import { EntityTable } from "./entity-table.js";
import { rangeOf } from "./key-range.js";

/** For the tables of the Azurite that `program` is the path of, when it is loaded after this. */
export function useDurableTables(program: string): void {
  const { store, filterOf, parseFilter } = azuriteModules(program);

  store.default = class DurableTables extends store.default {
    readonly #tables = new Map<string, EntityTable<Entity>>();
    #log: Store | undefined;
    /** Resolves when all that was changed until now is on the disk, or has been taken back. */
    #settled: Promise<void> = Promise.resolve();
    /** Of the transaction at work. */
    #transaction = new Changes();
    /** Where Azurite's code that runs now puts its changes. */
    #current = this.#transaction;

    override async init(): Promise<void> {
      await super.init();
      const directory = path.join(path.dirname(this.lokiDBPath), "tables");
      const onDamage = (text: string): void => console.error(`The tables: ${text}`);
      this.#log = await openLogStore({ directory, onDamage });
      for (const [key, value] of this.#log.entries()) {
        this.#entities(tableOf(key)).set(JSON.parse(value.toString()) as Entity);
      }
      await this.#takeOver();
    }

    override async close(): Promise<void> {
      await super.close();
      await this.#log?.close();
    }

    /** What an Azurite without this class has left. */
    async #takeOver(): Promise<void> {
      const left = this.db.collections.filter(({ name, data }) => name.includes("$") && isEntity(data[0]));
      const changes = new Changes();
      for (const { name, data } of left) {
        const table = name.toLowerCase();
        for (const entity of data) changes.make(table, this.#entities(table), entity, entity);
      }
      await this.#commit(changes);
      for (const collection of left) collection.clear();
      if (left.length > 0) await this.saveDBState();
    }

    override async deleteTable(context: Context, table: string, account: string): Promise<void> {
      await super.deleteTable(context, table, account);
      const name = this.#nameOf(account, table);
      const changes = new Changes();
      const entities = this.#entities(name);
      for (const entity of [...entities.within(rangeOf(undefined))]) changes.make(name, entities, entity, undefined);
      await this.#commit(changes);
    }

    override getEntityCollection(account: string, table: string, context: Context): Collection {
      super.getEntityCollection(account, table, context);
      const name = this.#nameOf(account, table);
      const entities = this.#entities(name);
      const changes = this.#current;
      const put = (entity: Entity): void => changes.make(name, entities, entity, entity);
      return {
        findOne: (keys) => entities.get(keys) ?? null,
        insert: put,
        update: put,
        remove: (entity) => changes.make(name, entities, entity, undefined),
      };
    }

    override insertTableEntity(
      context: Context,
      table: string,
      account: string,
      entity: Entity,
      batchId = "",
    ): Promise<Entity> {
      return this.#changing(batchId, () => super.insertTableEntity(context, table, account, entity, batchId));
    }

    override updateTableEntity(
      context: Context,
      table: string,
      account: string,
      entity: Entity,
      ifMatch?: string,
      batchId = "",
    ): Promise<Entity> {
      return this.#changing(batchId, () => super.updateTableEntity(context, table, account, entity, ifMatch, batchId));
    }

    override mergeTableEntity(
      context: Context,
      table: string,
      account: string,
      entity: Entity,
      ifMatch?: string,
      batchId = "",
    ): Promise<Entity> {
      return this.#changing(batchId, () => super.mergeTableEntity(context, table, account, entity, ifMatch, batchId));
    }

    override deleteTableEntity(
      context: Context,
      table: string,
      account: string,
      partitionKey: string,
      rowKey: string,
      eTag: string,
      batchId = "",
    ): Promise<void> {
      return this.#changing(batchId, () =>
        super.deleteTableEntity(context, table, account, partitionKey, rowKey, eTag, batchId),
      );
    }

    /** Azurite's own would look first and then, a turn later, write: between the two nobody may come. */
    async insertOrUpdateTableEntity(
      context: Context,
      table: string,
      account: string,
      entity: Entity,
      ifMatch?: string,
      batchId?: string,
    ): Promise<Entity> {
      return ifMatch === undefined && this.getEntityCollection(account, table, context).findOne(entity) === null
        ? this.insertTableEntity(context, table, account, entity, batchId)
        : this.updateTableEntity(context, table, account, entity, ifMatch, batchId);
    }

    async insertOrMergeTableEntity(
      context: Context,
      table: string,
      account: string,
      entity: Entity,
      ifMatch?: string,
      batchId?: string,
    ): Promise<Entity> {
      return ifMatch === undefined && this.getEntityCollection(account, table, context).findOne(entity) === null
        ? this.insertTableEntity(context, table, account, entity, batchId)
        : this.mergeTableEntity(context, table, account, entity, ifMatch, batchId);
    }

    async queryTableEntitiesWithPartitionAndRowKey(
      context: Context,
      table: string,
      account: string,
      PartitionKey: string,
      RowKey: string,
      batchId = "",
    ): Promise<Entity | null> {
      const found = this.getEntityCollection(account, table, context).findOne({ PartitionKey, RowKey });
      if (batchId === "") await this.#settled;
      return found;
    }

    async queryTableEntities(
      context: Context,
      account: string,
      table: string,
      options: QueryOptions,
      nextPartitionKey?: string,
      nextRowKey?: string,
    ): Promise<
      readonly [found: readonly Entity[], nextPartitionKey: string | undefined, nextRowKey: string | undefined]
    > {
      super.getEntityCollection(account, table, context);
      const holds = filterOf(options, context);
      const most = this.getMaxResultsOption(options);
      const found: Entity[] = [];
      const continuation = {
        partition: this.decodeContinuationHeader(nextPartitionKey),
        row: this.decodeContinuationHeader(nextRowKey),
      };
      const range = rangeOf(isTree(options.filter) ? parseFilter(options.filter) : undefined);
      for (const entity of this.#entities(this.#nameOf(account, table)).within(range, continuation)) {
        if (holds(entity)) found.push(entity);
        // One more says that there is more, and where.
        if (found.length > most) break;
      }
      const { nextPartitionKeyResponse, nextRowKeyResponse } = this.adjustQueryResultforTop(found, most);
      await this.#settled;
      return [found, nextPartitionKeyResponse, nextRowKeyResponse];
    }

    async endBatchTransaction(
      _account: string,
      _table: string,
      _batchId: string,
      _context: Context,
      succeeded: boolean,
    ): Promise<void> {
      const changes = this.#transaction;
      this.#transaction = new Changes();
      this.transactionRollbackTheseEntities = [];
      this.transactionDeleteTheseEntities = [];
      if (!succeeded) changes.undo();
      await (succeeded ? this.#commit(changes) : this.#settled);
    }

    /** Azurite's code makes its changes before it first waits. */
    async #changing<T>(batchId: string, change: () => Promise<T>): Promise<T> {
      const isAlone = batchId === "";
      const changes = isAlone ? new Changes() : this.#transaction;
      this.#current = changes;
      const result = change();
      if (!isAlone) return result;
      try {
        await result;
      } catch (error) {
        // It may be the state of somebody else's change that this one did not fit.
        await this.#settled;
        throw error;
      }
      await this.#commit(changes);
      return result;
    }

    async #commit(changes: Changes): Promise<void> {
      const records = changes.records();
      const log = this.#log;
      if (records.length === 0 || log === undefined) return;
      const written = log.commit(records).catch((error: unknown) => {
        changes.returnTo(log);
        throw error;
      });
      this.#settled = written.catch(() => undefined);
      await written;
    }

    #nameOf(account: string, table: string): string {
      return this.getTableCollectionName(account, table).toLowerCase();
    }

    #entities(name: string): EntityTable<Entity> {
      let entities = this.#tables.get(name);
      if (entities === undefined) {
        entities = new EntityTable();
        this.#tables.set(name, entities);
      }
      return entities;
    }
  };
}

function isEntity(value: Partial<Entity> | undefined): boolean {
  return value?.PartitionKey !== undefined && value.RowKey !== undefined;
}

/** These few are no expressions, and Azurite takes them all the same. */
function isTree(filter: string | undefined): filter is string {
  return filter !== undefined && filter !== "" && filter !== "true" && filter !== "false";
}
