/** What a developer sees when the stack is ready. */
import type { ClockSetting } from "../clock/date.js";
import { formatOffset } from "../clock/duration.js";
import type { FunctionStatus } from "../control/idle.js";
import { plain } from "./styles.js";

export interface BannerContent {
  readonly readyMs: number;
  readonly node: string;
  readonly clock: ClockSetting;
  /** Name, address and a remark for each part. */
  readonly parts: readonly (readonly [name: string, address: string, remark?: string])[];
  readonly functions: readonly FunctionStatus[];
  readonly routePrefix: string;
  readonly tokens: readonly (readonly [user: string, token: string])[];
  readonly tokenLifetime: string;
  readonly commands: readonly string[];
}

const KINDS = ["HTTP", "queue", "timer", "other"] as const;
type Kind = (typeof KINDS)[number];

export function banner(content: BannerContent, styles = plain): string {
  const clock = describeClock(content.clock);
  const title = `Ready in ${(content.readyMs / 1_000).toFixed(1)} s`;
  const heading = (text: string): string => styles.dim(text);
  return [
    "",
    `${styles.bold(title)} ${styles.dim(`(node ${content.node}, ${clock}). Ctrl-C stops everything.`)}`,
    "",
    ...columns(content.parts.map(([name, address, remark]) => [name, address, remark ?? ""])),
    "",
    heading("functions"),
    ...columns(content.functions.map((each) => describe(each, content.routePrefix)).sort(byKindAndText)),
    "",
    heading(`tokens (valid for ${content.tokenLifetime})`),
    ...columns(content.tokens.map(([user, token]) => [user, token])),
    "",
    heading("try"),
    ...content.commands.map((command) => `  ${command}`),
    "",
  ].join("\n");
}

function describeClock(clock: ClockSetting): string {
  if ("frozenAt" in clock) return `clock frozen at ${new Date(clock.frozenAt).toISOString()}`;
  return clock.offsetMs === 0 ? "clock real" : `clock ${formatOffset(clock.offsetMs)}`;
}

function describe(each: FunctionStatus, routePrefix: string): readonly string[] {
  const kind = kindOf(each);
  switch (kind) {
    case "HTTP": {
      const path = ["", routePrefix, each.route ?? each.name].filter((part, n) => n === 0 || part !== "").join("/");
      return [kind, each.name, `${(each.methods ?? []).join(",")} ${path}`];
    }
    case "queue":
      return [kind, each.name, `${each.queue ?? ""}${each.sessions === true ? " (sessions)" : ""}`];
    case "timer":
      return [kind, each.name, each.schedule ?? ""];
    default:
      return [kind, each.name, each.type];
  }
}

function kindOf({ type, queue, schedule }: FunctionStatus): Kind {
  if (type.toLowerCase().startsWith("http")) return "HTTP";
  if (queue !== undefined) return "queue";
  return schedule === undefined ? "other" : "timer";
}

function byKindAndText(a: readonly string[], b: readonly string[]): number {
  const order = KINDS.indexOf(a[0] as Kind) - KINDS.indexOf(b[0] as Kind);
  return order !== 0 ? order : (a[1] ?? "").localeCompare(b[1] ?? "");
}

/** Aligns the cells of each column but the last; long cells (a token) do not widen the others. */
export function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.slice(0, -1).forEach((cell, n) => {
      widths[n] = Math.max(widths[n] ?? 0, cell.length);
    });
  }
  return rows.map((row) => `  ${row.map((cell, n) => cell.padEnd(widths[n] ?? 0)).join("  ")}`.trimEnd());
}
