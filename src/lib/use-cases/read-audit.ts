import type { AuditShape } from "../contracts/operations.js";
import type { Page } from "../contracts/http.js";
import type { PageShape } from "../contracts/shapes.js";
import type { Ports } from "../ports.js";
import { cursorOf, placeIn } from "./cursor.js";

const DEFAULT_LIMIT = 50;

/** Who did what to which id, newest first. @throws cursor-invalid */
export async function listAudit(ports: Ports, { limit = DEFAULT_LIMIT, cursor }: Page): Promise<PageShape<AuditShape>> {
  const after = cursor === undefined ? {} : { after: placeIn(cursor, isKey) };
  const entries = await ports.audit.page({ limit, ...after });
  const last = entries.at(-1);
  return {
    items: entries.map(({ at, actor, action, target, outcome, traceId }) => ({
      ...{ at: at.toISOString(), actor, action, target, outcome },
      ...(traceId === undefined ? {} : { traceId }),
    })),
    ...(entries.length === limit && last !== undefined ? { nextCursor: cursorOf(last.key) } : {}),
  };
}

const isKey = (value: unknown): value is string =>
  typeof value === "string" && /^\d{14} \d{14}\|[\w-]{36}$/.test(value);
