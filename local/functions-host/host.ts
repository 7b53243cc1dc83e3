/** Puts the host together: reads the app, starts the listeners of its triggers, and ends all in order. */
import path from "node:path";
import { SystemClock, type Clock } from "../clock/clock.js";
import { loadApp } from "./app.js";
import { Core } from "./core-shim.js";
import { createEndpoints, type FunctionStatus } from "./endpoints.js";
import { describeFunctions, triggerKind, type HostFunction } from "./functions.js";
import { readHostOptions, type HostOptions } from "./host-json.js";
import { Invoker } from "./invoke.js";
import { loadKeys } from "./keys.js";
import { createLog, type Log, type LogFormat } from "./log.js";
import { createOutputSink } from "./outputs.js";
import { loadLocalSettings } from "./settings.js";
import { HttpListener, httpFunctions, type HttpFunction } from "./triggers/http/listener.js";
import { ServiceBusClients } from "./triggers/service-bus/clients.js";
import { serviceBusTrigger, type ServiceBusTrigger } from "./triggers/service-bus/entity.js";
import { createListener } from "./triggers/service-bus/listen.js";
import type { Listener } from "./triggers/service-bus/processor.js";
import { openScheduleMonitor } from "./triggers/timer/schedule-monitor.js";
import { timerSchedule, TimerListener } from "./triggers/timer/timer.js";

/** How long running invocations may take to end when the host stops. */
const STOP_MS = 10_000;

export interface HostSettings {
  /** 0 takes any free one. */
  readonly port: number;
  readonly appFolder: string;
  readonly dataFolder: string;
  readonly settingsFile: string | undefined;
  readonly logFormat: LogFormat;
}

export interface RunningHost {
  readonly address: string;
  stop(): Promise<void>;
}

interface Triggers {
  readonly http: readonly HttpFunction[];
  readonly serviceBus: readonly ServiceBusTrigger[];
  readonly timers: readonly { readonly fn: HostFunction; readonly listener: TimerListener }[];
}

/**
 * Starts the app's functions.
 * @throws StartError when the app cannot be loaded or its settings are wrong; EADDRINUSE when the port is taken
 */
export async function startHost(settings: HostSettings): Promise<RunningHost> {
  const clock = new SystemClock();
  const startedAt = clock.uptime();
  const environment = process.env;
  const hostSection = await loadLocalSettings(settings.settingsFile, environment);
  const options = await readHostOptions(path.join(settings.appFolder, "host.json"), environment);
  const log = createLog({
    format: settings.logFormat,
    levels: options.logLevels,
    now: () => clock.now(),
    out: (line) => process.stderr.write(line),
  });
  const core = new Core((level, category, message) => {
    log(level, category === "user" ? "Function.User" : "Host.Function.Console", message);
  });
  const [keys, monitor] = await Promise.all([
    loadKeys(settings.dataFolder, environment),
    openScheduleMonitor(settings.dataFolder),
    loadApp(core, settings.appFolder),
  ]);
  const functions = describeFunctions(core.functions.values(), environment);
  const clients = new ServiceBusClients(environment, options.serviceBus.webSockets);
  const invoker = new Invoker({
    core,
    clock,
    log,
    functionTimeoutMs: options.functionTimeoutMs,
    sendOutputs: createOutputSink(clients),
  });
  const enabled = functions.filter((fn) => !fn.disabled);
  const triggers: Triggers = {
    http: httpFunctions(functions, options.http.routePrefix, environment),
    serviceBus: enabled
      .filter((fn) => triggerKind(fn) === "servicebus")
      .map((fn) => serviceBusTrigger(fn, environment)),
    timers: enabled
      .filter((fn) => triggerKind(fn) === "timer")
      .map((fn) => ({
        fn,
        listener: new TimerListener({
          fn,
          schedule: timerSchedule(fn, environment),
          clock,
          invoke: (each, trigger, retry) => invoker.invoke(each, trigger, retry),
          monitor,
          log,
        }),
      })),
  };
  warnOfIgnoredRetries(functions, log);

  let ready = false;
  const http = new HttpListener({
    functions: triggers.http,
    invoker,
    keys,
    cors: hostSection,
    log,
    timeoutMs: options.functionTimeoutMs,
    endpoints: createEndpoints(
      {
        ready: () => ready,
        running: () => invoker.running,
        functions: () => functions.map((fn) => describe(fn, triggers)),
        startedAt,
        now: () => clock.uptime(),
        find: (name) => functions.find((fn) => fn.name.toLowerCase() === name.toLowerCase()),
        trigger: (fn, input) => {
          const timer = triggers.timers.find((each) => each.fn === fn);
          void invoker.invoke(fn, {
            reason: "This function was programmatically called via the host APIs.",
            data: timer === undefined ? { string: input } : timer.listener.input(),
          });
        },
      },
      keys,
    ),
  });
  const port = await http.listen(settings.port);
  const listeners = await startServiceBus({ triggers, options, clients, clock, log, invoker });
  for (const { listener } of triggers.timers) listener.start();
  ready = true;
  log(
    "information",
    "Host.Startup",
    `Host started with ${functions.length} functions (${Math.round(clock.uptime())} ms)`,
    {
      event: "ready",
    },
  );
  return {
    address: `http://127.0.0.1:${port}`,
    stop: async () => {
      ready = false;
      log("information", "Host.Shutdown", "Stopping", { event: "stopping" });
      http.stop();
      for (const { listener } of triggers.timers) listener.stop();
      await atMost(clock, Promise.all([...listeners.map((each) => each.stop()), invoker.idle()]));
      await atMost(clock, core.runHooks("appTerminate", { hookData: {}, appHookData: core.appHookData }));
      await Promise.all([atMost(clock, clients.close()), monitor.flushed()]);
      http.close();
    },
  };
}

async function startServiceBus(parts: {
  readonly triggers: Triggers;
  readonly options: HostOptions;
  readonly clients: ServiceBusClients;
  readonly clock: Clock;
  readonly log: Log;
  readonly invoker: Invoker;
}): Promise<readonly Listener[]> {
  const { triggers, options, clients, clock, log, invoker } = parts;
  // Settings that are missing end the start here; a broker that is down does not: the listeners go on trying.
  await Promise.all(
    triggers.serviceBus.map(({ connection, sessions }) => clients.get(connection, sessions ? "sessions" : "queues")),
  );
  const listeners = triggers.serviceBus.map((trigger) =>
    createListener({
      trigger,
      options: options.serviceBus,
      clients,
      clock,
      log,
      invoke: (fn, data) => invoker.invoke(fn, data),
    }),
  );
  for (const listener of listeners) listener.start();
  return listeners;
}

/** Only timers have retry policies here, as those alone are sure to have them on Azure (with Event Hubs, Kafka and Cosmos DB). */
function warnOfIgnoredRetries(functions: readonly HostFunction[], log: Log): void {
  for (const fn of functions) {
    if (fn.retry === undefined || triggerKind(fn) === "timer") continue;
    log("warning", "Host.Startup", `Function '${fn.name}': its trigger has no retry policies; 'retry' is ignored.`);
  }
}

function describe(fn: HostFunction, triggers: Triggers): FunctionStatus {
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
  const { next } = timer.listener;
  return {
    ...base,
    schedule: String(fn.trigger["schedule"]),
    ...(next === undefined ? {} : { next: new Date(next).toISOString() }),
  };
}

/** Waits for work, but not for ever, and whether it fails or not. */
function atMost(clock: Clock, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.after(STOP_MS, resolve);
    work
      .catch(() => undefined)
      .finally(() => {
        timer.cancel();
        resolve();
      });
  });
}
