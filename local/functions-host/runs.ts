/** What the functions did lately, for those who look; and runs that are made to fail, for those who try. */
import { RecentEvents, idsOf } from "../recent-events.js";
import type { HostFunction } from "./functions.js";
import type { InvocationResult, RunObserver, Trigger } from "./invoke.js";

export class Runs implements RunObserver {
  readonly events = new RecentEvents();
  readonly #now: () => number;
  /** How many of the next runs of a function fail, by its name in lower case. */
  readonly #failing = new Map<string, number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  started(fn: HostFunction, invocationId: string, traceParent: string, trigger: Trigger): void {
    const { http } = trigger.data;
    const params = Object.entries(http?.nullableParams ?? {}).map(([name, { value }]) => [name, value]);
    const fields = Object.entries(trigger.metadata ?? {}).map(([name, { string }]) => [name, string]);
    this.#record("run-started", fn, invocationId, {
      traceId: traceParent.split("-")[1],
      ...(http === undefined ? {} : { method: http.method }),
      ...(trigger.message === undefined ? {} : { queue: queueOf(fn), ...trigger.message }),
      ids: idsOf(Object.fromEntries([...params, ...fields])),
    });
  }

  ended(fn: HostFunction, invocationId: string, result: InvocationResult, durationMs: number): void {
    const http = result.succeeded
      ? result.response.outputData?.find(({ data }) => data.http !== undefined)?.data.http
      : undefined;
    const answer = http ?? (result.succeeded ? result.response.returnValue?.http : undefined);
    const location = Object.entries(answer?.headers ?? {}).find(([name]) => name.toLowerCase() === "location")?.[1];
    this.#record("run-ended", fn, invocationId, {
      durationMs,
      succeeded: result.succeeded,
      ...(answer?.statusCode === undefined ? {} : { status: Number(answer.statusCode) }),
      // What the caller has made: the last part of its address.
      ...(location === undefined ? {} : { ids: idsOf({ location: location.split("/").at(-1) }) }),
      ...(result.succeeded ? {} : { error: nameOf(result.error) }),
    });
  }

  /** Makes the next `times` runs of a function fail before its code begins; 0 ends it. */
  fail(functionName: string, times: number): void {
    if (times === 0) this.#failing.delete(functionName.toLowerCase());
    else this.#failing.set(functionName.toLowerCase(), times);
  }

  get failing(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#failing);
  }

  /** @throws Error when this run was made to fail */
  check({ name }: HostFunction): void {
    const left = this.#failing.get(name.toLowerCase()) ?? 0;
    if (left === 0) return;
    this.fail(name, left - 1);
    throw new Error(`This run of '${name}' was made to fail, as asked for.`);
  }

  #record(kind: string, fn: HostFunction, invocationId: string, facts: Readonly<Record<string, unknown>>): void {
    const at = new Date(this.#now()).toISOString();
    this.events.record({ kind, at, function: fn.name, invocationId, ...facts });
  }
}

const queueOf = (fn: HostFunction): string => String(fn.trigger["queueName"]);

/** Its name and code, not its text: that may quote what a message said. The log has the rest. */
function nameOf(error: unknown): string {
  const { name, code } = (error ?? {}) as { name?: unknown; code?: unknown };
  return [name, code].filter((part) => typeof part === "string").join(" ") || typeof error;
}
