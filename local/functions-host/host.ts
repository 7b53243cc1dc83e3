/** Puts the host together: reads the app, starts the listeners of its triggers, and ends all in order. */
import path from "node:path";
import { SystemClock, type Clock } from "../clock/clock.js";
import { loadApp } from "./app.js";
import { Core } from "./core-shim.js";
import { createEndpoints } from "./endpoints.js";
import { describeFunctions, triggerKind, type HostFunction } from "./functions.js";
import { readHostOptions, type HostOptions } from "./host-json.js";
import { Invoker } from "./invoke.js";
import { loadKeys } from "./keys.js";
import { SpanSender } from "../spans.js";
import { createLog, type Log, type LogFormat } from "./log.js";
import { createOutputSink } from "./outputs.js";
import { Runs } from "./runs.js";
import { loadLocalSettings } from "./settings.js";
import { HttpListener } from "./triggers/http/listener.js";
import { ServiceBusClients } from "./triggers/service-bus/clients.js";
import { createListener } from "./triggers/service-bus/listen.js";
import type { Listener } from "./triggers/service-bus/processor.js";
import { createScheduleMonitor, type ScheduleMonitor } from "./triggers/timer/schedule-monitor.js";
import { becomeSingleton, type Singleton } from "./triggers/timer/singleton.js";
import { TimerListener } from "./triggers/timer/timer.js";
import { describeTrigger, readTriggers, type Triggers } from "./triggers/triggers.js";

/** How long running invocations may take to end when the host stops. */
const STOP_MS = 10_000;

export interface HostSettings {
  /** 0 takes any free one. */
  readonly port: number;
  readonly appFolder: string;
  readonly dataFolder: string;
  readonly settingsFile: string | undefined;
  readonly logFormat: LogFormat;
  /** Origins, comma separated; undefined for what the settings say. */
  readonly cors?: string | undefined;
}

export interface RunningHost {
  readonly address: string;
  stop(): Promise<void>;
}

/** The app and what runs it, before anything listens. */
interface Parts {
  readonly clock: Clock;
  readonly log: Log;
  readonly core: Core;
  readonly options: HostOptions;
  readonly functions: readonly HostFunction[];
  readonly clients: ServiceBusClients;
  readonly invoker: Invoker;
  readonly runs: Runs;
  readonly monitor: ScheduleMonitor;
  readonly triggers: Triggers;
}

/**
 * Starts the app's functions.
 * @throws StartError when the app cannot be loaded or its settings are wrong; EADDRINUSE when the port is taken
 */
export async function startHost(settings: HostSettings): Promise<RunningHost> {
  const environment = process.env;
  const hostSection = await loadLocalSettings(settings.settingsFile, environment, settings.cors);
  const [parts, keys] = await Promise.all([prepare(settings, environment), loadKeys(settings.dataFolder, environment)]);
  const { clock, log, invoker, functions, triggers } = parts;
  let ready = false;
  const http = new HttpListener({
    functions: triggers.http,
    invoker,
    keys,
    cors: hostSection,
    log,
    limits: parts.options.http,
    endpoints: createEndpoints(
      {
        ready: () => ready,
        running: () => invoker.running,
        functions: () => functions.map((fn) => describeTrigger(fn, triggers)),
        uptimeMs: () => clock.uptime(),
        find: (name) => functions.find((fn) => fn.name.toLowerCase() === name.toLowerCase()),
        trigger: (fn, input) => void runByHand(parts, fn, input),
        runs: parts.runs,
      },
      keys,
    ),
  });
  const port = await http.listen(settings.port);
  const listeners = await startServiceBus(parts);
  const singleton = await startTimers(parts, settings.dataFolder);
  ready = true;
  const started = `Host started with ${functions.length} functions (${Math.round(clock.uptime())} ms)`;
  log("information", "Host.Startup", started, { event: "ready" });
  return {
    address: `http://127.0.0.1:${port}`,
    stop: () => {
      ready = false;
      return stopHost(parts, http, listeners, singleton);
    },
  };
}

async function prepare(settings: HostSettings, environment: NodeJS.ProcessEnv): Promise<Parts> {
  const clock = new SystemClock();
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
  await loadApp(core, settings.appFolder);
  const functions = describeFunctions(core.functions.values(), environment);
  warnOfIgnoredRetries(functions, log);
  const clients = new ServiceBusClients(environment, options.serviceBus.webSockets);
  const sendOutputs = createOutputSink(clients);
  const runs = new Runs(() => clock.now());
  const spans = new SpanSender("functions-host");
  const invoker = new Invoker({
    ...{ core, clock, log, functionTimeoutMs: options.functionTimeoutMs, sendOutputs, runs, spans },
  });
  const monitor = createScheduleMonitor(settings.dataFolder);
  const triggers = readTriggers(functions, options.http.routePrefix, environment, (fn, schedule) => {
    const invoke: Invoker["invoke"] = (...args) => invoker.invoke(...args);
    return new TimerListener({ fn, schedule, clock, invoke, monitor, log });
  });
  return { clock, log, core, options, functions, clients, invoker, runs, monitor, triggers };
}

async function startServiceBus({
  triggers,
  options,
  clients,
  clock,
  log,
  invoker,
}: Parts): Promise<readonly Listener[]> {
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

async function startTimers({ triggers, monitor, clock }: Parts, dataFolder: string): Promise<Singleton | undefined> {
  if (triggers.timers.length === 0) return undefined;
  return becomeSingleton(dataFolder, clock, async () => {
    await monitor.load();
    for (const { listener } of triggers.timers) listener.start();
  });
}

async function runByHand({ invoker, triggers }: Parts, fn: HostFunction, input: string): Promise<void> {
  const timer = triggers.timers.find((each) => each.fn === fn);
  await invoker.invoke(fn, {
    reason: "This function was programmatically called via the host APIs.",
    data: timer === undefined ? { string: input } : timer.listener.input(),
  });
}

/** Takes no new work, waits for what runs, then leaves. */
async function stopHost(
  { clock, log, core, clients, invoker, monitor, triggers }: Parts,
  http: HttpListener,
  listeners: readonly Listener[],
  singleton: Singleton | undefined,
): Promise<void> {
  log("information", "Host.Shutdown", "Stopping", { event: "stopping" });
  http.stop();
  for (const { listener } of triggers.timers) listener.stop();
  await atMost(clock, Promise.all([...listeners.map((each) => each.stop()), invoker.idle()]));
  await atMost(clock, core.runHooks("appTerminate", { hookData: {}, appHookData: core.appHookData }));
  await Promise.all([atMost(clock, clients.close()), monitor.flushed()]);
  await singleton?.stop();
  http.close();
}

/** Only timers have retry policies here, as those alone are sure to have them on Azure (with Event Hubs, Kafka and Cosmos DB). */
function warnOfIgnoredRetries(functions: readonly HostFunction[], log: Log): void {
  for (const fn of functions) {
    if (fn.retry === undefined || triggerKind(fn) === "timer") continue;
    log("warning", "Host.Startup", `Function '${fn.name}': its trigger has no retry policies; 'retry' is ignored.`);
  }
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
