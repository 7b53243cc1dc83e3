import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { removeFolder, temporaryFolder, type Host } from "./host-process.js";
import { Bench } from "./service-bus-bench.js";

interface Told {
  readonly received: unknown;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** How many calls of that function ran. */
  readonly running: number;
}

let folder: string;
let bench: Bench;
let host: Host;

beforeAll(async () => {
  folder = await temporaryFolder();
  bench = new Bench(folder);
  await bench.startBroker();
  host = await bench.startHost("host");
});

afterAll(async () => {
  await bench.stop();
  await removeFolder(folder);
});

const openGate = (name: string): Promise<Response> => fetch(`${host.address}/api/gates/${name}`, { method: "POST" });

/** What a function told of the bodies that carry this mark, which no other test uses. */
const toldOf = (functionName: string, mark: string, count = 1): Promise<readonly Told[]> =>
  host.lines.told<Told>(functionName, count, ({ received }) => JSON.stringify(received).includes(mark));

const marked = (functionName: string, mark: string): readonly Told[] =>
  (host.lines.toldBy(functionName) as readonly Told[]).filter((told) => JSON.stringify(told.received).includes(mark));

describe("a queue", () => {
  test("hands on the body and the metadata of a message", async () => {
    const mark = randomUUID();
    await bench.send("plain", {
      body: { mark },
      messageId: mark,
      subject: "a subject",
      correlationId: "a correlation",
      contentType: "application/json",
      replyTo: "back",
      to: "there",
      timeToLive: 60_000,
      applicationProperties: { Upper: "x", lower: 1 },
    });
    const [told] = await toldOf("single", mark);
    expect(told?.received).toEqual({ mark });
    expect(told?.metadata).toMatchObject({
      deliveryCount: 1,
      messageId: mark,
      subject: "a subject",
      label: "a subject",
      correlationId: "a correlation",
      contentType: "application/json",
      replyTo: "back",
      to: "there",
      applicationProperties: { upper: "x", lower: 1 },
      userProperties: { upper: "x", lower: 1 },
      lockToken: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
      sequenceNumber: expect.any(Number) as unknown,
      enqueuedTime: expect.stringMatching(/\+00:00$/) as unknown,
      mark,
    });
    const { expiresAt, enqueuedTime, enqueuedTimeUtc } = told?.metadata ?? {};
    expect(Date.parse(String(expiresAt)) - Date.parse(String(enqueuedTime))).toBe(60_000);
    expect(`${String(enqueuedTimeUtc)}+00:00`).toBe(enqueuedTime);
    expect(Object.keys(told?.metadata ?? {})).not.toContain("sessionId");
  });

  test("lets the body's properties hide the message's, and reads ids that are numbers as numbers", async () => {
    const mark = randomUUID();
    await bench.send("plain", { body: { mark, messageId: "the body's", flag: false }, messageId: "12345" });
    const [first] = await toldOf("single", mark);
    expect(first?.metadata).toMatchObject({ messageId: "the body's", flag: "False" });
    const text = `plain text ${randomUUID()}`;
    await bench.send("plain", { body: Buffer.from(text), messageId: "12345" });
    const [second] = await toldOf("single", text);
    expect([second?.received, second?.metadata["messageId"]]).toEqual([text, 12345]);
  });

  test("hands on bytes where the function asks for them", async () => {
    await bench.send("bytes", { body: Buffer.from([0xff, 0x00, 0x42]) });
    await host.lines.told<Told>("binary", 1, ({ received }) => (received as { bytes?: string }).bytes === "ff0042");
  });

  test("delivers again at once what failed, and dead-letters it in the end", async () => {
    const mark = randomUUID();
    await bench.send("plain", { body: { mark, fail: true }, messageId: mark });
    const tries = await toldOf("single", mark, 3);
    expect(tries.map(({ metadata }) => metadata["deliveryCount"])).toEqual([1, 2, 3]);
    const [dead] = await toldOf("dead", mark);
    expect(dead?.metadata).toMatchObject({
      messageId: mark,
      applicationProperties: { deadLetterReason: "MaxDeliveryCountExceeded" },
    });
    expect(marked("single", mark)).toHaveLength(3);
  });

  test("runs maxConcurrentCalls functions at once, and no more", async () => {
    const mark = randomUUID();
    await bench.send("plain", ...Array.from({ length: 7 }, (_, n) => ({ body: { mark, n, wait: mark } })));
    const first = await toldOf("single", mark, 4);
    expect(Math.max(...first.map(({ running }) => running))).toBe(4);
    await openGate(mark);
    const all = await toldOf("single", mark, 7);
    expect(Math.max(...all.map(({ running }) => running))).toBe(4);
  });

  test("completes nothing by itself with autoCompleteMessages off: the lock runs out", async () => {
    const mark = randomUUID();
    await bench.send("kept", { body: { mark } });
    const told = await toldOf("keeps", mark, 2);
    expect(told.map(({ metadata }) => metadata["deliveryCount"])).toEqual([1, 2]);
  });

  test("gets what an output binding sends: a message for each element", async () => {
    const mark = randomUUID();
    const forward = (body: unknown): Promise<Response> =>
      fetch(`${host.address}/api/forward`, { method: "POST", body: JSON.stringify(body) });
    expect(
      (
        await forward([
          { mark, n: 1 },
          { mark, n: 2 },
        ])
      ).status,
    ).toBe(202);
    expect((await forward({ mark, n: 3 })).status).toBe(202);
    const told = await toldOf("forwarded", mark, 3);
    expect(told.map(({ received }) => (received as { n: number }).n).sort()).toEqual([1, 2, 3]);
  });
});

