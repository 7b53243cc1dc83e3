/** The control of a running stack, over HTTP: its clock, its parts, and when it is idle. README.md has the routes. */
import type { ClockSetting } from "../clock/date.js";
import { parseDuration, parseIsoDuration } from "../clock/duration.js";
import { RequestError, startLoopbackServer, type LocalAnswer, type LocalRequest } from "../loopback-server.js";
import type { ClockServer } from "./clock-server.js";
import { waitUntilIdle, type IdleSource } from "./idle.js";
import { readDue } from "./due.js";
import { EventHub } from "./event-hub.js";
import { passOn, type Doors } from "./gateway.js";
import { readLogs } from "./logs.js";
import { readPage } from "./pages.js";
import type { ControlledParts, PartStatus } from "./parts.js";
import { SpanStore } from "./span-store.js";
import { answerTraces } from "./traces.js";
import { moveClock, readTime } from "./time.js";

export interface ControlOptions {
  readonly port: number;
  readonly clock: ClockServer;
  /** Keeps the clock's setting for the next start. */
  readonly saveClock: (setting: ClockSetting) => Promise<void>;
  readonly parts: ControlledParts;
  readonly idle: IdleSource;
  /** Where a page finds the parts. */
  readonly addresses: () => Readonly<Record<string, string>>;
  /** The first segment of a page's path, and its folder. */
  readonly pages: Readonly<Record<string, string>>;
  readonly doors: Doors;
  /** The folder with the parts' logs. */
  readonly logs: string;
}

export interface Control {
  readonly url: string;
  stop(): Promise<void>;
}

const DEFAULT_IDLE_TIMEOUT_MS = 30_000;
/** A batch of spans: some 500 of less than a kilobyte. */
const LARGEST_BODY_BYTES = 4 * 1024 * 1024;
const LONGEST_AWAY_MS = 10 * 60_000;
const SIGNALS: readonly string[] = ["SIGKILL", "SIGTERM", "SIGINT"];

export async function startControl(options: ControlOptions): Promise<Control> {
  const hub = new EventHub(options.doors);
  const spans = new SpanStore();
  const server = await startLoopbackServer(
    options.port,
    async (request) => (await answerTraces(request, spans)) ?? respond(request, options, hub),
    LARGEST_BODY_BYTES,
  );
  return {
    url: server.url,
    stop: () => {
      hub.stop();
      return server.stop();
    },
  };
}

async function respond(request: LocalRequest, options: ControlOptions, hub: EventHub): Promise<LocalAnswer> {
  const { clock, parts } = options;
  switch (`${request.method} ${request.url.pathname}`) {
    case "GET /time":
      return { status: 200, body: readTime(clock) };
    case "POST /time": {
      const { now, ...rest } = await moveClock(request.body, clock, options.saveClock);
      hub.publish({ source: "control", kind: "clock-moved", at: now, ...rest });
      return { status: 200, body: { now, ...rest } };
    }
    case "GET /":
      return { status: 302, content: Buffer.alloc(0), headers: { location: "/dashboard/" } };
    case "GET /events":
      return {
        stream: (response) => {
          hub.listen(response);
        },
      };
    case "GET /due":
      return whatIsDue(request, options.doors);
    case "GET /logs":
      return { status: 200, body: await readLogs(options.logs, request.url.searchParams.getAll("about")) };
    case "GET /idle":
      return awaitIdle(request, options.idle);
    case "GET /stack":
      return { status: 200, body: options.addresses() };
    case "GET /parts":
      return { status: 200, body: { parts: parts.list() } };
    case "POST /parts":
      return { status: 201, body: await parts.addFunctionsHost(disabledFunctions(request.body)) };
  }
  const page = request.method === "GET" ? await readPage(request.url.pathname, options.pages) : undefined;
  if (page !== undefined) return page;
  const passed = await passOn(request, options.doors);
  if (passed !== undefined) return passed;
  const [, name, action] = /^\/parts\/([\w-]+)\/(kill|start|restart|away)$/.exec(request.url.pathname) ?? [];
  if (request.method !== "POST" || name === undefined) {
    throw new RequestError(404, "See local/README.md for what the control answers.");
  }
  switch (action) {
    case "kill":
      return { status: 200, body: await parts.kill(name, signalOf(request.body)) };
    case "away":
      return { status: 202, body: await sendAway(name, request.body, options) };
    case "start":
      return { status: 200, body: await parts.start(name) };
    default:
      return { status: 200, body: await parts.restart(name) };
  }
}

async function awaitIdle(request: LocalRequest, source: IdleSource): Promise<LocalAnswer> {
  const asked = request.url.searchParams.get("timeout");
  const timeoutMs = asked === null ? DEFAULT_IDLE_TIMEOUT_MS : parseDuration(asked);
  if (timeoutMs === undefined) throw new RequestError(400, "timeout must be a duration such as 30s or PT30S.");
  const since = performance.now();
  const busy = await waitUntilIdle(source, AbortSignal.any([request.signal, AbortSignal.timeout(timeoutMs)]));
  const waitedMs = Math.round(performance.now() - since);
  if (busy === undefined) return { status: 200, body: { idle: true, waitedMs } };
  return { status: 503, body: { idle: false, waitedMs, error: `Not idle after ${waitedMs} ms: ${busy}.` } };
}

async function whatIsDue({ signal }: LocalRequest, doors: Doors): Promise<LocalAnswer> {
  try {
    return { status: 200, body: await readDue(doors, signal) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new RequestError(503, `A part does not answer (${reason}).`);
  }
}

/** Kills a part, and starts it again after a while. */
async function sendAway(name: string, body: unknown, { parts }: ControlOptions): Promise<PartStatus> {
  const { for: time = "PT10S" } = (body ?? {}) as { for?: unknown };
  const ms = typeof time === "string" ? parseIsoDuration(time) : undefined;
  if (ms === undefined || ms > LONGEST_AWAY_MS) throw new RequestError(400, '"for" must be at most "PT10M".');
  const status = await parts.kill(name, "SIGKILL");
  setTimeout(() => {
    parts.start(name).catch((error: unknown) => {
      // Somebody was quicker, or the stack is ending.
      console.error(`${name} was to come back:`, error instanceof Error ? error.message : error);
    });
  }, ms).unref();
  return status;
}

function signalOf(body: unknown): NodeJS.Signals {
  const { signal = "SIGKILL" } = (body ?? {}) as { signal?: unknown };
  if (typeof signal === "string" && SIGNALS.includes(signal)) return signal as NodeJS.Signals;
  throw new RequestError(400, `"signal" must be one of ${SIGNALS.join(", ")}.`);
}

function disabledFunctions(body: unknown): readonly string[] {
  const { like, disabled = [] } = (body ?? {}) as Readonly<Record<string, unknown>>;
  const areNames =
    Array.isArray(disabled) && disabled.every((name) => typeof name === "string" && /^[\w-]+$/.test(name));
  if (like === "functions" && areNames) return disabled as string[];
  throw new RequestError(400, 'Send {"like": "functions"}, with "disabled": ["function", …] to leave functions out.');
}
