/** The host's own HTTP endpoints: those of Azure's host that are of use here, and `/_local/status`. */
import { HOST_VERSION } from "./core-shim.js";
import { triggerKind, type HostFunction } from "./functions.js";
import { isAllowed, type Keys } from "./keys.js";
import type { Runs } from "./runs.js";
import type { HostAnswer, HostEndpoints } from "./triggers/http/listener.js";

/** What `/_local/status` tells of one function. */
export interface FunctionStatus {
  readonly name: string;
  /** As in function.json: `httpTrigger`, `serviceBusTrigger`, `timerTrigger`. */
  readonly type: string;
  readonly disabled: boolean;
  readonly methods?: readonly string[];
  /** Without the prefix that all routes have. */
  readonly route?: string;
  readonly authLevel?: string;
  readonly schedule?: string;
  /** ISO 8601. */
  readonly next?: string;
  readonly queue?: string;
  readonly sessions?: boolean;
  readonly cardinality?: "one" | "many";
}

export interface HostState {
  readonly ready: () => boolean;
  readonly running: () => number;
  readonly functions: () => readonly FunctionStatus[];
  readonly uptimeMs: () => number;
  readonly find: (name: string) => HostFunction | undefined;
  /** Runs a function by hand, in the background. */
  readonly trigger: (fn: HostFunction, input: string) => void;
  readonly runs: Runs;
}

export function createEndpoints(state: HostState, keys: Keys): HostEndpoints {
  return ({ method, path, key, body }) => {
    const route = path.toLowerCase().replace(/(?<=.)\/$/, "");
    if (route === "/") return method === "GET" || method === "HEAD" ? { status: 200 } : undefined;
    if (route === "/_local/status") {
      return { status: 200, json: { ready: state.ready(), running: state.running(), functions: state.functions() } };
    }
    const after = /^\/_local\/events\/(\d{1,15})$/.exec(route)?.[1];
    if (after !== undefined && method === "GET") return { status: 200, json: state.runs.events.after(Number(after)) };
    if (route === "/admin/host/ping") return { status: 200 };
    if (!route.startsWith("/admin/")) return undefined;
    if (!isAllowed(keys, "admin", key)) return { status: 401 };
    if (route === "/admin/host/status" && method === "GET") return { status: 200, json: hostStatus(state) };
    if (route === "/admin/local/faults") return faults(state, method, body);
    const name = /^\/admin\/functions\/([^/]+)$/i.exec(path)?.[1];
    if (name !== undefined && method === "POST") return startByHand(state, name, body);
    return { status: 404 };
  };
}

/** `POST {"function": "…", "times": 3}`: the next runs fail before their code begins. Not Azure's. */
function faults(state: HostState, method: string, body: Buffer | undefined): HostAnswer {
  if (method === "GET") return { status: 200, json: { failing: state.runs.failing } };
  const { function: name, times = 1 } = (parse(body) ?? {}) as { function?: unknown; times?: unknown };
  const fn = typeof name === "string" ? state.find(name) : undefined;
  if (method !== "POST" || fn === undefined || !Number.isInteger(times) || Number(times) < 0) {
    return { status: 400, json: { error: 'POST {"function": "name", "times": 1}; 0 ends it.' } };
  }
  state.runs.fail(fn.name, Number(times));
  return { status: 200, json: { failing: state.runs.failing } };
}

function parse(body: Buffer | undefined): unknown {
  try {
    return body === undefined ? undefined : JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}

function hostStatus(state: HostState): unknown {
  return {
    id: "local",
    state: state.ready() ? "Running" : "Initialized",
    version: HOST_VERSION,
    versionDetails: HOST_VERSION,
    processUptime: Math.round(state.uptimeMs()),
  };
}

/** `POST /admin/functions/{name}` with `{"input": "…"}`: accepted, and run asynchronously (FunctionsController.Invoke). */
function startByHand(state: HostState, name: string, body: Buffer | undefined): HostAnswer {
  const fn = state.find(name);
  if (fn === undefined) return { status: 404 };
  if (triggerKind(fn) === "http") return { status: 400, json: { error: "Call an HTTP function at its own route." } };
  let input: unknown;
  try {
    input = body === undefined ? "" : (JSON.parse(body.toString("utf8")) as { input?: unknown }).input;
  } catch {
    return { status: 400, json: { error: 'The body must be JSON: {"input": "…"}.' } };
  }
  state.trigger(fn, typeof input === "string" ? input : JSON.stringify(input ?? ""));
  return { status: 202 };
}
