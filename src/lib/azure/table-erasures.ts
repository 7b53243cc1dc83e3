/** Accounts that are being erased, or have been: table `erasures`, a row each, partition = user. */
import { odata, type TableClient } from "@azure/data-tables";
import type { Erasure } from "../domain/erasure.js";
import { omit } from "../domain/omit.js";
import type { Erasures } from "../ports-operations.js";
import { callingStorage, firstRows, unlessChanged, unlessMissing, userKey, userOfKey } from "./tables.js";

const ROW = "erasure";
const FORGOTTEN_AT_ONCE = 200;

interface Row {
  state: string;
  startedAt: string;
  changedAt: string;
  /** What only the erasure itself reads, as JSON. */
  work: string;
}

type Work = Omit<Erasure, "user" | "state" | "startedAt" | "changedAt" | "dueAt"> & { readonly dueAt: string };

export function tableErasures(table: TableClient): Erasures {
  return {
    get: (user) =>
      callingStorage(async () => {
        const row = await unlessMissing(() => table.getEntity<Row>(userKey(user), ROW));
        return row === undefined ? undefined : { ...fromRow(user, row), etag: row.etag };
      }),
    save: (erasure, known) =>
      callingStorage(() =>
        unlessChanged(() =>
          known === undefined
            ? table.createEntity(toRow(erasure))
            : table.updateEntity(toRow(erasure), "Replace", { etag: known.etag }),
        ),
      ),
    // There are few rows: one for each user who has gone within a month.
    idleSince: (before, limit) =>
      callingStorage(async () => {
        const filter = odata`state eq ${"running"} and changedAt lt ${before.toISOString()}`;
        const rows = await firstRows<Row>(table, filter, limit);
        return rows.map((row) => fromRow(userOfKey(row.partitionKey), row));
      }),
    forget: (olderThan) =>
      callingStorage(async () => {
        const filter = odata`state eq ${"done"} and changedAt lt ${olderThan.toISOString()}`;
        const rows = await firstRows<Row>(table, filter, FORGOTTEN_AT_ONCE);
        await Promise.all(
          rows.map(({ partitionKey, rowKey, etag }) =>
            // The user may have begun anew meanwhile.
            unlessChanged(() => table.deleteEntity(partitionKey, rowKey, { etag })),
          ),
        );
      }),
  };
}

const toRow = (erasure: Erasure): Row & { partitionKey: string; rowKey: string } => ({
  ...{ partitionKey: userKey(erasure.user), rowKey: ROW, state: erasure.state },
  ...{ startedAt: erasure.startedAt.toISOString(), changedAt: erasure.changedAt.toISOString() },
  work: JSON.stringify(omit(erasure, "user", "state", "startedAt", "changedAt")),
});

function fromRow(user: string, row: Row): Erasure {
  const { dueAt, ...work } = JSON.parse(row.work) as Work;
  return {
    ...{ ...work, user, state: row.state as Erasure["state"] },
    ...{ startedAt: new Date(row.startedAt), changedAt: new Date(row.changedAt), dueAt: new Date(dueAt) },
  };
}
