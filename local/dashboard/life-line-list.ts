/** The life-lines, newest first: steps in the order in which they happened, and what lay between them. */
import { fill, h, type Item } from "../../web/dom.js";
import { LineInside } from "./line-inside.js";
import { toneOf, type LifeLines, type Line, type Step } from "./life-lines.js";

export class LifeLineList {
  readonly element: HTMLElement;
  readonly #lines: LifeLines;
  readonly #list = h("ol", { class: "lines" });
  readonly #empty = h("p", { class: "hint" }, [
    "Nothing has happened since this page was opened. Send something in the chat: each message gets a line of its life here.",
  ]);
  /** Facts may name users: they are shown when asked for, by step. */
  readonly #opened = new Set<string>();
  /** What is behind a line is read when it is opened, and outlives the drawing of its steps. */
  readonly #insides = new WeakMap<Line, LineInside>();

  constructor(lines: LifeLines) {
    this.#lines = lines;
    this.element = h("section", { class: "life", "aria-labelledby": "life" }, [
      h("h2", { id: "life" }, ["Life-lines"]),
      this.#empty,
      this.#list,
    ]);
  }

  /** The stream begins anew, and with it what it tells. */
  clear(): void {
    this.#lines.clear();
  }

  draw(): void {
    const { lines } = this.#lines;
    this.#empty.hidden = lines.length > 0;
    fill(
      this.#list,
      lines.map((line) => this.#item(line)),
    );
  }

  /** What waits in a queue says how long it may go on doing so. @param now of the stack, in milliseconds since the epoch */
  tick(now: number): void {
    for (const each of this.#list.querySelectorAll<HTMLElement>("[data-until]")) {
      const left = `expires in ${countdown(Date.parse(each.dataset["until"] ?? "") - now)}`;
      if (each.textContent !== left) each.textContent = left;
    }
  }

  #item(line: Line): Item {
    return {
      key: line.key,
      signature: JSON.stringify([line.state, line.steps.map(({ text, tone, at }) => [text, tone, at])]),
      build: () => {
        const first = line.steps[0]?.at ?? "";
        const inside = this.#opened.has(line.key) ? this.#insideOf(line) : undefined;
        void inside?.load();
        const details = h(
          "details",
          { open: this.#opened.has(line.key) },
          [
            h("summary", {}, [
              h("code", { title: line.key }, [line.key.slice(-8)]),
              h("span", { class: `state ${toneOf(line.state)}` }, [line.state]),
              h(
                "span",
                { class: "track" },
                line.steps.flatMap((step, n) => [...gap(step, line.steps[n - 1]), dot(step), ...waiting(line, n)]),
              ),
            ]),
            h("table", {}, [
              h("thead", {}, [
                h(
                  "tr",
                  {},
                  ["After", "Where", "What"].map((name) => h("th", { scope: "col" }, [name])),
                ),
              ]),
              h(
                "tbody",
                {},
                line.steps.map((step) => row(step, first)),
              ),
            ]),
            inside?.element,
          ],
          {
            toggle: () => {
              if (details.open === this.#opened.has(line.key)) return;
              if (details.open) {
                this.#opened.add(line.key);
                const opened = this.#insideOf(line);
                details.append(opened.element);
                void opened.load();
              } else {
                this.#opened.delete(line.key);
                this.#insides.delete(line);
              }
            },
          },
        );
        return h("li", {}, [details]);
      },
    };
  }

  #insideOf(line: Line): LineInside {
    const inside = this.#insides.get(line) ?? new LineInside(line);
    this.#insides.set(line, inside);
    return inside;
  }
}

function dot({ text, tone, source }: Step): HTMLElement {
  return h("span", { class: `step ${tone}`, title: `${source}: ${text}` }, [text]);
}

/** Behind a step that has put a message into a queue, while nothing more has happened to it there. */
function waiting({ steps }: Line, n: number): HTMLElement[] {
  const { until, source } = steps[n] ?? {};
  if (until === undefined || steps.slice(n + 1).some((later) => later.source === source)) return [];
  return [
    h("time", { class: "gap", datetime: until, "data-until": until, title: "until its time in the queue is over" }),
  ];
}

function gap(step: Step, before: Step | undefined): HTMLElement[] {
  const ms = before === undefined ? 0 : Date.parse(step.at) - Date.parse(before.at);
  return ms < 1_000 ? [] : [h("span", { class: "gap" }, [span(ms)])];
}

function row(step: Step, first: string): HTMLElement {
  return h("tr", {}, [
    h("td", {}, [`+${span(Date.parse(step.at) - Date.parse(first))}`]),
    h("td", {}, [step.source]),
    h("td", { class: step.tone }, [
      step.text,
      h("details", { class: "facts" }, [
        h("summary", {}, ["facts"]),
        h("pre", {}, [JSON.stringify(step.facts, null, 1)]),
      ]),
    ]),
  ]);
}

function span(ms: number): string {
  if (ms < 1_000) return `${ms} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`;
  return `${(ms / 3_600_000).toFixed(1)} h`;
}

/** Hours, minutes and seconds; nothing is left below zero. */
function countdown(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1_000));
  const parts = [seconds / 3_600, (seconds / 60) % 60, seconds % 60];
  return parts.map((part) => String(Math.floor(part)).padStart(2, "0")).join(":");
}
