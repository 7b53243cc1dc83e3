/** The app's functions as the host sees them: a name, one trigger, outputs. */
import { StartError } from "../part.js";
import type { RegisteredFunction } from "./core-shim.js";
import type { Binding, RetryOptions, FunctionCallback, FunctionMetadata } from "./rpc.js";
import { isDisabled } from "./settings.js";

export interface HostFunction {
  readonly name: string;
  readonly metadata: FunctionMetadata;
  readonly callback: FunctionCallback;
  readonly triggerName: string;
  readonly trigger: Binding;
  /** Every output binding; `$return` is what the handler returns. */
  readonly outputs: readonly { readonly name: string; readonly binding: Binding }[];
  readonly retry: RetryOptions | undefined;
  readonly disabled: boolean;
}

/** The key of the return value's binding (`returnBindingKey` in the library). */
export const RETURN = "$return";

const SUPPORTED_TRIGGERS = ["httptrigger", "timertrigger", "servicebustrigger"];
const SUPPORTED_OUTPUTS = ["http", "servicebus"];

/** The trigger's type without its ending, in lower case: `http`, `timer`, `servicebus`. */
export function triggerKind(fn: HostFunction): string {
  return fn.trigger.type.toLowerCase().replace(/trigger$/, "");
}

/**
 * Describes the registered functions, sorted as the real host sorts them: by name, without case (FunctionMetadataManager.cs).
 * @throws StartError for a trigger, input or output that this host does not have
 */
export function describeFunctions(
  registered: Iterable<RegisteredFunction>,
  environment: NodeJS.ProcessEnv,
): readonly HostFunction[] {
  return [...registered]
    .map(({ metadata, callback }) => describeFunction(metadata, callback, environment))
    .sort((a, b) => compareOrdinalIgnoreCase(a.name, b.name));
}

function describeFunction(
  metadata: FunctionMetadata,
  callback: FunctionCallback,
  environment: NodeJS.ProcessEnv,
): HostFunction {
  const bindings = Object.entries(metadata.bindings);
  const [triggerName, trigger] = bindings.find(([, binding]) => /trigger$/i.test(binding.type)) ?? [];
  if (triggerName === undefined || trigger === undefined) {
    throw new StartError(`Function '${metadata.name}' has no trigger.`);
  }
  refuse(metadata.name, "trigger", trigger.type, SUPPORTED_TRIGGERS);
  if ((trigger["properties"] as Record<string, string> | undefined)?.["supportsDeferredBinding"] === "true") {
    throw new StartError(`Function '${metadata.name}' asks for sdkBinding, which this host does not have.`);
  }
  const outputs = bindings
    .filter(([, binding]) => binding.direction === "out")
    .map(([name, binding]) => ({ name, binding }));
  for (const { binding } of outputs) refuse(metadata.name, "output", binding.type, SUPPORTED_OUTPUTS);
  for (const [, binding] of bindings) {
    if (binding.direction === "in" && binding !== trigger) refuse(metadata.name, "input", binding.type, []);
  }
  return {
    name: metadata.name,
    metadata,
    callback,
    triggerName,
    trigger,
    outputs,
    retry: metadata.retryOptions,
    disabled: isDisabled(metadata.name, environment),
  };
}

function refuse(name: string, kind: string, type: string, supported: readonly string[]): void {
  if (supported.includes(type.toLowerCase())) return;
  throw new StartError(`Function '${name}': this host has no ${kind} of type '${type}'; see its README.`);
}

/** .NET's `StringComparer.OrdinalIgnoreCase`: UTF-16 units of the upper-case forms. */
export function compareOrdinalIgnoreCase(a: string, b: string): number {
  const [left, right] = [a.toUpperCase(), b.toUpperCase()];
  return left < right ? -1 : left > right ? 1 : 0;
}
