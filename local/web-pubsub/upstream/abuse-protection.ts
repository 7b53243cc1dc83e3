/**
 * No handler gets events before it has said that it wants them (CloudEvents, HTTP web hooks, section 4): OPTIONS with
 * `WebHook-Request-Origin`, answered with `WebHook-Allowed-Origin`. Asked again every minute while events flow.
 */
import type { Clock } from "../../clock/clock.js";

const LONGEST_INTERVAL_MS = 60_000;
const SHORTEST_INTERVAL_MS = 1_000;
const TIMEOUT_MS = 10_000;

interface Validation {
  allowed: boolean;
  /** Uptime; a moved clock asks nobody again. */
  nextAt: number;
  intervalMs: number;
  /** The question that is under way. */
  pending?: Promise<boolean> | undefined;
  /** Whether there ever was an answer: events wait for the first, later ones go by the last known. */
  known: boolean;
}

export class AbuseProtection {
  readonly #origin: string;
  readonly #clock: Clock;
  readonly #log: (line: string) => void;
  readonly #validations = new Map<string, Validation>();

  constructor(origin: string, clock: Clock, log: (line: string) => void) {
    this.#origin = origin;
    this.#clock = clock;
    this.#log = log;
  }

  /** Whether events may be sent to this URL (`{event}` in it replaced by `validate`). */
  async allows(url: string): Promise<boolean> {
    let validation = this.#validations.get(url);
    if (validation === undefined) {
      validation = { allowed: true, nextAt: -Infinity, intervalMs: SHORTEST_INTERVAL_MS, known: false };
      this.#validations.set(url, validation);
    }
    if (this.#clock.uptime() >= validation.nextAt && validation.pending === undefined) {
      validation.pending = this.#refresh(url, validation);
    }
    return validation.known ? validation.allowed : (validation.pending ?? false);
  }

  async #refresh(url: string, validation: Validation): Promise<boolean> {
    const allowed = await this.#ask(url);
    if (allowed) validation.intervalMs = LONGEST_INTERVAL_MS;
    else if (validation.allowed) validation.intervalMs = SHORTEST_INTERVAL_MS;
    else validation.intervalMs = Math.min(validation.intervalMs * 2, LONGEST_INTERVAL_MS);
    validation.allowed = allowed;
    validation.known = true;
    validation.nextAt = this.#clock.uptime() + validation.intervalMs;
    validation.pending = undefined;
    return allowed;
  }

  async #ask(url: string): Promise<boolean> {
    try {
      let response = await this.#request(url, "OPTIONS");
      if (response.status === 404) response = await this.#request(url, "GET");
      const allowed = response.ok && this.#isNamed(response.headers.get("webhook-allowed-origin"));
      if (!allowed) {
        this.#log(
          `The event handler ${withoutQuery(url)} gets no events: it answered the validation with ${response.status}` +
            `${response.ok ? " and no fitting WebHook-Allowed-Origin" : ""}.`,
        );
      }
      return allowed;
    } catch (error) {
      this.#log(`The event handler ${withoutQuery(url)} gets no events: ${reasonOf(error)}.`);
      return false;
    }
  }

  async #request(url: string, method: string): Promise<Response> {
    const response = await fetch(url, {
      method,
      headers: { "webhook-request-origin": this.#origin, "ce-awpsversion": "1.0" },
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await response.arrayBuffer();
    return response;
  }

  #isNamed(allowedOrigins: string | null): boolean {
    const origins = (allowedOrigins ?? "").split(",").map((origin) => origin.trim().toLowerCase());
    return origins.includes("*") || origins.includes(this.#origin.toLowerCase());
  }
}

/** The query may hold a function key. */
export function withoutQuery(url: string): string {
  return url.replace(/\?.*$/, "");
}

export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error ? `${error.message} (${cause.message})` : error.message;
}
