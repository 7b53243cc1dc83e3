import type { Page } from "../contracts/http.js";
import type { PageShape, RunShape } from "../contracts/shapes.js";
import type { Ports } from "../ports.js";
import { cursorOf, isSeq, placeIn } from "./cursor.js";

const DEFAULT_LIMIT = 50;

/** What the jobs have done, newest first; kept for 30 days. @throws cursor-invalid */
export async function listRuns(ports: Ports, { limit = DEFAULT_LIMIT, cursor }: Page): Promise<PageShape<RunShape>> {
  const before = cursor === undefined ? undefined : new Date(placeIn(cursor, isSeq));
  const runs = await ports.runs.page({ limit, ...(before === undefined ? {} : { before }) });
  const last = runs.at(-1);
  return {
    items: runs.map(({ startedAt, ...run }) => ({ ...run, startedAt: startedAt.toISOString() })),
    ...(runs.length === limit && last !== undefined ? { nextCursor: cursorOf(last.startedAt.getTime()) } : {}),
  };
}
