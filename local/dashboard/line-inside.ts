/** What is behind a life-line: its traces, what the parts have logged of it, and what the app says of the message itself. */
import { button, h } from "../../web/dom.js";
import { get } from "./api.js";
import { askApp } from "./app.js";
import { idsIn, type Line } from "./life-lines.js";
import type { Span } from "./trace-rows.js";
import { traceTree } from "./trace-tree.js";

interface LogLine {
  readonly part: string;
  readonly line: string;
}

/** `GET /api/ops/messages/{message}`: never what it says. */
interface Life {
  readonly author?: string;
  readonly state?: string;
  readonly events: readonly { readonly event: string; readonly at: string; readonly user?: string }[];
}

const MOST_TRACES = 5;
/** Spans are sent when they have ended, in batches: the last of them come later than the events that open a line. */
const SPANS_ARE_THERE_AFTER_MS = 1_500;

export class LineInside {
  readonly element = h("div", { class: "behind" });
  readonly #line: Line;
  readonly #logs = h("div", { class: "logs" });
  readonly #document = h("div", { class: "document" });
  readonly #traces = h("div", { class: "traces" });
  /** What it says, once asked for; it stays when the rest is read anew. */
  readonly #said = h("div");

  constructor(line: Line) {
    this.#line = line;
    this.element.append(this.#traces, this.#document, this.#said, this.#logs);
  }

  /** Reads anew what the line is about; what cannot be had is said in its place. */
  async load(): Promise<void> {
    const { traces, conversation, logged } = idsIn(this.#line);
    const asked = new URLSearchParams([this.#line.key, ...traces, ...logged].slice(0, 100).map((id) => ["about", id]));
    await Promise.all([
      this.#showTraces(traces),
      new Promise((resolve) => setTimeout(resolve, SPANS_ARE_THERE_AFTER_MS)).then(() => this.#showTraces(traces)),
      get<{ lines: readonly LogLine[] }>(`/logs?${asked.toString()}`).then(
        ({ lines }) => this.#showLogs(lines),
        (error: unknown) => this.#logs.replaceChildren(h("p", { class: "hint" }, [`No log lines: ${reasonOf(error)}`])),
      ),
      conversation === undefined ? undefined : this.#showLife(conversation),
    ]);
  }

  /** A message has one, and each answer to it one more: of the newest alone there is room for the spans. */
  async #showTraces(traces: readonly string[]): Promise<void> {
    const shown = traces.slice(-MOST_TRACES).map(async (trace) => {
      const title = h("p", {}, [h("b", {}, ["Trace "]), h("code", {}, [trace])]);
      // An app that sends no spans has an id all the same.
      const found = await get<{ spans: readonly Span[] }>(`/traces/${trace}`).catch(() => undefined);
      return found === undefined ? [title] : [title, traceTree(found.spans)];
    });
    this.#traces.replaceChildren(...(await Promise.all(shown)).flat());
  }

  #showLogs(lines: readonly LogLine[]): void {
    this.#logs.replaceChildren(
      h("h3", {}, [`Log lines (${String(lines.length)})`]),
      h("pre", { tabindex: "0" }, [lines.map(readable).join("\n")]),
    );
  }

  async #showLife(conversation: string): Promise<void> {
    const message = this.#line.key;
    const asked = `/api/ops/messages/${message}?conversation=${conversation}`;
    const life = await askApp<Life>(asked, { sub: "dashboard", roles: ["operator"] }).catch(() => undefined);
    if (life === undefined) {
      this.#document.replaceChildren(h("p", { class: "hint" }, ["The app does not know it as a message (any more)."]));
      return;
    }
    const { author, state, events } = life;
    const facts = [state ?? "not delivered", ...(author === undefined ? [] : [`by ${author}`])];
    this.#document.replaceChildren(
      h("h3", {}, [`Document: ${facts.join(", ")}`]),
      h(
        "ul",
        { class: "events" },
        events.map(({ event, at, user }) =>
          h("li", {}, [
            h("time", { datetime: at }, [at.slice(11, 23)]),
            ` ${event}`,
            user === undefined ? "" : ` (${user})`,
          ]),
        ),
      ),
    );
    if (author !== undefined && this.#said.childElementCount === 0) this.#offerContent(conversation, author);
  }

  /** Operators cannot read what a message says. Here anybody is whoever they say: its author can, while it lives. */
  #offerContent(conversation: string, author: string): void {
    const read = async (): Promise<string> => {
      const address = `/api/v1/conversations/${conversation}/messages/${this.#line.key}`;
      try {
        return JSON.stringify(await askApp<unknown>(address, { sub: author }), null, 1);
      } catch (error) {
        return `It cannot be read: ${reasonOf(error)}`;
      }
    };
    const shown = button(`Show what it says, as ${author}`, () => {
      void read().then((text) => shown.replaceWith(h("pre", { class: "content", tabindex: "0" }, [text])));
    });
    this.#said.append(shown);
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Time, part, function and text of a line in JSON; any other as it is. */
function readable({ part, line }: LogLine): string {
  try {
    const { time = "", level = "", message = "", ...more } = JSON.parse(line) as Readonly<Record<string, string>>;
    const source = more["function"] ?? part;
    return `${time.slice(11, 23)} ${source} ${level}: ${message}`;
  } catch {
    return `${part}: ${line}`;
  }
}
