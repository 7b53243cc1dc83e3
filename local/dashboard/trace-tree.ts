/** A trace as a list of its spans: each below its cause, further in, with a bar for when it was. */
import { h } from "../../web/dom.js";
import { rowsOf, type Span } from "./trace-rows.js";

/** What takes a day in between, as a deadline does, leaves no room for the rest: bars are of the first moments alone. */
const SHOWN_MS = 10_000;

export function traceTree(spans: readonly Span[]): HTMLElement {
  const rows = rowsOf(spans);
  const early = rows.filter(({ afterMs }) => afterMs < SHOWN_MS);
  const wholeMs = Math.max(1, ...early.map(({ afterMs, durationMs }) => afterMs + Math.min(durationMs, SHOWN_MS)));
  return h(
    "ul",
    { class: "trace" },
    rows.map((row) => {
      const bar = h("span", { class: "bar" }, [h("span", { class: row.failed ? "bad" : "" })]);
      const fill = bar.firstElementChild as HTMLElement;
      const start = Math.min(row.afterMs / wholeMs, 1);
      fill.style.insetInlineStart = percent(start);
      fill.style.inlineSize = percent(Math.min(row.durationMs / wholeMs, 1 - start));
      const name = h("span", { class: "name" }, [row.name]);
      name.style.paddingInlineStart = `${String(Math.min(row.depth, 10) * 0.6)}rem`;
      return h("li", { title: `${row.service}, +${short(row.afterMs)}` }, [
        name,
        h("span", { class: row.failed ? "bad" : "took" }, [`${row.failed ? "failed, " : ""}${short(row.durationMs)}`]),
        bar,
      ]);
    }),
  );
}

const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;

function short(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1_000) return `${String(Math.round(ms))} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  return ms < 3_600_000 ? `${String(Math.round(ms / 60_000))} min` : `${(ms / 3_600_000).toFixed(1)} h`;
}
