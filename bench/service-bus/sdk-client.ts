/** What an application sees that uses `@azure/service-bus`, beside a sink in this very process that stores and forgets nothing. */
import { ServiceBusClient, type ServiceBusReceiver } from "@azure/service-bus";
import { ms, percentile, type Result } from "../numbers.js";
import { BODY } from "./raw.js";
import { startSink } from "./sink.js";

const ONE_BY_ONE = 2_000;
const BATCHED = 20_000;
const PER_BATCH = 100;
const SUBSCRIBED = 5_000;
const CALLS = 32;
const SESSIONS = 200;
const PER_SESSION = 10;
const RECEIVERS = 8;
const ROUNDS = 500;
const WARM_UP = 50;

export async function measureSdk(connectionString: string): Promise<readonly Result[]> {
  const sink = await startSink(BODY);
  const [ours, alone] = [new ServiceBusClient(connectionString), new ServiceBusClient(sink.connectionString)];
  try {
    return [
      ...(await sends(ours, alone)),
      {
        what: `SDK: subscribe with ${String(CALLS)} calls, complete`,
        value: perSecond(await subscribed(ours)),
        beside: `sink ${perSecond(await subscribed(alone))}`,
      },
      {
        what: `SDK: ${String(SESSIONS)} sessions of ${String(PER_SESSION)}, one after the other`,
        value: perSecond(await sessions(ours)),
      },
      ...(await latency(ours)),
    ];
  } finally {
    await Promise.all([ours.close(), alone.close()]);
    sink.stop();
  }
}

const perSecond = (rate: number): string => `${rate.toFixed(0)}/s`;

async function rateOf(count: number, work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return (1_000 * count) / (performance.now() - begun);
}

async function sends(ours: ServiceBusClient, alone: ServiceBusClient): Promise<Result[]> {
  const rates: number[][] = [];
  for (const client of [ours, alone]) {
    const sender = client.createSender("sent");
    await sender.sendMessages({ body: BODY });
    const one = await rateOf(ONE_BY_ONE, async () => {
      for (let n = 0; n < ONE_BY_ONE; n++) await sender.sendMessages({ body: BODY });
    });
    const batch = Array.from({ length: PER_BATCH }, () => ({ body: BODY }));
    const batched = await rateOf(BATCHED, async () => {
      for (let n = 0; n < BATCHED; n += PER_BATCH) await sender.sendMessages(batch);
    });
    rates.push([one, batched]);
    await sender.close();
  }
  return ["one by one", `batches of ${String(PER_BATCH)}`].map((how, n) => ({
    what: `SDK: sendMessages, ${how}`,
    value: perSecond(rates[0]?.[n] ?? NaN),
    beside: `sink ${perSecond(rates[1]?.[n] ?? NaN)}`,
  }));
}

async function subscribed(client: ServiceBusClient): Promise<number> {
  const sender = client.createSender("subscribed");
  const batch = Array.from({ length: PER_BATCH }, () => ({ body: BODY }));
  for (let n = 0; n < SUBSCRIBED; n += PER_BATCH) await sender.sendMessages(batch);
  const receiver = client.createReceiver("subscribed", { maxAutoLockRenewalDurationInMs: 0 });
  const rate = await rateOf(SUBSCRIBED, () => handled(receiver, SUBSCRIBED));
  await Promise.all([sender.close(), receiver.close()]);
  return rate;
}

/** Resolves when so many handlers have come to their end; the messages are completed by the SDK. */
function handled(receiver: ServiceBusReceiver, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let done = 0;
    receiver.subscribe(
      {
        processMessage: () => {
          if (++done === count) resolve();
          return Promise.resolve();
        },
        processError: ({ error }) => {
          reject(error);
          return Promise.resolve();
        },
      },
      { maxConcurrentCalls: CALLS },
    );
  });
}

async function sessions(client: ServiceBusClient): Promise<number> {
  const sender = client.createSender("sessions");
  for (let n = 0; n < SESSIONS; n++)
    await sender.sendMessages(Array.from({ length: PER_SESSION }, () => ({ body: BODY, sessionId: `s${String(n)}` })));
  await sender.close();
  let left = SESSIONS;
  const serve = async (): Promise<void> => {
    while (left-- > 0) {
      const session = await client.acceptNextSession("sessions", { maxAutoLockRenewalDurationInMs: 0 });
      for (let done = 0; done < PER_SESSION;) {
        for (const message of await session.receiveMessages(PER_SESSION - done)) {
          await session.completeMessage(message);
          done++;
        }
      }
      await session.close();
    }
  };
  return rateOf(SESSIONS * PER_SESSION, () => Promise.all(Array.from({ length: RECEIVERS }, serve)));
}

async function latency(client: ServiceBusClient): Promise<Result[]> {
  const sender = client.createSender("pinged");
  const receiver = client.createReceiver("pinged");
  let heard: () => void = () => undefined;
  receiver.subscribe({
    processMessage: () => {
      heard();
      return Promise.resolve();
    },
    processError: () => Promise.resolve(),
  });
  const times: number[] = [];
  for (let n = -WARM_UP; n < ROUNDS; n++) {
    const begun = performance.now();
    const arrived = new Promise<void>((resolve) => {
      heard = resolve;
    });
    await Promise.all([sender.sendMessages({ body: BODY }), arrived]);
    if (n >= 0) times.push(performance.now() - begun);
  }
  await Promise.all([sender.close(), receiver.close()]);
  return [
    { what: "SDK: send → handler, 1 in flight, p50", value: ms(percentile(times, 50)), goal: "≤ 3 ms" },
    { what: "SDK: send → handler, 1 in flight, p99", value: ms(percentile(times, 99)) },
  ];
}
