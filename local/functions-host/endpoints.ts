/** The host's own HTTP endpoints: those of Azure's host that are of use here, and `/_local/status`. */
import { HOST_VERSION } from "./core-shim.js";
import { triggerKind, type HostFunction } from "./functions.js";
import { isAllowed, type Keys } from "./keys.js";
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
}

export function createEndpoints(state: HostState, keys: Keys): HostEndpoints {
  return ({ method, path, key, body }) => {
    const route = path.toLowerCase().replace(/(?<=.)\/$/, "");
    if (route === "/") return method === "GET" || method === "HEAD" ? { status: 200 } : undefined;
    if (route === "/_local/status") {
      return { status: 200, json: { ready: state.ready(), running: state.running(), functions: state.functions() } };
    }
    if (route === "/admin/host/ping") return { status: 200 };
    if (!route.startsWith("/admin/")) return undefined;
    if (!isAllowed(keys, "admin", key)) return { status: 401 };
    if (route === "/admin/host/status" && method === "GET") return { status: 200, json: hostStatus(state) };
    const name = /^\/admin\/functions\/([^/]+)$/i.exec(path)?.[1];
    if (name !== undefined && method === "POST") return startByHand(state, name, body);
    return { status: 404 };
  };
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
