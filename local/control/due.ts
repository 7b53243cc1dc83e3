/** What will happen next, by the clock of the stack: scheduled messages of every queue, and timers. */
import { getJson } from "../supervisor/functions-status.js";
import type { Doors } from "./gateway.js";

const PAGE = 250;
const MOST_PAGES = 8;
const MOST_SHOWN = 50;

export interface Due {
  readonly at: string;
  /** A queue's name, or a function's. */
  readonly what: string;
  readonly kind: "message" | "timer";
  readonly sequenceNumber?: number;
  readonly messageId?: string;
}

interface Peeked {
  readonly sequenceNumber: number;
  readonly messageId?: string;
  readonly state: string;
  readonly scheduledEnqueueTime?: string;
}

export async function readDue(doors: Doors, signal: AbortSignal): Promise<{ readonly due: readonly Due[] }> {
  const [messages, timers] = await Promise.all([
    scheduledMessages(doors.serviceBus(), signal),
    nextTimers(doors.functions(), signal),
  ]);
  const due = [...messages, ...timers].sort((a, b) => a.at.localeCompare(b.at));
  return { due: due.slice(0, MOST_SHOWN) };
}

async function scheduledMessages(broker: string | undefined, signal: AbortSignal): Promise<readonly Due[]> {
  if (broker === undefined) return [];
  const queues = await getJson<readonly { name: string; scheduled: number }[]>(`${broker}/queues`, signal);
  const found = queues
    .filter(({ scheduled }) => scheduled > 0)
    .map(async ({ name }) => {
      const due: Due[] = [];
      let from: number | undefined = 0;
      for (let page = 0; page < MOST_PAGES && from !== undefined; page++) {
        const url = `${broker}/queues/${name}/messages?limit=${PAGE}&bodyBytes=0&from=${from}`;
        const answer: { messages: readonly Peeked[]; nextFrom?: number } = await getJson(url, signal);
        for (const { state, scheduledEnqueueTime, sequenceNumber, messageId } of answer.messages) {
          if (state !== "scheduled" || scheduledEnqueueTime === undefined) continue;
          const id = messageId === undefined ? {} : { messageId };
          due.push({ at: scheduledEnqueueTime, what: name, kind: "message", sequenceNumber, ...id });
        }
        from = answer.nextFrom;
      }
      return due;
    });
  return (await Promise.all(found)).flat();
}

async function nextTimers(host: string | undefined, signal: AbortSignal): Promise<readonly Due[]> {
  if (host === undefined) return [];
  const { functions } = await getJson<{ functions: readonly { name: string; next?: string }[] }>(
    `${host}/_local/status`,
    signal,
  );
  return functions.flatMap(({ name, next }) =>
    next === undefined ? [] : [{ at: next, what: name, kind: "timer" as const }],
  );
}
