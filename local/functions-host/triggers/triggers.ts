/** All triggers of the app, by kind. */
import { triggerKind, type HostFunction } from "../functions.js";
import type { FunctionStatus } from "../endpoints.js";
import { httpFunctions, type HttpFunction } from "./http/functions.js";
import { serviceBusTrigger, type ServiceBusTrigger } from "./service-bus/entity.js";
import { timerSchedule, type TimerListener } from "./timer/timer.js";
import type { Schedule } from "./timer/schedule.js";

export interface TimerFunction {
  readonly fn: HostFunction;
  readonly listener: TimerListener;
}

export interface Triggers {
  readonly http: readonly HttpFunction[];
  readonly serviceBus: readonly ServiceBusTrigger[];
  readonly timers: readonly TimerFunction[];
}

/**
 * Reads the options of all triggers. What is disabled listens to nothing, though it is checked.
 * @throws StartError for an option that cannot be, or a setting that is missing
 */
export function readTriggers(
  functions: readonly HostFunction[],
  routePrefix: string,
  environment: NodeJS.ProcessEnv,
  createTimer: (fn: HostFunction, schedule: Schedule) => TimerListener,
): Triggers {
  const enabled = (kind: string): readonly HostFunction[] =>
    functions.filter((fn) => triggerKind(fn) === kind && !fn.disabled);
  return {
    http: httpFunctions(functions, routePrefix, environment),
    serviceBus: enabled("servicebus").map((fn) => serviceBusTrigger(fn, environment)),
    timers: enabled("timer").map((fn) => ({ fn, listener: createTimer(fn, timerSchedule(fn, environment)) })),
  };
}

/** What `/_local/status` tells of a function. */
export function describeTrigger(fn: HostFunction, triggers: Triggers): FunctionStatus {
  const base = { name: fn.name, type: fn.trigger.type, disabled: fn.disabled };
  const http = triggers.http.find((each) => each.fn === fn);
  if (http !== undefined) {
    return { ...base, methods: http.methods, route: http.path, authLevel: http.authLevel };
  }
  const serviceBus = triggers.serviceBus.find((each) => each.fn === fn);
  if (serviceBus !== undefined) {
    const { entity, sessions, many } = serviceBus;
    return { ...base, queue: entity.path, sessions, cardinality: many ? "many" : "one" };
  }
  const timer = triggers.timers.find((each) => each.fn === fn);
  if (timer === undefined) return base;
  const { next, schedule } = timer.listener;
  return {
    ...base,
    schedule,
    ...(next === undefined ? {} : { next: new Date(next).toISOString() }),
  };
}
