/**
 * What this process has counted and measured since its start, under names that stay. Sums over all processes are made where the log
 * goes to: every outcome stands there as one JSON line.
 */

export const METRICS = {
  dayfly_texts_accepted_total: "Texts accepted from clients.",
  dayfly_texts_delivered_total: "Texts written into their conversation's log.",
  dayfly_publish_latency_ms: "From acceptance to the publishing of a text, first deliveries only.",
  dayfly_publish_late_total: "Events that could not be published at once.",
  dayfly_hook_told_total: "Messages of which the app's push service was told.",
  dayfly_hook_failed_total: "Tries of that kind that it did not take.",
  dayfly_expiry_lag_ms: "How late a text's content was taken away.",
  dayfly_deletion_lag_ms: "From when a file was to be deleted to the storage's confirmation that it is.",
  dayfly_views_opened_total: "Views that readers have opened.",
  dayfly_views_ended_total: "Those that have ended, by how; the difference is open.",
  dayfly_retries_total: "Tries that failed for passing trouble and were made again.",
  dayfly_dead_letters_total: "Dead letters seen, by their queue.",
  dayfly_failures_parked_total: "Failures written down.",
  dayfly_failures_retried_total: "Failures redriven by themselves.",
  dayfly_sweep_finds_total: "Overdue minutes that the sweeper has found.",
  dayfly_spans_dropped_total: "Spans that could not be sent to the collector.",
  dayfly_rate_limited_total: "Requests refused for a limit, by the limit.",
} as const;

export type MetricName = keyof typeof METRICS;

export interface Metrics {
  /** Adds to a counter; `label` tells a few kinds apart, never users or ids. */
  readonly count: (name: MetricName, by?: number, label?: string) => void;
  /** Takes a measurement, in the unit that ends the name. */
  readonly observe: (name: MetricName, value: number) => void;
  readonly read: () => readonly Measured[];
}

export interface Measured {
  readonly name: MetricName;
  readonly label?: string;
  /** Of a counter. */
  readonly value?: number;
  /** Of measurements. */
  readonly count?: number;
  readonly sum?: number;
  readonly max?: number;
  /** An upper bound of what 99 of 100 were below, to a power of two. */
  readonly p99Below?: number;
}

interface Distribution {
  count: number;
  sum: number;
  max: number;
  /** How many were below 2^n, and not below 2^(n-1). */
  readonly powers: number[];
}

const POWERS = 32;

export function metrics(): Metrics {
  const counters = new Map<string, number>();
  const distributions = new Map<MetricName, Distribution>();
  return {
    count: (name, by = 1, label = "") => {
      const key = `${name}|${label}`;
      counters.set(key, (counters.get(key) ?? 0) + by);
    },
    observe: (name, value) => {
      let known = distributions.get(name);
      if (known === undefined) {
        known = { count: 0, sum: 0, max: 0, powers: Array.from({ length: POWERS }, () => 0) };
        distributions.set(name, known);
      }
      known.count += 1;
      known.sum += value;
      known.max = Math.max(known.max, value);
      const power = Math.min(POWERS - 1, Math.ceil(Math.log2(Math.max(1, value + 1))));
      known.powers[power] = (known.powers[power] ?? 0) + 1;
    },
    read: () => [
      ...[...counters].map(([key, value]): Measured => {
        const [name, label = ""] = key.split("|");
        return { name: name as MetricName, value, ...(label === "" ? {} : { label }) };
      }),
      ...[...distributions].map(([name, { count, sum, max, powers }]): Measured => ({
        ...{ name, count, sum, max },
        p99Below: 2 ** powers.findIndex((_, power) => sumTo(powers, power) >= count * 0.99),
      })),
    ],
  };
}

const sumTo = (powers: readonly number[], last: number): number =>
  powers.slice(0, last + 1).reduce((sum, each) => sum + each, 0);
