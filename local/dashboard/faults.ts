/** Trouble on demand. Each button is one request: its title says which. */
import { button, h } from "../../web/dom.js";
import { post } from "./api.js";
import type { Attempt } from "./clock.js";

export class FaultsPanel {
  readonly element: HTMLElement;
  readonly #functions = h("select", { id: "fault-function" });
  readonly #times = h("input", { id: "fault-times", type: "number", min: "1", max: "99", value: "1", size: "2" });
  readonly #queues = h("select", { id: "fault-queue" });
  readonly #twice = h("input", { id: "fault-twice", type: "number", min: "1", max: "99", value: "1", size: "2" });
  readonly #slower = h("input", { id: "fault-slower", type: "number", min: "1", max: "5000", value: "300", size: "4" });

  constructor(attempt: Attempt) {
    const fault = (label: string, path: string, body: () => unknown): HTMLElement =>
      button(label, () => attempt(() => post(path, body())), { title: `POST ${path}` });
    const queue = (): string => this.#queues.value;
    this.element = h("section", { "aria-labelledby": "faults" }, [
      h("h2", { id: "faults" }, ["Trouble"]),
      h("div", { class: "tools" }, [
        h("label", { for: "fault-times" }, ["Fail the next"]),
        this.#times,
        h("label", { for: "fault-function" }, ["runs of"]),
        this.#functions,
        fault("Fail", "/functions/faults", () => ({
          function: this.#functions.value,
          times: Number(this.#times.value),
        })),
      ]),
      h("div", { class: "tools" }, [
        fault("Broker away for 10 s", "/parts/service-bus/away", () => ({ for: "PT10S" })),
        fault("Drop all sockets", "/web-pubsub/drop", () => ({ all: true })),
        fault("Lose the next event", "/web-pubsub/faults", () => ({ lose: { times: 1 } })),
        fault("Refuse the next 3 events", "/web-pubsub/faults", () => ({ refuse: { times: 3, status: 503 } })),
      ]),
      h("div", { class: "tools" }, [
        h("label", { for: "fault-slower" }, ["Each call to storage takes"]),
        this.#slower,
        "ms more",
        fault("Slow storage for 10 s", "/storage/faults", () => ({
          slow: { delayMs: Number(this.#slower.value), forMs: 10_000 },
        })),
      ]),
      h("div", { class: "tools" }, [
        h("label", { for: "fault-queue" }, ["On queue"]),
        this.#queues,
        h("label", { for: "fault-twice" }, ["the next"]),
        this.#twice,
        fault("Deliver twice", "/service-bus/faults", () => ({
          queue: queue(),
          fault: "deliver-twice",
          times: Number(this.#twice.value),
        })),
        fault("Throttle 5 s", "/service-bus/faults", () => ({ queue: queue(), fault: "throttle", forMs: 5_000 })),
        fault("Slow 10 s", "/service-bus/faults", () => ({
          queue: queue(),
          fault: "slow",
          delayMs: 1_000,
          forMs: 10_000,
        })),
        fault("Drop connections", "/service-bus/faults", () => ({ queue: queue(), fault: "drop-connection" })),
      ]),
    ]);
  }

  show(functions: readonly string[], queues: readonly string[]): void {
    options(this.#functions, functions);
    options(this.#queues, queues);
  }
}

function options(select: HTMLSelectElement, names: readonly string[]): void {
  if (select.options.length === names.length) return;
  select.replaceChildren(...names.map((name) => h("option", { value: name }, [name])));
}
