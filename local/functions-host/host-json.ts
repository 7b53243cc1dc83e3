/** `host.json`, and the app settings `AzureFunctionsJobHost__…` that override it. */
import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { StartError } from "../part.js";
import type { LogLevels } from "./log.js";
import { parseTimeSpan } from "./time-span.js";
import type { RequestLimits } from "./triggers/http/request-queue.js";

export interface HttpOptions extends RequestLimits {
  readonly routePrefix: string;
}

/** `extensions.serviceBus`, version 5 of the extension; times in milliseconds, Infinity for .NET's infinite time-out. */
export interface ServiceBusOptions {
  readonly autoCompleteMessages: boolean;
  readonly maxAutoLockRenewalDurationMs: number;
  readonly maxConcurrentCalls: number;
  readonly maxConcurrentSessions: number;
  readonly maxConcurrentCallsPerSession: number;
  readonly maxMessageBatchSize: number;
  readonly minMessageBatchSize: number;
  readonly maxBatchWaitTimeMs: number;
  readonly sessionIdleTimeoutMs: number;
  readonly webSockets: boolean;
}

export interface HostOptions {
  readonly http: HttpOptions;
  readonly serviceBus: ServiceBusOptions;
  /** Milliseconds; Infinity when switched off. */
  readonly functionTimeoutMs: number;
  readonly logLevels: LogLevels;
}

type Json = Readonly<Record<string, unknown>>;

const OVERRIDE = /^AzureFunctionsJobHost(?:__|:)(.+)$/i;
/** Flex Consumption's default (https://learn.microsoft.com/azure/azure-functions/functions-host-json#functiontimeout). */
const DEFAULT_TIMEOUT_MS = 30 * 60_000;

/**
 * Reads the app's `host.json`.
 * @throws StartError that names the file and what is wrong in it
 */
export async function readHostOptions(file: string, environment: NodeJS.ProcessEnv): Promise<HostOptions> {
  let content: string;
  try {
    content = await readFile(file, "utf8");
  } catch {
    throw new StartError(`${file} cannot be read. A function app has a host.json beside its package.json.`);
  }
  let json: Json;
  try {
    json = JSON.parse(content) as Json;
  } catch (error) {
    throw new StartError(`${file} is not JSON: ${(error as Error).message}`);
  }
  if (json["version"] !== "2.0") throw new StartError(`${file}: "version" must be "2.0".`);
  try {
    return hostOptions(json, environment);
  } catch (error) {
    throw error instanceof SettingError ? new StartError(`${file}: ${error.message}`) : error;
  }
}

/** A value in `host.json`, or in a setting that overrides it, that cannot be used. */
class SettingError extends Error {}

/** Picks from the parsed `host.json` what this host honours; exported for tests. */
export function hostOptions(hostJson: Json, environment: NodeJS.ProcessEnv): HostOptions {
  const overrides = new Map<string, string>();
  for (const [name, value] of Object.entries(environment)) {
    const path = OVERRIDE.exec(name)?.[1];
    if (path !== undefined && value !== undefined) {
      overrides.set(path.toLowerCase().replaceAll("__", ":"), value);
    }
  }
  const read = (...path: readonly string[]): unknown => {
    // .NET's configuration knows no case (https://learn.microsoft.com/dotnet/core/extensions/configuration).
    const override = overrides.get(path.join(":").toLowerCase());
    if (override !== undefined) return override;
    let value: unknown = hostJson;
    for (const key of path) value = property(value, key);
    return value;
  };
  return {
    http: httpOptions((...path) => read("extensions", "http", ...path)),
    serviceBus: serviceBusOptions((...path) => read("extensions", "serviceBus", ...path)),
    functionTimeoutMs: duration("functionTimeout", read("functionTimeout"), DEFAULT_TIMEOUT_MS),
    logLevels: logLevels(property(property(hostJson, "logging"), "logLevel"), overrides),
  };
}

/** The limits are Flex Consumption's: none, where the Consumption plan would have 100 and 200. */
function httpOptions(read: (...path: readonly string[]) => unknown): HttpOptions {
  const limit = (name: keyof RequestLimits): number => {
    const value = read(name);
    return value !== undefined && text(value) === "-1" ? Infinity : count(name, value, Infinity);
  };
  return {
    routePrefix: trimSlashes(text(read("routePrefix") ?? "api")),
    maxConcurrentRequests: limit("maxConcurrentRequests"),
    maxOutstandingRequests: limit("maxOutstandingRequests"),
  };
}

