/** Jobs that somebody asked for: table `jobs`, a row each, partition = id. */
import type { TableClient } from "@azure/data-tables";
import type { FailureFilter, Job, Jobs } from "../ports-operations.js";
import { callingStorage, unlessChanged, unlessMissing } from "./tables.js";

const ROW = "job";

interface Row {
  kind: string;
  by: string;
  state: string;
  createdAt: string;
  changedAt: string;
  /** What only the job itself reads, as JSON. */
  work: string;
}

type Work = Pick<Job, "place" | "found" | "done" | "refused"> & { readonly filter: Record<string, string> };

export function tableJobs(table: TableClient): Jobs {
  return {
    get: (id) =>
      callingStorage(async () => {
        const row = await unlessMissing(() => table.getEntity<Row>(id, ROW));
        return row === undefined ? undefined : { ...fromRow(id, row), etag: row.etag };
      }),
    save: (job, known) =>
      callingStorage(() =>
        unlessChanged(() => {
          const row = { partitionKey: job.id, rowKey: ROW, ...toRow(job) };
          return known === undefined
            ? table.createEntity(row)
            : table.updateEntity(row, "Replace", { etag: known.etag });
        }),
      ),
  };
}

const toRow = ({ kind, by, state, createdAt, changedAt, filter, place, found, done, refused }: Job): Row => ({
  ...{ kind, by, state, createdAt: createdAt.toISOString(), changedAt: changedAt.toISOString() },
  work: JSON.stringify({ filter, place, found, done, refused }),
});

function fromRow(id: string, row: Row): Job {
  const { filter, ...work } = JSON.parse(row.work) as Work;
  const { from, before, ...rest } = filter;
  return {
    ...work,
    filter: {
      ...(rest as FailureFilter),
      ...(from === undefined ? {} : { from: new Date(from) }),
      ...(before === undefined ? {} : { before: new Date(before) }),
    },
    id,
    kind: row.kind as Job["kind"],
    by: row.by,
    state: row.state as Job["state"],
    createdAt: new Date(row.createdAt),
    changedAt: new Date(row.changedAt),
  };
}
