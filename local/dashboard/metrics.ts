/** The last minutes as plots: what the broker took and gave, what waits, how long functions take; and what the app has measured. */
import { button, h } from "../../web/dom.js";
import { askApp } from "./app.js";
import type { Queue } from "./api.js";
import type { HubEvent } from "./life-lines.js";
import { panel } from "./panel.js";
import { pathOf, rateOf, Series, sumOf } from "./series.js";

const [WIDTH, HEIGHT] = [240, 44];
const SHOWN_IN_TABLE = 10;
const SVG = "http://www.w3.org/2000/svg" as const;

/** `GET /api/ops/status`. */
interface Measured {
  readonly name: string;
  readonly label?: string;
  readonly value?: number;
  readonly count?: number;
  readonly sum?: number;
  readonly max?: number;
}

export class MetricsPanel {
  readonly element: HTMLElement;
  readonly #plots = [
    new Plot("accepted", "Accepted", "messages a second"),
    new Plot("delivered", "Delivered", "deliveries a second"),
    new Plot("waiting", "In the queues", "messages that could be received or are"),
    new Plot("duration", "Functions", "milliseconds a run, mean"),
  ] as const;
  readonly #rows = h("tbody");
  readonly #measured = h("div", { "aria-live": "polite" });
  readonly #durations: number[] = [];
  /** When the newest samples were taken. */
  readonly #times: number[] = [];
  #before: { readonly at: number; readonly sent: number; readonly received: number } | undefined;

  constructor() {
    const columns = ["Ago", ...this.#plots.map(({ label }) => label)];
    const head = h(
      "tr",
      {},
      columns.map((name) => h("th", { scope: "col" }, [name])),
    );
    this.element = panel("Metrics", [
      h(
        "div",
        { class: "plots" },
        this.#plots.map(({ element }) => element),
      ),
      h("details", {}, [h("summary", {}, ["as a table"]), h("table", {}, [h("thead", {}, [head]), this.#rows])]),
      h("div", { class: "tools" }, [button("What the app has measured", () => void this.#showMeasured())]),
      this.#measured,
    ]);
  }

  take(event: HubEvent): void {
    if (event.kind === "run-ended") this.#durations.push(Number(event["durationMs"]));
  }

  /** What was kept from before this page was opened is no sample of now. */
  clear(): void {
    this.#durations.length = 0;
  }

  /** @param page the broker's metrics, in Prometheus' text */
  sample(page: string, queues: readonly Queue[]): void {
    const now = {
      at: performance.now(),
      sent: sumOf(page, "servicebus_messages_sent_total"),
      received: sumOf(page, "servicebus_messages_received_total"),
    };
    const before = this.#before;
    this.#before = now;
    const durations = this.#durations.splice(0);
    // The first has nothing to be compared with.
    if (before === undefined) return;
    const elapsedMs = now.at - before.at;
    const mean = durations.length === 0 ? 0 : durations.reduce((sum, ms) => sum + ms, 0) / durations.length;
    const [accepted, delivered, waiting, duration] = this.#plots;
    accepted.add(rateOf(before.sent, now.sent, elapsedMs));
    delivered.add(rateOf(before.received, now.received, elapsedMs));
    waiting.add(queues.reduce((sum, { active }) => sum + active, 0));
    duration.add(mean);
    this.#times.push(now.at);
    if (this.#times.length > SHOWN_IN_TABLE) this.#times.shift();
    this.#drawTable(now.at);
  }

  #drawTable(now: number): void {
    const rows = this.#times.map((at, n) => {
      const cells = this.#plots.map((plot) => plot.series.values.at(n - this.#times.length) ?? 0);
      const ago = h("th", { scope: "row" }, [`${String(Math.round((now - at) / 1_000))} s`]);
      return h("tr", {}, [ago, ...cells.map((value) => h("td", {}, [short(value)]))]);
    });
    this.#rows.replaceChildren(...rows.reverse());
  }

  async #showMeasured(): Promise<void> {
    try {
      const who = { sub: "dashboard", roles: ["operator"] };
      const { metrics } = await askApp<{ metrics: readonly Measured[] }>("/api/ops/status", who);
      const row = ({ name, label, value, count, sum, max }: Measured): HTMLElement =>
        h("tr", {}, [
          h("th", { scope: "row" }, [label === undefined ? name : `${name} ${label}`]),
          ...[value ?? count, count === undefined || count === 0 ? undefined : (sum ?? 0) / count, max].map((each) =>
            h("td", {}, [each === undefined ? "" : short(each)]),
          ),
        ]);
      const head = ["Metric", "Count or value", "Mean", "Most"].map((name) => h("th", { scope: "col" }, [name]));
      this.#measured.replaceChildren(
        h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Table: what the app has measured" }, [
          h("table", {}, [h("thead", {}, [h("tr", {}, head)]), h("tbody", {}, metrics.map(row))]),
        ]),
      );
    } catch (error) {
      this.#measured.replaceChildren(
        h("p", { class: "hint" }, [error instanceof Error ? error.message : String(error)]),
      );
    }
  }
}

class Plot {
  readonly element: HTMLElement;
  readonly series = new Series();
  readonly label: string;
  readonly #unit: string;
  readonly #now = h("b");
  readonly #line = svg("path", { class: "line" });
  readonly #area = svg("path", { class: "area" });
  readonly #description: SVGElement;

  constructor(id: string, label: string, unit: string) {
    this.label = label;
    this.#unit = unit;
    const [title, description] = [svg("title", { id: `${id}-title` }), svg("desc", { id: `${id}-desc` })];
    title.textContent = `${label}: ${unit}`;
    this.#description = description;
    const picture = svg("svg", {
      viewBox: `0 0 ${String(WIDTH)} ${String(HEIGHT)}`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-labelledby": `${id}-title ${id}-desc`,
    });
    picture.append(title, description, this.#area, this.#line);
    this.element = h("figure", { class: "plot" }, [
      h("figcaption", {}, [`${label} `, this.#now, h("span", { class: "unit" }, [` ${unit}`])]),
      picture,
    ]);
    this.#draw();
  }

  add(value: number): void {
    this.series.add(value);
    this.#draw();
  }

  #draw(): void {
    const { values, last, most } = this.series;
    const path = pathOf(values, WIDTH, HEIGHT - 2, most);
    this.#line.setAttribute("d", path);
    this.#area.setAttribute("d", path === "" ? "" : `${path}V${String(HEIGHT)}H${startOf(path)}Z`);
    this.#now.textContent = short(last);
    this.#description.textContent = `Now ${short(last)}, at most ${short(most)} in the last five minutes (${this.#unit}).`;
  }
}

const startOf = (path: string): string => path.slice(1, path.indexOf(" "));

/** Two digits that count, or a whole number. */
function short(value: number): string {
  return value >= 10 || Number.isInteger(value) ? String(Math.round(value)) : value.toFixed(1);
}

function svg(tag: string, attributes: Readonly<Record<string, string>>): SVGElement {
  const element: SVGElement = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
