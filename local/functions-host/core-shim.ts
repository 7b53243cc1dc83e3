/**
 * `@azure/functions-core`, the module through which `@azure/functions` reaches its worker: no package, but an object that the
 * worker hands to `require`. This does the same in the process of the host, so that the real, unmodified library runs.
 */
import { Module } from "node:module";
import type {
  CoreInvocationContext,
  FunctionCallback,
  FunctionMetadata,
  LogCategory,
  LogLevel,
  ProgrammingModel,
} from "./rpc.js";

/** The host whose behaviour is reproduced; apps read it as `hostVersion`. */
export const HOST_VERSION = "4.1052.200";

export interface RegisteredFunction {
  readonly metadata: FunctionMetadata;
  readonly callback: FunctionCallback;
}

const HOOKS = ["appStart", "appTerminate", "preInvocation", "postInvocation", "log"] as const;
export type HookName = (typeof HOOKS)[number];
export type HookContext = Record<string, unknown>;
type Hook = (context: HookContext) => unknown;

/** An error whose cause is the system, not the app; the library asks for the mark. */
function systemError<E extends Error>(error: E): E {
  return Object.assign(error, { isAzureFunctionsSystemError: true });
}

class Disposable {
  readonly #dispose: () => void;

  constructor(dispose: () => void) {
    this.#dispose = dispose;
  }

  static from(...disposables: readonly { dispose(): unknown }[]): Disposable {
    return new Disposable(() => {
      for (const each of disposables) each.dispose();
    });
  }

  dispose(): void {
    this.#dispose();
  }
}

export type CoreLog = (level: LogLevel, category: LogCategory, message: string) => void;

/** What the app registers while it loads, and the hooks that run around its invocations. */
export class Core {
  readonly functions = new Map<string, RegisteredFunction>();
  /** Shared by all hooks of the app, for as long as it runs. */
  readonly appHookData: Record<string, unknown> = {};
  readonly #hooks = new Map<HookName, Hook[]>(HOOKS.map((name) => [name, []]));
  readonly #log: CoreLog;
  #model: ProgrammingModel | undefined;
  #locked = false;

  constructor(log: CoreLog) {
    this.#log = log;
  }

  get model(): ProgrammingModel | undefined {
    return this.#model;
  }

  /** No function may be registered any more. */
  lock(): void {
    this.#locked = true;
  }

  /** Runs the hooks of one kind in order; what they throw is the caller's. */
  async runHooks(name: HookName, context: HookContext): Promise<void> {
    for (const hook of this.#hooks.get(name) ?? []) await hook(context);
  }

  /** Runs the log hooks, which cannot be waited for; returns the message as they leave it. */
  hookLog(entry: { level: LogLevel; message: string; category: LogCategory; invocation?: CoreInvocationContext }): {
    level: LogLevel;
    message: string;
  } {
    const hooks = this.#hooks.get("log") ?? [];
    if (hooks.length === 0) return entry;
    const context: HookContext = {
      hookData: {},
      appHookData: this.appHookData,
      level: entry.level,
      message: entry.message,
      category: entry.category,
      invocationContext: entry.invocation,
    };
    for (const hook of hooks) hook(context);
    return { level: context["level"] as LogLevel, message: String(context["message"]) };
  }

  /** The module object: what `require("@azure/functions-core")` gives. */
  readonly module = {
    version: "3.14.1",
    hostVersion: HOST_VERSION,
    Disposable,
    setProgrammingModel: (model: ProgrammingModel): void => {
      this.#model = model;
    },
    getProgrammingModel: (): ProgrammingModel | undefined => this.#model,
    registerFunction: (metadata: FunctionMetadata, callback: FunctionCallback): Disposable => {
      if (this.#locked) throw systemError(new Error("A function can only be registered during app startup."));
      if (this.functions.has(metadata.name)) {
        throw systemError(new Error(`A function with name "${metadata.name}" has already been registered.`));
      }
      this.functions.set(metadata.name, { metadata, callback });
      return new Disposable(() => {
        if (this.#locked) throw systemError(new Error("A function can only be disposed during app startup."));
        this.functions.delete(metadata.name);
      });
    },
    registerHook: (name: string, hook: Hook): Disposable => {
      const hooks = this.#hooks.get(name as HookName);
      if (hooks === undefined) throw systemError(new RangeError(`Unrecognized hook "${name}"`));
      hooks.push(hook);
      return new Disposable(() => {
        hooks.splice(hooks.indexOf(hook), 1);
      });
    },
    log: (level: LogLevel, category: LogCategory, message: string): void => {
      this.#log(level, category, message);
    },
  };
}

/** Makes `require("@azure/functions-core")` give this core. Once per process: the library keeps the first core it sees. */
export function installCore(core: Core): void {
  // The worker does it in the same way (azure-functions-nodejs-worker, src/setupCoreModule.ts).
  const original = Reflect.get(Module.prototype, "require") as (this: unknown, id: string) => unknown;
  Object.defineProperty(Module.prototype, "require", {
    configurable: true,
    writable: true,
    value: function (this: unknown, id: string): unknown {
      return id === "@azure/functions-core" ? core.module : original.call(this, id);
    },
  });
}
