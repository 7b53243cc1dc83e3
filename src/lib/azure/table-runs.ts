/** What the jobs have done: table `runs`, one partition, newest first. */
import { odata, type TableClient } from "@azure/data-tables";
import type { Run, Runs } from "../ports.js";
import { callingStorage, firstRows, invertedTimeKey, unlessMissing } from "./tables.js";

/** Of rows that are to be removed, one call takes at most this many. */
const FORGOTTEN_AT_ONCE = 20;
const PARTITION = "run";
interface RunRow {
  job: string;
  startedAt: string;
  tookMs: number;
  lookedAt: number;
  purged: number;
  lateByMs: number;
}

export function tableRuns(table: TableClient): Runs {
  return {
    add: ({ startedAt, ...run }) =>
      callingStorage(async () => {
        const rowKey = `${invertedTimeKey(startedAt)}|${run.job}`;
        await table.upsertEntity({ partitionKey: PARTITION, rowKey, ...run, startedAt: startedAt.toISOString() });
      }),
    page: ({ limit, before }) =>
      callingStorage(async () => {
        const filter =
          before === undefined
            ? odata`PartitionKey eq ${PARTITION}`
            : odata`PartitionKey eq ${PARTITION} and RowKey gt ${`${invertedTimeKey(before)}~`}`;
        const rows = await firstRows<RunRow>(table, filter, limit);
        return rows.map(({ job, startedAt, tookMs, lookedAt, purged, lateByMs }) => ({
          job: job as Run["job"],
          startedAt: new Date(startedAt),
          ...{ tookMs, lookedAt, purged, lateByMs },
        }));
      }),
    forget: (olderThan) =>
      callingStorage(async () => {
        const filter = odata`PartitionKey eq ${PARTITION} and RowKey gt ${`${invertedTimeKey(olderThan)}~`}`;
        const rows = await firstRows(table, filter, FORGOTTEN_AT_ONCE, ["PartitionKey", "RowKey"]);
        await Promise.all(rows.map(({ rowKey }) => unlessMissing(() => table.deleteEntity(PARTITION, rowKey))));
      }),
  };
}
