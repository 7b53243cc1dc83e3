/** A month's bill, by meter. Pure: operations of one text, prices, and what the month is like. */
import type { Operations } from "./measure.js";

export interface Month {
  /** Texts sent. */
  readonly messages: number;
  /** Members of a conversation, all of them connected. */
  readonly members: number;
  /** `sparse`: every execution is alone and is billed a whole second. `busy`: instances work on many at once. */
  readonly pattern: "sparse" | "busy";
  readonly memoryMb: number;
}

export interface Prices {
  readonly asOf: string;
  readonly serviceBus: {
    readonly base: number;
    readonly includedOperations: number;
    readonly perMillion: readonly { readonly upTo: number; readonly price: number }[];
  };
  readonly functions: {
    readonly gbSecond: number;
    readonly millionExecutions: number;
    readonly freeGbSeconds: number;
    readonly freeExecutions: number;
    readonly leastSeconds: number;
  };
  readonly webPubSub: { readonly unitMonth: number; readonly includedPerUnitDay: number; readonly perMillion: number };
  readonly storage: { readonly tablePer10k: number };
  readonly telemetry: { readonly perGb: number };
  readonly alerts: { readonly metric: number; readonly log15Minutes: number };
  readonly virtualMachine: { readonly name: string; readonly month: number };
}

export interface Line {
  readonly meter: string;
  readonly amount: string;
  readonly usd: number;
}

/** Executions that an instance works on at the same time, when there is enough to do (the Flex default for HTTP at 2 GB). */
const AT_ONCE = 16;
/** created, and expired: what every member's socket hears of one text. Receipts are passing and off in large conversations. */
const EVENTS_PER_TEXT = 2;
/** Requests to tables for one text over its life: docs/bench.md counts four until it is delivered; ending it takes as many. */
const TABLE_REQUESTS = 10;
/** What Application Insights stores for an execution besides its lines. */
const REQUEST_BYTES = 1_500;
const METRIC_ALERTS = 5;
const LOG_ALERTS = 6;
const DAYS = 30;
/** Timers run without any text: the sweepers every five and fifteen minutes, failures every minute, cleaning up every hour. */
const TIMER_RUNS = DAYS * 24 * (12 + 4 + 60 + 1);

export function monthlyBill(month: Month, operations: Operations, prices: Prices): readonly Line[] {
  const { messages, members, pattern, memoryMb } = month;
  const executions = Object.values(operations.executions);
  const perText = executions.reduce((sum, each) => sum + each.perText, 0);
  const runs = messages * perText + TIMER_RUNS;
  const { leastSeconds } = prices.functions;
  const seconds =
    TIMER_RUNS * leastSeconds +
    messages *
      executions.reduce(
        (sum, { perText: n, meanMs }) =>
          sum + n * (pattern === "sparse" ? Math.max(leastSeconds, meanMs / 1000) : meanMs / 1000 / AT_ONCE),
        0,
      );
  const gbSeconds = seconds * (memoryMb / 1024);
  const bus = messages * operations.serviceBus;
  const out = messages * EVENTS_PER_TEXT * members;
  const units = Math.max(1, Math.ceil(out / DAYS / prices.webPubSub.includedPerUnitDay / 10));
  const beyond = Math.max(0, out - units * DAYS * prices.webPubSub.includedPerUnitDay);
  const gigabytes = (messages * (operations.logBytes + perText * REQUEST_BYTES)) / 1e9;
  const line = (meter: string, amount: string, usd: number): Line => ({ meter, amount, usd });
  return [
    line("Service Bus Standard", millions(bus, "operations"), prices.serviceBus.base + tiered(bus, prices)),
    line(
      "Functions: memory",
      millions(gbSeconds, "GB-s"),
      Math.max(0, gbSeconds - prices.functions.freeGbSeconds) * prices.functions.gbSecond,
    ),
    line(
      "Functions: executions",
      millions(runs, ""),
      (Math.max(0, runs - prices.functions.freeExecutions) / 1e6) * prices.functions.millionExecutions,
    ),
    line(
      `Web PubSub, ${String(units)} unit(s)`,
      millions(out, "messages"),
      units * prices.webPubSub.unitMonth + (beyond / 1e6) * prices.webPubSub.perMillion,
    ),
    line(
      "Table Storage",
      millions(messages * TABLE_REQUESTS, "requests"),
      ((messages * TABLE_REQUESTS) / 1e4) * prices.storage.tablePer10k,
    ),
    line("Telemetry", `${gigabytes.toFixed(1)} GB`, gigabytes * prices.telemetry.perGb),
    line(
      "Alerts",
      `${String(METRIC_ALERTS + LOG_ALERTS)} rules`,
      METRIC_ALERTS * prices.alerts.metric + LOG_ALERTS * prices.alerts.log15Minutes,
    ),
  ];
}

const millions = (value: number, what: string): string => `${(value / 1e6).toFixed(2)} M ${what}`.trim();

function tiered(operations: number, { serviceBus }: Prices): number {
  let from = serviceBus.includedOperations;
  let sum = 0;
  for (const { upTo, price } of serviceBus.perMillion) {
    sum += (Math.max(0, Math.min(operations, upTo) - from) / 1e6) * price;
    from = Math.max(from, upTo);
  }
  return sum;
}
