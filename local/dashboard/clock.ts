/** The time machine: what the stack takes the time to be, jumps, and a switch that stops it. */
import { button, h } from "../../web/dom.js";
import { post, type Time } from "./api.js";

const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export type Attempt = (act: () => Promise<unknown>) => void;

export class Clock {
  readonly element: HTMLElement;
  readonly #now = h("time", { class: "now" });
  readonly #offset = h("span", { class: "offset" });
  readonly #freeze: HTMLButtonElement;
  #offsetMs = 0;
  /** What the clock says while it stands. */
  #frozenAt: Date | undefined;

  constructor(attempt: Attempt) {
    const jump = (label: string, advance: string): HTMLElement =>
      button(label, () => attempt(() => post("/time", { advance })));
    this.#freeze = button("Freeze", () => attempt(() => post("/time", { freeze: this.#frozenAt === undefined })));
    this.element = h("section", { class: "clock", "aria-label": "Time machine" }, [
      this.#now,
      this.#offset,
      h("span", { class: "jumps", role: "group", "aria-label": "Move the clock" }, [
        jump("+1 min", "PT1M"),
        jump("+1 h", "PT1H"),
        jump("+24 h", "PT24H"),
        this.#freeze,
        button("Real time", () => attempt(() => post("/time", { reset: true }))),
      ]),
    ]);
    setInterval(() => this.#draw(), 250);
  }

  /** The stack's time, in milliseconds since the epoch. */
  get now(): number {
    return this.#frozenAt?.getTime() ?? Date.now() + this.#offsetMs;
  }

  show({ now, offsetMs, frozen }: Time): void {
    this.#offsetMs = offsetMs;
    this.#frozenAt = frozen ? new Date(now) : undefined;
    this.element.classList.toggle("frozen", frozen);
    this.#freeze.textContent = frozen ? "Let it run" : "Freeze";
    this.#draw();
  }

  #draw(): void {
    const now = format.format(this.now);
    if (this.#now.textContent !== now) this.#now.textContent = now;
    const offset = this.#frozenAt === undefined ? describe(this.#offsetMs) : "frozen";
    if (this.#offset.textContent !== offset) this.#offset.textContent = offset;
  }
}

function describe(offsetMs: number): string {
  const hours = Math.round(Math.abs(offsetMs) / 36_000) / 100;
  if (offsetMs === 0) return "real time";
  return hours < 1 ? `${Math.ceil(Math.abs(offsetMs) / 60_000)} min ${side(offsetMs)}` : `${hours} h ${side(offsetMs)}`;
}

const side = (offsetMs: number): string => (offsetMs < 0 ? "behind" : "ahead");
