/**
 * When is a stack idle? When no message is due or locked in any queue that the functions consume, and no function runs; seen twice in
 * a row, for the parts are asked one after the other. A functions host that is away is not idle: its work waits for it.
 */
import { setTimeout as delay } from "node:timers/promises";

const POLL_MS = 20;
const DEAD_LETTER_SUFFIX = /\/\$deadletterqueue$/i;

/** As `GET {management}/queues` of the Service Bus part counts messages. */
export interface QueueCounts {
  readonly name: string;
  readonly active: number;
  readonly locked: number;
  readonly due: number;
  readonly deadLetter: number;
  readonly deadLetterLocked: number;
}

/** As `GET {functions}/_local/status` of the functions host tells. */
export interface HostStatus {
  readonly ready: boolean;
  readonly running: number;
  readonly functions: readonly FunctionStatus[];
}

export interface FunctionStatus {
  readonly name: string;
  readonly type: string;
  readonly queue?: string;
  readonly sessions?: boolean;
  readonly route?: string;
  readonly methods?: readonly string[];
  readonly schedule?: string;
}

export interface IdleSource {
  queues(signal: AbortSignal): Promise<readonly QueueCounts[]>;
  /** The functions hosts that should be there; none when all were stopped or killed. */
  hosts(signal: AbortSignal): Promise<readonly HostStatus[]>;
}

/** Resolves with undefined once the stack is idle, or with what it still waits for when `signal` aborts. */
export async function waitUntilIdle(source: IdleSource, signal: AbortSignal): Promise<string | undefined> {
  let seenIdle = false;
  let busy = "nothing could be asked yet";
  while (!signal.aborted) {
    const found = await whatIsBusy(source, signal);
    if (found === undefined && seenIdle) return undefined;
    seenIdle = found === undefined;
    // A question that was cut off by the end of the wait is no finding.
    if (found !== undefined && !isOver(signal)) busy = found;
    await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
  return busy;
}

function isOver(signal: AbortSignal): boolean {
  return signal.aborted;
}

async function whatIsBusy(source: IdleSource, signal: AbortSignal): Promise<string | undefined> {
  try {
    const [queues, hosts] = await Promise.all([source.queues(signal), source.hosts(signal)]);
    return busyHost(hosts) ?? busyQueue(queues, hosts);
  } catch (error) {
    return `a part does not answer (${error instanceof Error ? error.message : String(error)})`;
  }
}

function busyHost(hosts: readonly HostStatus[]): string | undefined {
  if (hosts.length === 0) return "no functions host runs";
  if (hosts.some((host) => !host.ready)) return "a functions host is not ready";
  const running = hosts.reduce((sum, host) => sum + host.running, 0);
  return running === 0 ? undefined : `functions run: ${running}`;
}

export function busyQueue(queues: readonly QueueCounts[], hosts: readonly HostStatus[]): string | undefined {
  const consumed = hosts.flatMap((host) => host.functions.map((each) => each.queue?.toLowerCase()));
  for (const queue of queues) {
    const name = queue.name.toLowerCase();
    const { active, locked, due, deadLetter, deadLetterLocked } = queue;
    if (consumed.includes(name) && active + locked + due > 0) {
      return `${queue.name} has ${active} active, ${locked} locked and ${due} due messages`;
    }
    const deadLetterConsumed = consumed.some((each) => each?.replace(DEAD_LETTER_SUFFIX, "") === name && each !== name);
    if (deadLetterConsumed && deadLetter + deadLetterLocked > 0) {
      return `${queue.name}/$deadletterqueue has ${deadLetter} messages, ${deadLetterLocked} of them locked`;
    }
  }
  return undefined;
}
