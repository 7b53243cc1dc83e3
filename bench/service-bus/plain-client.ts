/** Confirmed sends, receives and both with a plain AMQP client, credit 100, 1 KB: beside RabbitMQ where there is one. */
import { connect, receive, send, type Endpoint } from "./raw.js";
import { cpuSecondsOf } from "./broker.js";
import type { Result } from "../numbers.js";

const MESSAGES = 20_000;
const WARM_UP = 3_000;
const CREDIT = 100;
const ROUNDS = 3;

interface Measured {
  readonly perSecond: number;
  /** Of the broker, in milliseconds for a message. */
  readonly cpu: number;
  /** Of one core, how much the client used: at 100 % it is the client that limits. */
  readonly client: number;
}

const WORK = ["send", "receive + accept", "both at once"] as const;
type Work = (typeof WORK)[number];

/** RABBITMQ says where one listens with its AMQP 1.0 plugin on (host:port), RABBITMQ_PID which process it is. */
function rabbitMq(): Endpoint | undefined {
  const address = process.env["RABBITMQ"];
  if (address === undefined) return undefined;
  const [host = "", port = "5672"] = address.split(":");
  return {
    name: "RabbitMQ",
    connect: () => connect(host, Number(port), { username: "guest", password: "guest" }),
    addressOf: (queue) => `/queue/${queue}`,
    pid: Number(process.env["RABBITMQ_PID"] ?? 0),
  };
}

export async function measurePlainClient(standIn: Endpoint): Promise<readonly Result[]> {
  const rabbit = rabbitMq();
  const all = new Map<string, Measured[]>();
  const endpoints = rabbit === undefined ? [standIn] : [standIn, rabbit];
  // In turn, so that whatever else the machine does hits both alike.
  for (let n = -1; n < ROUNDS; n++) {
    for (const endpoint of endpoints) {
      const measured = await measure(endpoint, n < 0 ? WARM_UP : MESSAGES);
      if (n < 0) continue;
      for (const work of WORK) {
        const key = `${endpoint.name} ${work}`;
        all.set(key, [...(all.get(key) ?? []), measured[work]]);
      }
    }
  }
  return WORK.map((work) => {
    const ours = middle(all.get(`${standIn.name} ${work}`));
    const theirs = rabbit === undefined ? undefined : middle(all.get(`${rabbit.name} ${work}`));
    return {
      what: `plain AMQP client: ${work}, 1 KB, credit ${String(CREDIT)}`,
      value: text(ours),
      beside:
        theirs === undefined
          ? "RabbitMQ is not installed: not compared"
          : `RabbitMQ ${text(theirs)}: ${(ours.perSecond / theirs.perSecond).toFixed(2)} ×`,
      goal: "≥ 1.5 ×",
    };
  });
}

const text = ({ perSecond, cpu, client }: Measured): string =>
  `${perSecond.toFixed(0)}/s, ${cpu.toFixed(3)} ms CPU, client at ${(100 * client).toFixed(0)} %`;

/** The round in the middle. */
function middle(rounds: readonly Measured[] = []): Measured {
  const sorted = [...rounds].sort((a, b) => a.perSecond - b.perSecond);
  return sorted[Math.floor(sorted.length / 2)] ?? { perSecond: NaN, cpu: NaN, client: NaN };
}

async function measure(endpoint: Endpoint, count: number): Promise<Readonly<Record<Work, Measured>>> {
  const [first, second] = [await endpoint.connect(), await endpoint.connect()];
  const address = endpoint.addressOf("plain");
  const timed = async (work: () => Promise<unknown>): Promise<Measured> => {
    const cpu = await cpuSecondsOf(endpoint.pid);
    const own = process.cpuUsage();
    const begun = performance.now();
    await work();
    const seconds = (performance.now() - begun) / 1_000;
    const { user, system } = process.cpuUsage(own);
    return {
      perSecond: count / seconds,
      cpu: (1_000 * ((await cpuSecondsOf(endpoint.pid)) - cpu)) / count,
      client: (user + system) / 1e6 / seconds,
    };
  };
  const measured = {
    send: await timed(() => send(first, address, count, CREDIT)),
    "receive + accept": await timed(() => receive(second, address, count, CREDIT)),
    "both at once": await timed(() =>
      Promise.all([send(first, address, count, CREDIT), receive(second, address, count, CREDIT)]),
    ),
  };
  for (const connection of [first, second]) connection.close();
  return measured;
}
