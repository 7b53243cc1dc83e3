/** Runs functions: one invocation is what the worker does of it, in the same order, and what the host logs of it. */
import { randomBytes, randomUUID } from "node:crypto";
import type { Clock } from "../clock/clock.js";
import type { Core } from "./core-shim.js";
import { parseTraceParent, type SpanSender } from "../spans.js";
import { triggerKind, type HostFunction } from "./functions.js";
import { describeError, type Log } from "./log.js";
import type {
  CoreInvocationContext,
  FunctionCallback,
  InvocationRequest,
  InvocationResponse,
  RetryContext,
  TypedData,
} from "./rpc.js";

export interface Trigger {
  /** Why it runs, for the log. */
  readonly reason: string;
  /** More for the log, such as ids; never bodies. */
  readonly details?: string;
  readonly data: TypedData;
  readonly metadata?: Readonly<Record<string, TypedData>>;
  /** The message that it runs for, for those who look. */
  readonly message?: { readonly sequenceNumber: number; readonly deliveryCount: number };
  /** A W3C `traceparent` that the caller sent. */
  readonly traceParent?: string | undefined;
  readonly traceState?: string | undefined;
}

export type InvocationResult =
  | { readonly succeeded: true; readonly response: InvocationResponse }
  | { readonly succeeded: false; readonly error: unknown };

/** Sees each run begin and end. */
export interface RunObserver {
  started(fn: HostFunction, invocationId: string, traceParent: string, trigger: Trigger): void;
  ended(fn: HostFunction, invocationId: string, result: InvocationResult, durationMs: number): void;
  /** @throws Error when this run is to fail before it begins */
  check(fn: HostFunction): void;
}

/** Sends what a function put into its output bindings. */
export type OutputSink = (fn: HostFunction, response: InvocationResponse) => Promise<void>;

const TRACE_PARENT = /^00-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})$/;

export class Invoker {
  readonly #core: Core;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #timeoutMs: number;
  readonly #sendOutputs: OutputSink;
  readonly #runs: RunObserver;
  readonly #spans: SpanSender;
  #running = 0;
  #idle: (() => void)[] = [];

  constructor(options: {
    readonly core: Core;
    readonly clock: Clock;
    readonly log: Log;
    readonly functionTimeoutMs: number;
    readonly sendOutputs: OutputSink;
    readonly runs: RunObserver;
    readonly spans: SpanSender;
  }) {
    this.#core = options.core;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#timeoutMs = options.functionTimeoutMs;
    this.#sendOutputs = options.sendOutputs;
    this.#runs = options.runs;
    this.#spans = options.spans;
  }

  /** How many invocations run now. */
  get running(): number {
    return this.#running;
  }

  /** Resolves when none runs. */
  idle(): Promise<void> {
    if (this.#running === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Runs a function once. Never rejects: what the handler throws is in the result, and in the log. */
  async invoke(fn: HostFunction, trigger: Trigger, retryContext?: RetryContext): Promise<InvocationResult> {
    const invocationId = randomUUID();
    const category = `Function.${fn.name}`;
    const fields = { function: fn.name, invocationId };
    const started = this.#clock.uptime();
    this.#running++;
    this.#log(
      "information",
      category,
      `Executing 'Functions.${fn.name}' (Reason='${trigger.reason}', Id=${invocationId})`,
      {
        event: "executing",
        ...fields,
      },
    );
    if (trigger.details !== undefined)
      this.#log("information", category, `Trigger Details: ${trigger.details}`, fields);
    const traceParent = childOf(trigger.traceParent, this.#spans.wanted);
    const at = this.#clock.now();
    this.#runs.started(fn, invocationId, traceParent, trigger);
    let result: InvocationResult;
    try {
      this.#runs.check(fn);
      const response = await this.#withTimeout(this.#run(fn, invocationId, { ...trigger, traceParent }, retryContext));
      await this.#sendOutputs(fn, response);
      result = { succeeded: true, response };
    } catch (error) {
      result = { succeeded: false, error };
    }
    const durationMs = Math.round(this.#clock.uptime() - started);
    this.#runs.ended(fn, invocationId, result, durationMs);
    this.#logEnd(fn, invocationId, result, durationMs);
    this.#reportSpan(fn, { invocationId, at, own: traceParent, parent: trigger.traceParent, result });
    this.#running--;
    if (this.#running === 0) for (const resolve of this.#idle.splice(0)) resolve();
    return result;
  }

  /** The host's own span, which the function has as its parent: on Azure it is the request in Application Insights. */
  #reportSpan(
    fn: HostFunction,
    run: {
      readonly invocationId: string;
      readonly at: number;
      readonly own: string;
      readonly parent: string | undefined;
      readonly result: InvocationResult;
    },
  ): void {
    const own = parseTraceParent(run.own);
    if (own === undefined || !this.#spans.wanted) return;
    this.#spans.report({
      name: `invoke ${fn.name}`,
      parent: parseTraceParent(run.parent),
      own,
      start: run.at,
      end: this.#clock.now(),
      attributes: { "faas.name": fn.name, "faas.invocation_id": run.invocationId, "faas.trigger": triggerKind(fn) },
      failed: !run.result.succeeded,
    });
  }

  #logEnd(fn: HostFunction, invocationId: string, result: InvocationResult, durationMs: number): void {
    const outcome = result.succeeded ? "Succeeded" : "Failed";
    this.#log(
      result.succeeded ? "information" : "error",
      `Function.${fn.name}`,
      `Executed 'Functions.${fn.name}' (${outcome}, Id=${invocationId}, Duration=${durationMs}ms)` +
        (result.succeeded ? "" : `\n${describeError(result.error)}`),
      { event: "executed", function: fn.name, invocationId, durationMs, succeeded: result.succeeded },
    );
  }

