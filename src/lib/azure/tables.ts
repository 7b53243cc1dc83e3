/** The table clients, and how user ids and numbers become keys. */
import { TableClient, type TableServiceClientOptions } from "@azure/data-tables";
import type { Config } from "../config.js";
import { identityOf } from "./credential.js";
import { calling, statusOf } from "./transient.js";

/** Short: whoever calls has a caller of its own waiting, and retries with more patience where there is none. */
const OPTIONS: TableServiceClientOptions = {
  retryOptions: { maxRetries: 2, retryDelayInMs: 100, maxRetryDelayInMs: 500 },
};

export async function openTable(config: Config, name: string): Promise<TableClient> {
  if (config.STORAGE !== undefined) {
    return TableClient.fromConnectionString(config.STORAGE, name, {
      ...OPTIONS,
      // Only a development store is spoken to without TLS, and only its connection string says so.
      allowInsecureConnection:
        /(^|;)(DefaultEndpointsProtocol=http(;|$)|TableEndpoint=http:|UseDevelopmentStorage=true)/i.test(
          config.STORAGE,
        ),
    });
  }
  return new TableClient(String(config.STORAGE__tableServiceUri), name, await identityOf(config), OPTIONS);
}

/** User ids may have characters that a key may not (`/ \ # ?`): base64url has none of them. */
export const userKey = (user: string): string => Buffer.from(user, "utf8").toString("base64url");
export const userOfKey = (key: string): string => Buffer.from(key, "base64url").toString("utf8");

const SEQ_DIGITS = 12;
const LARGEST_SEQ = 10 ** SEQ_DIGITS - 1;

export const seqKey = (seq: number): string => String(seq).padStart(SEQ_DIGITS, "0");
/** Sorts the newest first, which is the order in which a table can only read. */
export const newestFirstKey = (seq: number): string => seqKey(LARGEST_SEQ - seq);

/** Beyond every time in milliseconds until the year 5138. */
const END_OF_TIME = 99_999_999_999_999;
/** Sorts the latest first. */
export const invertedTimeKey = (at: Date): string => String(END_OF_TIME - at.getTime()).padStart(14, "0");

export const callingStorage = <Result>(call: () => Promise<Result>): Promise<Result> => calling("Table Storage", call);

/** What `call` answers, or undefined when what it asks for is not there. */
export async function unlessMissing<Result>(call: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await call();
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/** False when a row was there already (409), or has changed or gone since it was read (412, 404). */
export async function unlessChanged(call: () => Promise<unknown>): Promise<boolean> {
  try {
    await call();
    return true;
  } catch (error) {
    const status = statusOf(error);
    if (status === 409 || status === 412 || status === 404) return false;
    throw error;
  }
}

/** At most `limit` rows of a query, over as many of the service's pages as that takes. */
export async function firstRows<Row extends object>(
  table: TableClient,
  filter: string,
  limit: number,
  select?: readonly string[],
): Promise<(Row & { partitionKey: string; rowKey: string; etag: string })[]> {
  const rows: (Row & { partitionKey: string; rowKey: string; etag: string })[] = [];
  const pages = table
    .listEntities<Row>({ queryOptions: { filter, ...(select === undefined ? {} : { select: [...select] }) } })
    .byPage({ maxPageSize: Math.min(limit, 1000) });
  for await (const page of pages) {
    for (const row of page) {
      rows.push(row as Row & { partitionKey: string; rowKey: string; etag: string });
      if (rows.length === limit) return rows;
    }
  }
  return rows;
}

/** Resolves when the table answers. */
export const probeTable = async (table: TableClient): Promise<void> => {
  await callingStorage(() => firstRows(table, "PartitionKey eq 'probe'", 1));
};
