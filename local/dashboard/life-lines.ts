/**
 * Puts what happens in the parts together: one line for each thing that messages, runs and events are about.
 *
 * Nothing here knows the app. A line is known by an id: of the address that a call has made, of a queued message's body, of what
 * sockets are sent. A message in the broker belongs to the line of the run that it starts.
 */

export interface HubEvent {
  readonly source: string;
  readonly kind: string;
  readonly at: string;
  readonly ids?: Readonly<Record<string, string>>;
  readonly [fact: string]: unknown;
}

export interface Step {
  readonly at: string;
  readonly source: string;
  text: string;
  /** More of it, for who wants to know. */
  facts: Readonly<Record<string, unknown>>;
  tone: "plain" | "good" | "gone" | "bad" | "running";
  /** Of a message in a queue: when its time there is over. */
  readonly until?: string;
}

export interface Line {
  readonly key: string;
  readonly steps: Step[];
  /** The last thing that sockets were told of it. */
  state: string;
}

interface Run {
  readonly step: Step;
  readonly started: HubEvent;
  line: Line | undefined;
}

const MOST_LINES = 200;
/** Names of ids that say what something is about, the best first; the others only say where it belongs. */
const KEYS = ["messageId", "message", "fileId", "file", "id"];

export class LifeLines {
  readonly #lines = new Map<string, Line>();
  readonly #runs = new Map<string, Run>();
  /** What happened to a message in a queue before anybody knew what it is about. */
  readonly #early = new Map<string, Step[]>();
  readonly #lineOfMessage = new Map<string, Line>();
  /** A message that nobody takes is known by who has sent it alone. */
  readonly #lineOfTrace = new Map<string, Line>();