describe("a batch", () => {
  test("comes as arrays, one call at a time", async () => {
    const mark = randomUUID();
    const sender = bench.client.createSender("batched");
    await sender.sendMessages(Array.from({ length: 20 }, (_, n) => ({ body: { mark, n }, messageId: `${mark}-${n}` })));
    await sender.close();
    const bodies = (): readonly { n: number }[] =>
      marked("batch", mark).flatMap(({ received }) => received as { n: number }[]);
    await host.lines.until(() => bodies().length >= 20);
    expect(bodies().map(({ n }) => n)).toEqual(Array.from({ length: 20 }, (_, n) => n));
    const calls = marked("batch", mark);
    expect(calls.length).toBeLessThan(20);
    expect(Math.max(...calls.map(({ running }) => running))).toBe(1);
    const { messageIdArray, deliveryCountArray, correlationIdArray } = calls[0]?.metadata ?? {};
    expect((messageIdArray as string[])[0]).toBe(`${mark}-0`);
    expect((deliveryCountArray as number[])[0]).toBe(1);
    expect(correlationIdArray).toEqual([]);
  });

  test("that failed comes again, whole", async () => {
    const mark = randomUUID();
    await bench.send("batched", { body: { mark, fail: true } });
    await toldOf("batch", mark, 3);
    expect((await bench.deadLetter("batched"))?.body).toEqual({ mark, fail: true });
  });
});

describe("sessions", () => {
  const talk = (sessionId: string, body: object) => ({ sessionId, body });

  test("are handled side by side, each in order", async () => {
    const mark = randomUUID();
    const names = Array.from({ length: 5 }, (_, n) => `${mark}-${n}`);
    // The first message of the first session waits until a message of each other session has come in.
    await bench.send("talks", talk(names[0] ?? "", { mark, n: 0, wait: mark }));
    await toldOf("sessions", mark);
    for (let n = 1; n <= 4; n++) await bench.send("talks", ...names.map((name) => talk(name, { mark, n })));
    await toldOf("sessions", mark, 1 + 4 * 4);
    await openGate(mark);
    const told = await toldOf("sessions", mark, 1 + 5 * 4);
    for (const name of names) {
      const own = told.filter(({ metadata }) => metadata["sessionId"] === name);
      const order = own.map(({ received }) => (received as { n: number }).n);
      expect(order).toEqual(name === names[0] ? [0, 1, 2, 3, 4] : [1, 2, 3, 4]);
    }
  });

  test("more than may be held at once all get their turn", async () => {
    const mark = randomUUID();
    const sender = bench.client.createSender("talks");
    await sender.sendMessages(Array.from({ length: 50 }, (_, n) => talk(`${mark}-${n}`, { mark, n })));
    await sender.close();
    const told = await toldOf("sessions", mark, 50);
    expect(new Set(told.map(({ metadata }) => metadata["sessionId"])).size).toBe(50);
  });

  test("a poison message ends in the dead-letter queue; the others come once, in order", async () => {
    const mark = randomUUID();
    await bench.send("talks", ...[0, 1, 2, 3].map((n) => talk(mark, { mark, n, fail: n === 1 })));
    const told = await toldOf("sessions", mark, 6);
    expect(told.map(({ received }) => (received as { n: number }).n)).toEqual([0, 1, 1, 1, 2, 3]);
    const dead = await bench.deadLetter("talks");
    expect([dead?.body, dead?.deadLetterReason]).toEqual([{ mark, n: 1, fail: true }, "MaxDeliveryCountExceeded"]);
  });

  test("a failure that passes is made up for, in order", async () => {
    const mark = randomUUID();
    await bench.send("talks", talk(mark, { mark, n: 0, failUntil: 3 }), talk(mark, { mark, n: 1 }));
    const told = await toldOf("sessions", mark, 4);
    expect(told.map(({ received }) => (received as { n: number }).n)).toEqual([0, 0, 0, 1]);
  });

  test("in batches are served one session after the other", async () => {
    const mark = randomUUID();
    await bench.send("batched-talks", talk(`${mark}-a`, { mark, wait: mark }));
    await toldOf("sessionBatch", mark);
    await bench.send("batched-talks", talk(`${mark}-b`, { mark, n: 1 }), talk(`${mark}-a`, { mark, n: 2 }));
    await openGate(mark);
    const told = await toldOf("sessionBatch", mark, 3);
    expect(told.map(({ metadata }) => (metadata["sessionIdArray"] as string[])[0]?.slice(-1))).toEqual(["a", "a", "b"]);
    expect(Math.max(...told.map(({ running }) => running))).toBe(1);
  });
});
