/** Hosts and brokers that come and go. */
import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, expect, jest, test } from "@jest/globals";
import { removeFolder, temporaryFolder, type Host } from "./host-process.js";
import { Bench } from "./service-bus-bench.js";

interface Told {
  readonly received: { readonly n: number; readonly mark: string };
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** The SDK gives a request that a broker took to its grave a minute before it asks again. */
jest.setTimeout(180_000);

let folder: string;
let bench: Bench;

beforeEach(async () => {
  folder = await temporaryFolder();
  bench = new Bench(folder);
  await bench.startBroker();
});

afterEach(async () => {
  await bench.stop();
  await removeFolder(folder);
});

const told = (host: Host, functionName: string): readonly Told[] => host.lines.toldBy(functionName) as readonly Told[];

test("two hosts share what waits: all once, each session in order, both take part", async () => {
  const sender = bench.client.createSender("talks");
  const sessions = Array.from({ length: 60 }, (_, n) => `s-${n}`);
  for (let n = 0; n < 5; n++) {
    await sender.sendMessages(sessions.map((sessionId) => ({ sessionId, body: { n, takesMs: 5 } })));
  }
  await sender.sendMessages([{ sessionId: "plain", body: { n: 0 } }]);
  const hosts = await Promise.all([bench.startHost("one"), bench.startHost("two")]);
  const [one, two] = hosts;
  const all = (): readonly Told[] => hosts.flatMap((host) => told(host, "sessions"));
  await Promise.race(hosts.map((host) => host.lines.until(() => all().length >= 301)));
  expect(all()).toHaveLength(301);
  for (const sessionId of sessions) {
    const own = all().filter(({ metadata }) => metadata["sessionId"] === sessionId);
    expect(own.map(({ received }) => received.n)).toEqual([0, 1, 2, 3, 4]);
  }
  expect(told(one, "sessions").length).toBeGreaterThan(0);
  expect(told(two, "sessions").length).toBeGreaterThan(0);
});

test("a broker that is killed and comes back finds its listeners again, of every kind", async () => {
  const host = await bench.startHost("host");
  const everywhere = async (n: number): Promise<void> => {
    await Promise.all([
      bench.send("plain", { body: { n } }),
      bench.send("batched", { body: { n } }),
      bench.send("talks", { sessionId: "s", body: { n } }),
      bench.send("batched-talks", { sessionId: "s", body: { n } }),
    ]);
    const functions = ["single", "batch", "sessions", "sessionBatch"];
    await Promise.all(
      functions.map((each) =>
        host.lines.told(each, 1, ({ received }: { received: unknown }) =>
          JSON.stringify(received).includes(`"n":${n}`),
        ),
      ),
    );
  };
  await everywhere(1);
  await bench.killBroker();
  await bench.startBroker();
  await everywhere(2);
});

test("a session that is held when the broker dies goes on where it was", async () => {
  const host = await bench.startHost("host");
  const mark = randomUUID();
  await bench.send(
    "talks",
    ...[0, 1, 2].map((n) => ({ sessionId: mark, body: { n, ...(n === 0 ? { wait: mark } : {}) } })),
  );
  await host.lines.told("sessions");
  await bench.killBroker();
  await bench.startBroker();
  await fetch(`${host.address}/api/gates/${mark}`, { method: "POST" });
  await host.lines.told<Told>("sessions", 1, ({ received }) => received.n === 2);
  // The first was handled, but could not be completed: it comes again, before the others.
  expect(told(host, "sessions").map(({ received }) => received.n)).toEqual([0, 0, 1, 2]);
});

test("a host that starts before its broker finds it later", async () => {
  await bench.killBroker();
  const host = await bench.startHost("host");
  await host.lines.waitFor((line) => line.message.includes("could not accept a session"));
  await bench.startBroker();
  await bench.send("talks", { sessionId: "s", body: { n: 1 } });
  await bench.send("plain", { body: { n: 1 } });
  await host.lines.told("sessions");
  await host.lines.told("single");
});

test("a host that is told to stop ends what runs, settles it and is gone", async () => {
  const host = await bench.startHost("host");
  await bench.send("talks", { sessionId: "s", body: { n: 0, takesMs: 300 } }, { sessionId: "s", body: { n: 1 } });
  await bench.send("plain", { body: { n: 0, takesMs: 300 } });
  await Promise.all([host.lines.told("sessions"), host.lines.told("single")]);
  expect(await host.end("SIGTERM")).toBe(0);
  for (const name of ["sessions", "single"]) {
    const [executed] = await host.lines.executed(name);
    expect(executed?.succeeded).toBe(true);
  }
  const next = await bench.startHost("host");
  await next.lines.told("sessions");
  expect(told(next, "sessions").map(({ received, metadata }) => [received.n, metadata["deliveryCount"]])).toEqual([
    [1, 1],
  ]);
  expect(told(next, "single")).toEqual([]);
});

test("a host that is killed loses nothing: what it had comes again to the next", async () => {
  const host = await bench.startHost("host");
  await bench.send("talks", { sessionId: "s", body: { n: 0, wait: "for ever" } }, { sessionId: "s", body: { n: 1 } });
  await host.lines.told("sessions");
  await host.end("SIGKILL");
  const next = await bench.startHost("next");
  await next.lines.told("sessions");
  await fetch(`${next.address}/api/gates/for ever`, { method: "POST" });
  await next.lines.told("sessions", 2);
  expect(told(next, "sessions").map(({ received }) => received.n)).toEqual([0, 1]);
});
