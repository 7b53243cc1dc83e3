/** Prometheus' text format, version 0.0.4. Gauges are read when somebody asks. */
import type { Broker } from "../broker/broker.js";
import { linksOf } from "../amqp/links.js";
import type { RheaConnection } from "../amqp/rhea.js";
import type { FaultSwitches } from "./faults.js";
import type { Counters, Watch } from "./watch.js";

export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];

const QUEUE_COUNTERS: readonly (readonly [name: string, help: string, events: readonly (keyof Counters)[]])[] = [
  ["sent", "Messages that were accepted, scheduled ones included.", ["accepted", "scheduled"]],
  ["received", "Deliveries to receivers; a message may be delivered several times.", ["delivered"]],
  ["completed", "Messages that were completed, or received and deleted.", ["completed"]],
  ["abandoned", "Deliveries that were abandoned.", ["abandoned"]],
  ["released", "Deliveries that were given back without counting.", ["released"]],
  ["deferred", "Messages that were deferred.", ["deferred"]],
  ["dead_lettered", "Messages that were moved to the dead-letter queue, for whatever reason.", ["dead-lettered"]],
  ["expired", "Messages whose time to live was over.", ["expired"]],
  ["activated", "Scheduled messages whose time came.", ["activated"]],
  ["canceled", "Scheduled messages that were cancelled.", ["canceled"]],
  ["duplicate", "Messages that were accepted and dropped as duplicates.", ["duplicate-dropped"]],
  ["redriven", "Dead letters that were moved back to the queue.", ["redriven"]],
  ["forwarded", "Dead letters that went on to another queue.", ["forwarded"]],
  ["purged", "Messages that were removed through the management port.", ["purged"]],
];

export interface MetricsSources {
  readonly broker: Broker;
  readonly watch: Watch;
  readonly faults: FaultSwitches;
  readonly connections: () => Iterable<RheaConnection>;
  readonly storeBytes: () => Promise<number>;
  readonly readers: () => number;
}

export async function metricsPage(sources: MetricsSources): Promise<string> {
  const { broker, watch, faults, connections, storeBytes, readers } = sources;
  const queues = [...broker.queues()];
  const page = new Page();
  for (const [name, help, events] of QUEUE_COUNTERS) {
    const samples = queues.map(({ settings }): Sample => {
      const counters = watch.countersOf(settings.name);
      return [{ queue: settings.name }, events.reduce((sum, event) => sum + counters[event], 0)];
    });
    page.add(`servicebus_messages_${name}_total`, "counter", help, samples);
  }
  const locksLost = queues.map(({ settings }): Sample => [
    { queue: settings.name },
    watch.countersOf(settings.name)["lock-lost"],
  ]);
  page.add("servicebus_message_locks_lost_total", "counter", "Locks of messages that ended unused.", locksLost);

  const counts = queues.map((queue) => ({ queue: queue.settings.name, counts: queue.counts() }));
  page.add(
    "servicebus_queue_messages",
    "gauge",
    "Messages in the queue, by state. Locked ones are among the active, locked dead letters among the dead letters.",
    counts.flatMap(({ queue, counts: each }): Sample[] => [
      [{ queue, state: "active" }, each.active],
      [{ queue, state: "locked" }, each.locked],
      [{ queue, state: "scheduled" }, each.scheduled],
      [{ queue, state: "deferred" }, each.deferred],
      [{ queue, state: "dead_letter" }, each.deadLetter],
      [{ queue, state: "dead_letter_locked" }, each.deadLetterLocked],
    ]),
  );
  page.add(
    "servicebus_queue_size_bytes",
    "gauge",
    "Messages, dead letters and session states of the queue, in bytes.",
    counts.map(({ queue, counts: each }) => [{ queue }, each.sizeInBytes]),
  );
  addLinks(page, sources);
  const openConnections = [...connections()].length;
  page.add("servicebus_connections", "gauge", "Open AMQP connections.", [[{}, openConnections]]);
  page.add("servicebus_store_bytes", "gauge", "Size of the log on disk.", [[{}, await storeBytes()]]);
  page.add("servicebus_event_readers", "gauge", "Readers of the event stream.", [[{}, readers()]]);
  page.add(
    "servicebus_faults_total",
    "counter",
    "Faults that were asked for and have happened.",
    [...faults.happened()].map(({ queue, fault, times }) => [{ queue, fault }, times]),
  );
  addProcess(page);
  return page.toString();
}

function addLinks(page: Page, { broker, connections }: MetricsSources): void {
  const links = linksOf(connections(), broker).filter(({ link }) => link.is_open());
  const samples: Sample[] = [];
  for (const { settings } of broker.queues()) {
    for (const role of ["sender", "receiver", "management"] as const) {
      const count = links.filter((each) => each.queue.settings === settings && each.role === role).length;
      samples.push([{ queue: settings.name, role }, count]);
    }
  }
  page.add("servicebus_links", "gauge", "Open links, by what the client does on them.", samples);
}

function addProcess(page: Page): void {
  const { user, system } = process.cpuUsage();
  page.add("process_cpu_seconds_total", "counter", "Processor time of the process.", [[{}, (user + system) / 1e6]]);
  page.add("process_resident_memory_bytes", "gauge", "Resident memory of the process.", [
    [{}, process.memoryUsage.rss()],
  ]);
}

/** Metric families, written as the format asks: help and type once, then all samples of the family together. */
export class Page {
  #text = "";

  add(name: string, type: "counter" | "gauge", help: string, samples: readonly Sample[]): void {
    this.#text += `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}\n# TYPE ${name} ${type}\n`;
    for (const [labels, value] of samples) this.#text += `${name}${labelsText(labels)} ${value}\n`;
  }

  toString(): string {
    return this.#text;
  }
}

function labelsText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
