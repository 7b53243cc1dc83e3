/** `npm run bench -- service-bus`: the Service Bus stand-in alone, without the rest of the stack. */
import type { Result } from "../numbers.js";
import { measureBacklog, measureCosts } from "./backlog.js";
import { BenchBroker } from "./broker.js";
import { measurePlainClient } from "./plain-client.js";
import { connectToServiceBus } from "./raw.js";
import { measureSdk } from "./sdk-client.js";

const QUEUES = ["plain", "sent", "subscribed", "pinged"];

async function onBroker(measure: (broker: BenchBroker) => Promise<readonly Result[]>): Promise<readonly Result[]> {
  const queues = [...QUEUES.map((name) => ({ name })), { name: "sessions", requiresSession: true }];
  const broker = await BenchBroker.start(queues);
  try {
    return await measure(broker);
  } finally {
    await broker.stop();
  }
}

/** By name, each of which may be run alone. */
export const serviceBusBenches: Readonly<Record<string, () => Promise<readonly Result[]>>> = {
  "service-bus-plain": () =>
    onBroker((broker) =>
      measurePlainClient({
        name: "stand-in",
        connect: () => connectToServiceBus(broker.connectionString),
        addressOf: (queue) => queue,
        pid: broker.pid,
      }),
    ),
  "service-bus-sdk": () => onBroker((broker) => measureSdk(broker.connectionString)),
  "service-bus-backlog": measureBacklog,
  "service-bus-costs": measureCosts,
};
