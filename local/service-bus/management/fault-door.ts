/** `/faults`: setting, listing and clearing faults. */
import { z } from "zod";
import { linksOf } from "../amqp/links.js";
import type { RheaConnection } from "../amqp/rhea.js";
import type { Broker } from "../broker/broker.js";
import type { Queue } from "../broker/queue.js";
import { log } from "../log.js";
import { REFUSALS, type ActiveFault, type FaultSwitches } from "./faults.js";
import { parse } from "./messages.js";
import type { Answer } from "./http.js";
import { Problem } from "./problem.js";

const LONGEST_MS = 24 * 3_600_000;

const common = {
  queue: z.string(),
  /** How often; once when neither this nor `forMs` is given. */
  times: z.int().min(1).max(1_000_000).optional(),
  forMs: z.int().min(1).max(LONGEST_MS).optional(),
};
const delayMs = z.int().min(1).max(LONGEST_MS);

const faultBody = z.discriminatedUnion("fault", [
  z.strictObject({
    ...common,
    fault: z.literal("drop-connection"),
    at: z.enum(["now", "send", "stored", "deliver", "settle", "settled"]).default("now"),
  }),
  z.strictObject({ ...common, fault: z.literal("lose-lock"), at: z.enum(["now", "settle"]).default("settle") }),
  z.strictObject({ ...common, fault: z.literal("deliver-twice") }),
  z.strictObject({ ...common, fault: z.literal("delay-settlement"), delayMs }),
  z.strictObject({
    ...common,
    fault: z.literal("refuse-settlement"),
    error: z.enum(REFUSALS).default("internal-error"),
  }),
  z.strictObject({ ...common, fault: z.literal("throttle") }),
  z.strictObject({ ...common, fault: z.literal("slow"), delayMs }),
]);

export interface FaultDoor {
  readonly broker: Broker;
  readonly faults: FaultSwitches;
  readonly connections: () => Iterable<RheaConnection>;
}

/** What happens at once is answered 200 with how much of it there was; what is to happen, 201 with the switch. */
export function setFault({ broker, faults, connections }: FaultDoor, body: unknown): Answer {
  const { queue: name, times, forMs, ...kind } = parse(faultBody, body);
  const queue = broker.queue(name);
  if (queue === undefined) throw new Problem(404, `There is no queue '${name}'. GET /queues lists them.`);
  log("info", "A fault was asked for.", { queue: queue.settings.name, ...kind, times, forMs });
  if ("at" in kind && kind.at === "now") {
    if (times !== undefined || forMs !== undefined) throw new Problem(400, "What happens now takes no times or forMs.");
    return kind.fault === "lose-lock"
      ? { status: 200, json: { locks: loseLocks(queue) } }
      : { status: 200, json: { connections: dropConnections(queue, broker, connections()) } };
  }
  const limits = { times: times ?? (forMs === undefined ? 1 : undefined), forMs };
  const active = faults.set(
    queue.settings.name,
    kind.fault === "drop-connection" && kind.at !== "now"
      ? { fault: kind.fault, at: kind.at }
      : (kind as Exclude<typeof kind, { fault: "drop-connection" }>),
    limits,
  );
  return { status: 201, json: describeFault(active), headers: { location: `/faults/${active.id}` } };
}

export function listFaults({ faults }: FaultDoor): Answer {
  return { status: 200, json: { faults: faults.list().map(describeFault) } };
}

export function clearFaults({ faults }: FaultDoor, query: URLSearchParams): Answer {
  const { queue } = parse(z.strictObject({ queue: z.string().optional() }), Object.fromEntries(query));
  return { status: 200, json: { cleared: faults.clear(queue) } };
}

export function removeFault({ faults }: FaultDoor, id: string): Answer {
  if (!faults.remove(id)) throw new Problem(404, `There is no fault ${id}; it may be over. GET /faults lists them.`);
  return { status: 204 };
}

function describeFault({ id, queue, kind, timesLeft, leftMs }: ActiveFault): object {
  return { id, queue, ...kind, timesLeft, leftMs };
}

/** Sessions as well: a message's lock there is its session's. */
function loseLocks(queue: Queue): number {
  const locks = (["main", "dead-letter"] as const).flatMap((place) => [...queue.locksOf(place)]);
  for (const lock of locks) queue.loseLock(lock);
  let lost = locks.length;
  for (const { holder } of [...queue.sessions.values()]) {
    if (holder === undefined) continue;
    queue.sessions.end(holder, true);
    lost++;
  }
  return lost;
}

function dropConnections(queue: Queue, broker: Broker, connections: Iterable<RheaConnection>): number {
  const meant = new Set(
    linksOf(connections, broker)
      .filter((each) => each.queue === queue)
      .map((each) => each.connection),
  );
  for (const connection of meant) connection.socket.destroy();
  return meant.size;
}