function logLevels(section: unknown, overrides: ReadonlyMap<string, string>): LogLevels {
  const levels: Record<string, string> = {};
  if (typeof section === "object" && section !== null) {
    for (const [category, level] of Object.entries(section)) levels[category] = String(level);
  }
  for (const [path, level] of overrides) {
    const category = /^logging:loglevel:(.+)$/.exec(path)?.[1];
    if (category === undefined) continue;
    const known = Object.keys(levels).find((each) => each.toLowerCase() === category);
    levels[known ?? category] = level;
  }
  return levels;
}

/**
 * The names of version 5, flat; those of version 4 (`messageHandlerOptions`, `sessionHandlerOptions`, `batchOptions`) are still
 * read, and lose (ServiceBusHostBuilderExtensions.cs).
 */
function serviceBusOptions(read: (...path: readonly string[]) => unknown): ServiceBusOptions {
  const first = (...paths: readonly (readonly string[])[]): unknown =>
    paths.map((path) => read(...path)).find((value) => value !== undefined && value !== null);
  return {
    autoCompleteMessages: boolean(
      "autoCompleteMessages",
      first(
        ["autoCompleteMessages"],
        ["messageHandlerOptions", "autoComplete"],
        ["sessionHandlerOptions", "autoComplete"],
        ["batchOptions", "autoComplete"],
      ),
      true,
    ),
    maxAutoLockRenewalDurationMs: duration(
      "maxAutoLockRenewalDuration",
      first(
        ["maxAutoLockRenewalDuration"],
        ["sessionHandlerOptions", "maxAutoRenewDuration"],
        ["messageHandlerOptions", "maxAutoRenewDuration"],
      ),
      5 * 60_000,
    ),
    maxConcurrentCalls: count(
      "maxConcurrentCalls",
      first(["maxConcurrentCalls"], ["messageHandlerOptions", "maxConcurrentCalls"]),
      16 * availableParallelism(),
    ),
    maxConcurrentSessions: count(
      "maxConcurrentSessions",
      first(["maxConcurrentSessions"], ["sessionHandlerOptions", "maxConcurrentSessions"]),
      8,
    ),
    maxConcurrentCallsPerSession: count("maxConcurrentCallsPerSession", read("maxConcurrentCallsPerSession"), 1),
    maxMessageBatchSize: count(
      "maxMessageBatchSize",
      first(["maxMessageBatchSize"], ["batchOptions", "maxMessageCount"]),
      1000,
    ),
    minMessageBatchSize: count("minMessageBatchSize", read("minMessageBatchSize"), 1),
    maxBatchWaitTimeMs: duration("maxBatchWaitTime", read("maxBatchWaitTime"), 30_000),
    sessionIdleTimeoutMs: duration(
      "sessionIdleTimeout",
      first(["sessionIdleTimeout"], ["sessionHandlerOptions", "messageWaitTime"]),
      60_000,
    ),
    webSockets: text(read("transportType") ?? "amqpTcp").toLowerCase() === "amqpwebsockets",
  };
}

function property(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  const name = Object.keys(value).find((each) => each.toLowerCase() === key.toLowerCase());
  return name === undefined ? undefined : (value as Json)[name];
}

function boolean(name: string, value: unknown, preset: boolean): boolean {
  if (value === undefined || value === null) return preset;
  const given = text(value).toLowerCase();
  if (given !== "true" && given !== "false") throw new SettingError(`"${name}" must be true or false.`);
  return given === "true";
}

function count(name: string, value: unknown, preset: number): number {
  if (value === undefined || value === null) return preset;
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1)
    throw new SettingError(`"${name}" must be a whole number of at least 1.`);
  return number;
}

function duration(name: string, value: unknown, preset: number): number {
  if (value === undefined || value === null) return preset;
  // -1 (functionTimeout) and .NET's Timeout.InfiniteTimeSpan, "-00:00:00.0010000".
  if (text(value) === "-1") return Infinity;
  const ms = parseTimeSpan(text(value));
  if (ms === undefined) throw new SettingError(`"${name}" must be a time span such as "00:05:00".`);
  return ms < 0 ? Infinity : ms;
}

/** A scalar as .NET's configuration has it: all values are texts. */
function text(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function trimSlashes(path: string): string {
  return path.replace(/^\/+|\/+$/g, "");
}
