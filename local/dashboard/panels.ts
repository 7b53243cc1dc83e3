/** What is there now: parts, queues and what is in them, functions, sockets, what is due. */
import { button, fill, h } from "../../web/dom.js";
import {
  ask,
  get,
  post,
  type DueItem,
  type FunctionStatus,
  type Part,
  type Peeked,
  type Queue,
  type Socket,
} from "./api.js";
import type { Attempt } from "./clock.js";
import type { HubEvent } from "./life-lines.js";
import { panel } from "./panel.js";

const time = new Intl.DateTimeFormat(undefined, { dateStyle: "short", timeStyle: "medium" });
const when = (iso: string): string => time.format(new Date(iso));

function table(columns: readonly string[], body: HTMLElement): HTMLElement {
  return h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": `Table: ${columns.join(", ")}` }, [
    h("table", {}, [
      h("thead", {}, [
        h(
          "tr",
          {},
          columns.map((name) => h("th", { scope: "col" }, [name])),
        ),
      ]),
      body,
    ]),
  ]);
}

export class PartsPanel {
  readonly element = h("ul", { class: "parts", "aria-label": "Parts" });
  readonly #attempt: Attempt;

  constructor(attempt: Attempt) {
    this.#attempt = attempt;
  }

  show(parts: readonly Part[]): void {
    fill(
      this.element,
      parts.map(({ name, state }) => ({
        key: name,
        signature: state,
        build: () =>
          h("li", { class: state }, [
            `${name}: ${state}`,
            state === "ready" || state === "starting"
              ? undefined
              : button("Start", () => this.#attempt(() => post(`/parts/${name}/start`, {})), {
                  "data-action": "start",
                }),
          ]),
      })),
    );
  }
}

export class QueuesPanel {
  readonly element: HTMLElement;
  names: readonly string[] = [];
  readonly #body = h("tbody");
  readonly #inside = h("div", { class: "inside", "aria-live": "polite" });
  readonly #attempt: Attempt;

  constructor(attempt: Attempt) {
    this.#attempt = attempt;
    const columns = ["Queue", "Active", "Locked", "Scheduled", "Deferred", "Dead"];
    this.element = panel("Queues", [table(columns, this.#body), this.#inside]);
  }

  show(queues: readonly Queue[]): void {
    this.names = queues.map(({ name }) => name);
    fill(
      this.#body,
      queues.map((queue) => {
        const { name, active, locked, scheduled, deferred, deadLetter } = queue;
        return {
          key: name,
          signature: JSON.stringify([active, locked, scheduled, deferred, deadLetter]),
          build: () =>
            h("tr", {}, [
              h("th", { scope: "row" }, [
                button(name, () => this.#look(name, "messages"), { class: "link", "data-action": "look" }),
              ]),
              ...[active, locked, scheduled, deferred].map((count) =>
                h("td", { class: count > 0 ? "some" : "none" }, [String(count)]),
              ),
              h("td", { class: deadLetter > 0 ? "bad" : "none" }, [
                deadLetter === 0
                  ? "0"
                  : button(String(deadLetter), () => this.#look(name, "dead-letters"), {
                      class: "link",
                      "aria-label": `${deadLetter} dead letters of ${name}`,
                      "data-action": "dead",
                    }),
              ]),
            ]),
        };
      }),
    );
  }

  #look(name: string, place: "messages" | "dead-letters"): void {
    this.#attempt(async () => {
      const { messages } = await get<{ messages: readonly Peeked[] }>(`/service-bus/queues/${name}/${place}?limit=50`);
      const again = (act: () => Promise<unknown>) => () =>
        this.#attempt(async () => {
          await act();
          this.#look(name, place);
        });
      this.#inside.replaceChildren(
        h("h3", {}, [place === "messages" ? name : `Dead letters of ${name}`]),
        h("div", { class: "tools" }, [
          place === "dead-letters" && messages.length > 0
            ? button(
                "Redrive all",
                again(() => post(`/service-bus/queues/${name}/dead-letters/redrive`, {})),
              )
            : undefined,
          messages.length > 0
            ? button(
                "Purge",
                again(() => ask("DELETE", `/service-bus/queues/${name}/${place}`)),
              )
            : undefined,
          button("Close", () => this.#inside.replaceChildren()),
        ]),
        messages.length === 0 ? h("p", { class: "hint" }, ["Nothing in it."]) : h("ul", {}, messages.map(describe)),
      );
    });
  }
}

function describe(message: Peeked): HTMLElement {
  const { sequenceNumber, state, deliveryCount, scheduledEnqueueTime, expiresAt, deadLetterReason, body } = message;
  const at = scheduledEnqueueTime !== undefined && state === "scheduled" ? `due ${when(scheduledEnqueueTime)}` : "";
  const ends = expiresAt === undefined ? "" : `expires ${when(expiresAt)}`;
  const facts = [`#${sequenceNumber}`, state, `delivered ${deliveryCount}×`, at, ends, deadLetterReason ?? ""];
  return h("li", {}, [
    facts.filter((fact) => fact !== "").join(" · "),
    h("details", {}, [h("summary", {}, ["content"]), h("pre", {}, [JSON.stringify(body, null, 1)])]),
  ]);
}