  /** The sequence of the worker's `InvocationHandler.ts`. */
  async #run(
    fn: HostFunction,
    invocationId: string,
    trigger: Trigger,
    retryContext: RetryContext | undefined,
  ): Promise<InvocationResponse> {
    const model = this.#core.model;
    if (model === undefined) throw new Error("No programming model has been set.");
    const context = this.#coreContext(fn, invocationId, trigger, retryContext);
    const invocation = model.getInvocationModel(context);
    const { context: invocationContext, inputs } = await invocation.getArguments();
    const hookData: Record<string, unknown> = {};
    const shared = { hookData, appHookData: this.#core.appHookData, invocationContext };

    const before: Record<string, unknown> = { ...shared, functionCallback: fn.callback, inputs };
    context.state = "preInvocationHooks";
    await this.#core.runHooks("preInvocation", before);
    context.state = undefined;

    let result: unknown;
    let error: unknown;
    let failed = false;
    context.state = "invocation";
    try {
      result = await invocation.invokeFunction(
        invocationContext,
        before["inputs"] as unknown[],
        before["functionCallback"] as FunctionCallback,
      );
    } catch (thrown) {
      failed = true;
      error = thrown;
    }
    const after: Record<string, unknown> = {
      ...shared,
      inputs: before["inputs"],
      result,
      error: failed ? error : null,
    };
    context.state = "postInvocationHooks";
    await this.#core.runHooks("postInvocation", after);
    context.state = undefined;
    // `throw undefined` and `throw null` count as success: the worker looks only at what the hooks' context holds.
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- what the handler threw, whatever it is
    if (after["error"] !== undefined && after["error"] !== null) throw after["error"];
    return invocation.getResponse(invocationContext, after["result"]);
  }

  #coreContext(
    fn: HostFunction,
    invocationId: string,
    trigger: Trigger,
    retryContext: RetryContext | undefined,
  ): CoreInvocationContext {
    const request: InvocationRequest = {
      invocationId,
      functionId: fn.name,
      inputData: [{ name: fn.triggerName, data: trigger.data }],
      triggerMetadata: trigger.metadata ?? {},
      traceContext: {
        traceParent: trigger.traceParent ?? childOf(undefined),
        ...(trigger.traceState === undefined ? {} : { traceState: trigger.traceState }),
        attributes: {},
      },
      ...(retryContext === undefined ? {} : { retryContext }),
    };
    const context: CoreInvocationContext = {
      invocationId,
      request,
      metadata: fn.metadata,
      state: undefined,
      log: (level, category, message) => {
        const hooked = this.#core.hookLog({ level, message, category, invocation: context });
        const name = category === "user" ? `Function.${fn.name}.User` : `Function.${fn.name}`;
        this.#log(hooked.level, name, hooked.message, { function: fn.name, invocationId });
      },
    };
    return context;
  }

  /** After `functionTimeout` the invocation has failed; its code cannot be stopped (Azure restarts the worker). */
  #withTimeout<T>(work: Promise<T>): Promise<T> {
    if (!Number.isFinite(this.#timeoutMs)) return work;
    return new Promise<T>((resolve, reject) => {
      const timer = this.#clock.after(this.#timeoutMs, () => {
        reject(new Error(`Timeout value of ${this.#timeoutMs} ms was exceeded by function.`));
      });
      work.then(resolve, reject).finally(() => {
        timer.cancel();
      });
    });
  }
}

/** A span of this host below the caller's, or a trace of its own (https://www.w3.org/TR/trace-context/). */
function childOf(traceParent: string | undefined, isRecorded = false): string {
  const [, traceId, flags] = TRACE_PARENT.exec(traceParent ?? "") ?? [];
  const spanId = randomBytes(8).toString("hex");
  return `00-${traceId ?? randomBytes(16).toString("hex")}-${spanId}-${flags ?? (isRecorded ? "01" : "00")}`;
}
