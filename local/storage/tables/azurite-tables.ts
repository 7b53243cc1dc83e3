/** What is used of Azurite's table store (3.35): it is written in TypeScript, and published without its types. */
import { createRequire } from "node:module";
import type { Keys } from "./entity-table.js";
import type { FilterNode } from "./key-range.js";

export interface Entity extends Keys {
  readonly eTag: string;
  readonly lastModifiedTime: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

/** Of one request; handed on and never looked at. */
export type Context = unknown;

export interface QueryOptions {
  /** OData. */
  readonly filter?: string;
  readonly top?: number;
}

/** A table's collection in lokijs, as far as the store's own code asks it for entities. */
export interface Collection {
  findOne(keys: Keys): Entity | null;
  insert(entity: Entity): void;
  update(entity: Entity): void;
  remove(entity: Entity): void;
}

export interface LokiCollection {
  readonly name: string;
  readonly data: readonly Entity[];
  clear(): void;
}

export interface LokiTables {
  readonly lokiDBPath: string;
  readonly db: { readonly collections: readonly LokiCollection[] };
  /** What the transaction at work has replaced and added. */
  transactionRollbackTheseEntities: Entity[];
  transactionDeleteTheseEntities: Entity[];

  init(): Promise<void>;
  close(): Promise<void>;
  saveDBState(): Promise<void>;
  deleteTable(context: Context, table: string, account: string): Promise<void>;
  getTableCollectionName(account: string, table: string): string;
  /** @throws Azurite's error for a table that there is not */
  getEntityCollection(account: string, table: string, context: Context): unknown;
  getMaxResultsOption(options: QueryOptions): number;
  decodeContinuationHeader(header: string | undefined): string | undefined;
  /** Takes what is too much away, and says where it begins. */
  adjustQueryResultforTop(
    found: Entity[],
    most: number,
  ): { readonly nextPartitionKeyResponse?: string; readonly nextRowKeyResponse?: string };

  insertTableEntity(
    context: Context,
    table: string,
    account: string,
    entity: Entity,
    batchId?: string,
  ): Promise<Entity>;
  updateTableEntity(
    context: Context,
    table: string,
    account: string,
    entity: Entity,
    ifMatch?: string,
    batchId?: string,
  ): Promise<Entity>;
  mergeTableEntity(
    context: Context,
    table: string,
    account: string,
    entity: Entity,
    ifMatch?: string,
    batchId?: string,
  ): Promise<Entity>;
  deleteTableEntity(
    context: Context,
    table: string,
    account: string,
    partitionKey: string,
    rowKey: string,
    eTag: string,
    batchId?: string,
  ): Promise<void>;
}

interface Modules {
  readonly store: { default: new (lokiDBPath: string, inMemory: boolean) => LokiTables };
  /** @throws Azurite's error for a filter that is none */
  readonly filterOf: (options: QueryOptions, context: Context) => (entity: Entity) => boolean;
  readonly parseFilter: (filter: string) => FilterNode;
}

const FOLDER = "./table/persistence";

/** Azurite's own modules, of the Azurite that `program` is the path of. */
export function azuriteModules(program: string): Modules {
  const require = createRequire(program);
  const generator = require(`${FOLDER}/LokiTableStoreQueryGenerator.js`) as {
    default: { generateQueryForPersistenceLayer: Modules["filterOf"] };
  };
  const parser = require(`${FOLDER}/QueryInterpreter/QueryParser.js`) as { default: Modules["parseFilter"] };
  return {
    store: require(`${FOLDER}/LokiTableMetadataStore.js`) as Modules["store"],
    filterOf: (options, context) => generator.default.generateQueryForPersistenceLayer(options, context),
    parseFilter: (filter) => parser.default(filter),
  };
}
