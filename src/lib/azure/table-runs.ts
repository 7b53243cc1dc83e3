/** What the jobs have done: table `runs`, one partition, newest first. */
import { odata, type TableClient } from "@azure/data-tables";
import type { Run, Runs } from "../ports.js";
import { callingStorage, firstRows, unlessMissing } from "./tables.js";

/** Of rows that are to be removed, one call takes at most this many. */
const FORGOTTEN_AT_ONCE = 20;
const PARTITION = "run";
/** Beyond every time in milliseconds until the year 5138. */
const END_OF_TIME = 99_999_999_999_999;

interface RunRow {
  job: string;
  startedAt: string;
  tookMs: number;
  lookedAt: number;
  purged: number;
  lateByMs: number;
}

const keyOf = (at: Date): string => String(END_OF_TIME - at.getTime()).padStart(14, "0");

export function tableRuns(table: TableClient): Runs {
  return {
    add: ({ startedAt, ...run }) =>
      callingStorage(async () => {
        const rowKey = `${keyOf(startedAt)}|${run.job}`;
        await table.upsertEntity({ partitionKey: PARTITION, rowKey, ...run, startedAt: startedAt.toISOString() });
      }),
    page: ({ limit, before }) =>
      callingStorage(async () => {
        const filter =
          before === undefined
            ? odata`PartitionKey eq ${PARTITION}`
            : odata`PartitionKey eq ${PARTITION} and RowKey gt ${`${keyOf(before)}~`}`;
        const rows = await firstRows<RunRow>(table, filter, limit);
        return rows.map(({ job, startedAt, tookMs, lookedAt, purged, lateByMs }) => ({
          job: job as Run["job"],
          startedAt: new Date(startedAt),
          ...{ tookMs, lookedAt, purged, lateByMs },
        }));
      }),
    forget: (olderThan) =>
      callingStorage(async () => {
        const filter = odata`PartitionKey eq ${PARTITION} and RowKey gt ${`${keyOf(olderThan)}~`}`;
        const rows = await firstRows(table, filter, FORGOTTEN_AT_ONCE, ["PartitionKey", "RowKey"]);
        await Promise.all(rows.map(({ rowKey }) => unlessMissing(() => table.deleteEntity(PARTITION, rowKey))));
      }),
  };
}
