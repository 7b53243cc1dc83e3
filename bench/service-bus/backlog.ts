/** What a backlog costs: memory, recovery, and whether a message is dearer behind many messages, locks or sessions. */
import { ServiceBusClient } from "@azure/service-bus";
import type { Result } from "../numbers.js";
import { BenchBroker, cpuSecondsOf, memoryOf } from "./broker.js";
import { BODY, connectToServiceBus, hold, receive, send } from "./raw.js";

const WAITING = 200_000;
const LEVELS = [1_000, 10_000, 100_000] as const;
/** Behind so many waiting messages as well: no locks and no sessions, which would take their clients minutes. */
const LARGEST_BACKLOG = 1_000_000;
const MEASURED = 5_000;
const MEASURED_SESSIONS = 300;
const IN_FLIGHT = 1_000;
const PER_BATCH = 100;

export async function measureBacklog(): Promise<readonly Result[]> {
  const broker = await BenchBroker.start([{ name: "plain" }]);
  try {
    const connection = await connectToServiceBus(broker.connectionString);
    await send(connection, "plain", WAITING, IN_FLIGHT);
    const before = await memoryOf(broker.pid);
    connection.close();
    await broker.end("SIGKILL");
    const recovery = await broker.start();
    const after = await memoryOf(broker.pid);
    const empty = await memoryOfEmpty();
    const mb = (megabytes: number): string => `${megabytes.toFixed(0)} MB`;
    return [
      {
        what: `RSS with ${String(WAITING)} messages of 1 KB waiting`,
        value: mb(before.now),
        beside: `empty ${mb(empty)}; after recovery ${mb(after.now)}, at most ${mb(after.peak)}`,
        goal: "≤ 500 MB",
      },
      { what: "from kill -9 to serving again with them", value: `${(recovery / 1_000).toFixed(2)} s`, goal: "≤ 5 s" },
    ];
  } finally {
    await broker.stop();
  }
}

async function memoryOfEmpty(): Promise<number> {
  const broker = await BenchBroker.start([{ name: "plain" }]);
  const { now } = await memoryOf(broker.pid);
  await broker.stop();
  return now;
}

/** A table of one row: what something costs at each level, and the last beside the first. */
function row(what: string, costs: readonly number[], levels: readonly number[] = LEVELS): Result {
  const ratio = (costs.at(-1) ?? NaN) / (costs[0] ?? NaN);
  return {
    what: `${what} at ${levels.map((level) => `${String(level / 1_000)}k`).join(", ")}`,
    value: `${costs.map((cost) => cost.toFixed(3)).join(", ")} ms`,
    beside: `last beside first: ${ratio.toFixed(2)} ×`,
    goal: "no growth",
  };
}

/** CPU of the broker for a message that is sent, received and accepted, in milliseconds. */
async function costOfMessage(broker: BenchBroker, queue: string): Promise<number> {
  const connection = await connectToServiceBus(broker.connectionString);
  const cpu = await cpuSecondsOf(broker.pid);
  await send(connection, queue, MEASURED, 100);
  await receive(connection, queue, MEASURED, 100);
  const used = (await cpuSecondsOf(broker.pid)) - cpu;
  connection.close();
  return (1_000 * used) / MEASURED;
}

export async function measureCosts(): Promise<readonly Result[]> {
  const costs = { backlog: [] as number[], locks: [] as number[], sessions: [] as number[] };
  for (const level of LEVELS) {
    const queues = [
      { name: "plain" },
      { name: "locked", lockDuration: "PT5M" },
      { name: "sessions", requiresSession: true },
    ];
    const broker = await BenchBroker.start(queues);
    try {
      const connection = await connectToServiceBus(broker.connectionString);
      // Warm, and with the same code compiled at each level.
      for (let n = 0; n < 2; n++) await costOfMessage(broker, "plain");
      await send(connection, "plain", level, IN_FLIGHT);
      costs.backlog.push(await costOfMessage(broker, "plain"));
      await send(connection, "locked", level, IN_FLIGHT);
      await hold(() => connectToServiceBus(broker.connectionString), "locked", level);
      costs.locks.push(await costOfMessage(broker, "locked"));
      connection.close();
      costs.sessions.push(await costOfSession(broker, level));
    } finally {
      await broker.stop();
    }
  }
  costs.backlog.push(await costBehind(LARGEST_BACKLOG));
  return [
    row("broker's CPU for a message: backlog", costs.backlog, [...LEVELS, LARGEST_BACKLOG]),
    row("broker's CPU for a message: other locks", costs.locks),
    row("a session served, time: other sessions", costs.sessions),
  ];
}

async function costBehind(waiting: number): Promise<number> {
  const broker = await BenchBroker.start([{ name: "plain", maxSizeInMegabytes: 5_120 }]);
  try {
    for (let n = 0; n < 2; n++) await costOfMessage(broker, "plain");
    const connection = await connectToServiceBus(broker.connectionString);
    await send(connection, "plain", waiting, IN_FLIGHT);
    connection.close();
    return await costOfMessage(broker, "plain");
  } finally {
    await broker.stop();
  }
}

/** Milliseconds to accept the next session, receive and complete its message, and close it. */
async function costOfSession(broker: BenchBroker, level: number): Promise<number> {
  const client = new ServiceBusClient(broker.connectionString);
  const sender = client.createSender("sessions");
  for (let n = 0; n < level; n += PER_BATCH) {
    const batch = Array.from({ length: PER_BATCH }, (_, k) => ({ body: BODY, sessionId: `s${String(n + k)}` }));
    await sender.sendMessages(batch);
  }
  const begun = performance.now();
  for (let n = 0; n < MEASURED_SESSIONS; n++) {
    const session = await client.acceptNextSession("sessions", { maxAutoLockRenewalDurationInMs: 0 });
    const [message] = await session.receiveMessages(1);
    if (message !== undefined) await session.completeMessage(message);
    await session.close();
  }
  const cost = (performance.now() - begun) / MEASURED_SESSIONS;
  await client.close();
  return cost;
}
