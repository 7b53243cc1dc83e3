/** The time machine: what the stack takes the time to be, and jumps. */
import { button, h } from "../../web/dom.js";
import { post } from "./api.js";

const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export type Attempt = (act: () => Promise<unknown>) => void;

export class Clock {
  readonly element: HTMLElement;
  readonly #now = h("time", { class: "now" });
  readonly #offset = h("span", { class: "offset" });
  #offsetMs = 0;

  constructor(attempt: Attempt) {
    const jump = (label: string, advance: string): HTMLElement =>
      button(label, () => attempt(() => post("/time", { advance })));
    this.element = h("section", { class: "clock", "aria-label": "Time machine" }, [
      this.#now,
      this.#offset,
      h("span", { class: "jumps", role: "group", "aria-label": "Move the clock" }, [
        jump("+1 min", "PT1M"),
        jump("+1 h", "PT1H"),
        jump("+24 h", "PT24H"),
        button("Real time", () => attempt(() => post("/time", { reset: true }))),
      ]),
    ]);
    setInterval(() => this.#draw(), 250);
  }

  show({ offsetMs }: { readonly now: string; readonly offsetMs: number }): void {
    this.#offsetMs = offsetMs;
    this.#draw();
  }

  #draw(): void {
    const now = format.format(new Date(Date.now() + this.#offsetMs));
    if (this.#now.textContent !== now) this.#now.textContent = now;
    const hours = Math.round(this.#offsetMs / 36_000) / 100;
    const offset = this.#offsetMs === 0 ? "real time" : `${hours} h ahead`;
    if (this.#offset.textContent !== offset) this.#offset.textContent = offset;
  }
}
