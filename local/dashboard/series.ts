/** Numbers over time for the plots: bounded, and without a page, so that it can be tested. */

/** Five minutes, at a sample every two seconds. */
export const MOST_SAMPLES = 150;

export class Series {
  readonly #values: number[] = [];

  add(value: number): void {
    this.#values.push(value);
    if (this.#values.length > MOST_SAMPLES) this.#values.shift();
  }

  /** Oldest first. */
  get values(): readonly number[] {
    return this.#values;
  }

  get last(): number {
    return this.#values.at(-1) ?? 0;
  }

  get most(): number {
    return Math.max(0, ...this.#values);
  }
}

/** The sum of a metric over all its labels, in Prometheus' text; 0 when there is none. */
export function sumOf(page: string, metric: string): number {
  const values = [...page.matchAll(new RegExp(`^${metric}(?:\\{[^}]*\\})? (\\S+)$`, "gm"))].map(([, value]) =>
    Number(value),
  );
  return values.reduce((sum, value) => sum + value, 0);
}

/** How much a counter has grown in a second. One that is less than before began anew: its process was started again. */
export function rateOf(before: number, now: number, elapsedMs: number): number {
  if (elapsedMs <= 0) return 0;
  return ((now < before ? now : now - before) * 1_000) / elapsedMs;
}

/** The line through the values as an SVG path: the newest at the right edge, `top` at the upper one. */
export function pathOf(values: readonly number[], width: number, height: number, top: number): string {
  const step = width / (MOST_SAMPLES - 1);
  const point = (value: number, n: number): string => {
    const x = width - (values.length - 1 - n) * step;
    const y = top === 0 ? height : height - (value / top) * height;
    return `${x.toFixed(1)} ${y.toFixed(1)}`;
  };
  return values.length === 0 ? "" : `M${values.map(point).join("L")}`;
}