export class DuePanel {
  readonly element: HTMLElement;
  readonly #list = h("ul", { class: "due" });

  constructor() {
    this.element = panel("Due next", [this.#list]);
  }

  show(due: readonly DueItem[]): void {
    const shown = due.slice(0, 8);
    fill(
      this.#list,
      shown.map(({ at, what, messageId, kind }, n) => ({
        key: String(n),
        signature: JSON.stringify([at, what, messageId]),
        build: () =>
          h("li", {}, [h("time", { datetime: at }, [when(at)]), ` ${what}`, kind === "timer" ? " (timer)" : ""]),
      })),
    );
  }
}

interface Tally {
  runs: number;
  failures: number;
  totalMs: number;
}

export class FunctionsPanel {
  readonly element: HTMLElement;
  names: readonly string[] = [];
  readonly #body = h("tbody");
  readonly #attempt: Attempt;
  readonly #tallies = new Map<string, Tally>();
  #functions: readonly FunctionStatus[] = [];

  constructor(attempt: Attempt) {
    this.#attempt = attempt;
    this.element = panel("Functions", [table(["Function", "Trigger", "Runs", "Failed", "Mean", ""], this.#body)]);
  }

  clear(): void {
    this.#tallies.clear();
  }

  take(event: HubEvent): void {
    if (event.kind !== "run-ended") return;
    const name = String(event["function"]);
    const tally = this.#tallies.get(name) ?? { runs: 0, failures: 0, totalMs: 0 };
    tally.runs += 1;
    tally.failures += event["succeeded"] === true ? 0 : 1;
    tally.totalMs += Number(event["durationMs"]);
    this.#tallies.set(name, tally);
  }

  show(functions: readonly FunctionStatus[]): void {
    this.names = functions.map(({ name }) => name);
    this.#functions = functions;
    this.draw();
  }

  draw(): void {
    const runsOf = ({ name }: FunctionStatus): number => this.#tallies.get(name)?.runs ?? 0;
    const busiest = [...this.#functions].sort((a, b) => runsOf(b) - runsOf(a) || a.name.localeCompare(b.name));
    fill(
      this.#body,
      busiest.map((each) => {
        const { runs, failures, totalMs } = this.#tallies.get(each.name) ?? { runs: 0, failures: 0, totalMs: 0 };
        return {
          key: each.name,
          signature: JSON.stringify([runs, failures, each.next]),
          build: () =>
            h("tr", {}, [
              h("th", { scope: "row" }, [each.name]),
              h("td", {}, [triggerOf(each)]),
              h("td", { class: runs > 0 ? "some" : "none" }, [String(runs)]),
              h("td", { class: failures > 0 ? "bad" : "none" }, [String(failures)]),
              h("td", {}, [runs === 0 ? "" : `${Math.round(totalMs / runs)} ms`]),
              h("td", {}, [
                each.schedule === undefined
                  ? undefined
                  : button("Run", () => this.#attempt(() => post(`/functions/run/${each.name}`, {})), {
                      "aria-label": `Run ${each.name} now`,
                      "data-action": "run",
                    }),
              ]),
            ]),
        };
      }),
    );
  }
}

function triggerOf({ queue, route, methods, schedule }: FunctionStatus): string {
  if (route !== undefined) return `${(methods ?? []).join(", ")} ${route}`;
  return queue ?? schedule ?? "";
}

export class SocketsPanel {
  readonly element: HTMLElement;
  readonly #list = h("ul", { class: "sockets" });
  readonly #attempt: Attempt;

  constructor(attempt: Attempt) {
    this.#attempt = attempt;
    this.element = panel("Sockets", [this.#list]);
  }

  show(sockets: readonly Socket[]): void {
    fill(
      this.#list,
      sockets.map(({ connectionId, userId, transport, groups }) => {
        const rooms = groups.map(roomOf).filter((room) => room.includes(":"));
        return {
          key: connectionId,
          signature: JSON.stringify([transport, rooms]),
          build: () =>
            h("li", {}, [
              h("b", {}, [userId ?? "nobody"]),
              ` ${transport}, ${rooms.length} ${rooms.length === 1 ? "room" : "rooms"} `,
              button("Drop", () => this.#attempt(() => post("/web-pubsub/drop", { connectionId })), {
                "aria-label": `Drop the socket of ${userId ?? "nobody"}`,
                "data-action": "drop",
              }),
            ]),
        };
      }),
    );
  }
}

/** The room that a group stands for: `0~{namespace}~{room}`, both in base64url. */
function roomOf(group: string): string {
  const room = group.split("~")[2] ?? "";
  return atob(room.replaceAll("-", "+").replaceAll("_", "/"));
}