  /** Newest first. */
  get lines(): readonly Line[] {
    return [...this.#lines.values()].reverse();
  }

  clear(): void {
    for (const map of [this.#lines, this.#runs, this.#early, this.#lineOfMessage, this.#lineOfTrace]) map.clear();
  }

  take(event: HubEvent): void {
    if (event.source === "service-bus") this.#broker(event);
    else if (event.kind === "run-started") this.#started(event);
    else if (event.kind === "run-ended") this.#ended(event);
    else if (event.kind === "sent") this.#sent(event);
  }

  #broker(event: HubEvent): void {
    const { queue, sequenceNumber, reason, formerSequenceNumber } = event;
    if (typeof sequenceNumber !== "number") return;
    const address = `${String(queue)}#${String(sequenceNumber)}`;
    const bad = event.kind === "dead-lettered" || event.kind === "lock-lost";
    const step: Step = {
      at: event.at,
      source: String(queue),
      text: typeof reason === "string" ? `${event.kind}: ${reason}` : event.kind,
      facts: event,
      tone: bad ? "bad" : event.kind === "expired" ? "gone" : "plain",
      ...(typeof event["expiresAt"] === "string" ? { until: event["expiresAt"] } : {}),
    };
    const former =
      typeof formerSequenceNumber === "number" ? `${String(queue)}#${String(formerSequenceNumber)}` : address;
    const cause = event.kind === "accepted" ? this.#lineOfTrace.get(String(event["traceId"])) : undefined;
    const line = this.#lineOfMessage.get(address) ?? this.#lineOfMessage.get(former) ?? cause;
    if (line !== undefined) {
      this.#lineOfMessage.set(address, line);
      add(line, step);
      return;
    }
    const early = this.#early.get(former) ?? [];
    this.#early.delete(former);
    this.#early.set(address, [...early, step]);
    forgetOldest(this.#early, 2_000);
  }

  #started(event: HubEvent): void {
    // Who reads of something does nothing to it; what this page reads would come back as news.
    if (event["method"] === "GET") return;
    const step: Step = {
      at: event.at,
      source: "functions",
      text: String(event["function"]),
      facts: event,
      tone: "running",
    };
    const key = keyOf(event.ids ?? {});
    const run: Run = { step, started: event, line: key === undefined ? undefined : this.#line(key) };
    this.#runs.set(String(event["invocationId"]), run);
    forgetOldest(this.#runs, 2_000);
    if (run.line === undefined) return;
    const { queue, sequenceNumber } = event;
    if (typeof sequenceNumber === "number") {
      const address = `${String(queue).replace(/\/\$deadletterqueue$/i, "")}#${String(sequenceNumber)}`;
      this.#lineOfMessage.set(address, run.line);
      forgetOldest(this.#lineOfMessage, 5_000);
      for (const early of this.#early.get(address) ?? []) add(run.line, early);
      this.#early.delete(address);
    }
    add(run.line, step);
  }

  #ended(event: HubEvent): void {
    const run = this.#runs.get(String(event["invocationId"]));
    if (run === undefined) return;
    const { step, started } = run;
    const { durationMs, succeeded, status, error } = event;
    const isRefused = typeof status === "number" && status >= 400;
    const outcome = typeof status === "number" ? ` ${status}` : succeeded === true ? "" : ` failed: ${String(error)}`;
    step.text = `${String(started["function"])}${outcome} · ${String(durationMs)} ms`;
    step.tone = succeeded !== true || isRefused ? "bad" : "plain";
    step.facts = { ...started, ...event };
    const made = event.ids?.["location"];
    // A call that makes something within something: what it made is known only now.
    const isWithin = Object.keys(started.ids ?? {}).length > 0;
    if (run.line === undefined && made !== undefined && isWithin) add((run.line = this.#line(made)), step);
    if (run.line !== undefined) this.#adopt(String(started["traceId"]), run.line);
  }

  /** What a run has sent waits on its line, also when nobody takes it; what is for later is another matter's. */
  #adopt(trace: string, line: Line): void {
    this.#lineOfTrace.set(trace, line);
    forgetOldest(this.#lineOfTrace, 5_000);
    for (const [address, steps] of this.#early) {
      const [first] = steps;
      if (first?.facts["traceId"] !== trace || first.facts["kind"] !== "accepted") continue;
      this.#early.delete(address);
      this.#lineOfMessage.set(address, line);
      for (const step of steps) add(line, step);
    }
  }

  #sent(event: HubEvent): void {
    const key = keyOf(event.ids ?? {});
    if (key === undefined) return;
    const name = String(event["event"]);
    const line = this.#line(key);
    line.state = name;
    const reached =
      event["lost"] === true ? "lost" : `${String(event["reached"])} ${event["reached"] === 1 ? "socket" : "sockets"}`;
    add(line, { at: event.at, source: "sockets", text: `${name} → ${reached}`, facts: event, tone: toneOf(name) });
  }

  #line(key: string): Line {
    let line = this.#lines.get(key);
    if (line === undefined) {
      this.#lines.set(key, (line = { key, steps: [], state: "on its way" }));
      forgetOldest(this.#lines, MOST_LINES);
    }
    return line;
  }
}

/** What else a line is known by: to find it in logs, and where it belongs. */
export interface LineIds {
  readonly traces: readonly string[];
  readonly conversation: string | undefined;
  /** Ids of its runs and of its messages in queues, as logs name them. */
  readonly logged: readonly string[];
}

export function idsIn({ steps }: Line): LineIds {
  const named = (name: string): readonly string[] => [
    ...new Set(steps.map(({ facts }) => facts[name]).filter((id) => typeof id === "string")),
  ];
  const ids = steps.map(({ facts }) => (facts["ids"] ?? {}) as Readonly<Record<string, string>>);
  const within = ids.map(({ conversation, conversationId }) => conversation ?? conversationId);
  return {
    traces: named("traceId"),
    conversation: within.find((id) => id !== undefined),
    logged: [...named("invocationId"), ...named("messageId")],
  };
}

export function toneOf(state: string): Step["tone"] {
  if (/fail|reject/.test(state)) return "bad";
  return /expired|deleted|lapsed/.test(state) ? "gone" : state === "on its way" ? "running" : "good";
}

function keyOf(ids: Readonly<Record<string, string>>): string | undefined {
  // `id` alone says only that something has one: together with another it is about the id, within the other.
  const names = KEYS.filter((name) => name !== "id" || Object.keys(ids).length > 1);
  return names.map((name) => ids[name]).find((id) => id !== undefined);
}

function add(line: Line, step: Step): void {
  const after = line.steps.findIndex(({ at }) => at > step.at);
  if (after === -1) line.steps.push(step);
  else line.steps.splice(after, 0, step);
}

function forgetOldest(map: Map<string, unknown>, most: number): void {
  const [oldest] = map.keys();
  if (map.size > most && oldest !== undefined) map.delete(oldest);
}
