import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import type { ServiceBusClient, ServiceBusReceivedMessage, ServiceBusReceiver } from "@azure/service-bus";
import { Bench } from "./bench.js";

let bench: Bench;

beforeAll(async () => {
  bench = await Bench.start([
    { name: "q" },
    { name: "other" },
    { name: "talks", requiresSession: true },
    { name: "brief", lockDuration: "PT1S" },
  ]);
});

afterEach(async () => {
  await bench.ask("DELETE", "/faults");
  await bench.closeClients();
  for (const queue of ["q", "other", "talks", "brief"]) {
    await bench.ask("POST", "/faults", { queue, fault: "lose-lock", at: "now" });
    await bench.ask("DELETE", `/queues/${queue}/messages`);
  }
});

afterAll(() => bench.stop());

/** The SDK notices that an answer is lost by its time-out only, which is a minute when nothing is said. */
const impatient = (maxRetries: number): ServiceBusClient =>
  bench.client({ retryOptions: { maxRetries, retryDelayInMs: 10, timeoutInMs: 1_000 } });

const fault = async (body: object): Promise<void> => {
  expect(await bench.ask("POST", "/faults", body)).toMatchObject({ status: 201 });
};

async function receiveOne(receiver: ServiceBusReceiver): Promise<ServiceBusReceivedMessage> {
  const [message] = await receiver.receiveMessages(1, { maxWaitTimeInMs: 10_000 });
  if (message === undefined) throw new Error("No message has come.");
  return message;
}

/** Sends one message to a queue and receives it under a lock. */
async function received(
  queue = "q",
  client = bench.client(),
): Promise<{ readonly receiver: ServiceBusReceiver; readonly message: ServiceBusReceivedMessage }> {
  await client.createSender(queue).sendMessages({ body: "x" });
  const receiver = client.createReceiver(queue);
  return { receiver, message: await receiveOne(receiver) };
}

describe("throttle", () => {
  test("sends, settlements and requests fail with ServiceBusy, as often as was asked for", async () => {
    const { receiver, message } = await received();
    const sender = bench.client().createSender("q");
    await fault({ queue: "q", fault: "throttle", times: 3 });
    await expect(sender.sendMessages({ body: "x" })).rejects.toMatchObject({ code: "ServiceBusy", retryable: true });
    await expect(receiver.completeMessage(message)).rejects.toMatchObject({ code: "ServiceBusy" });
    await expect(receiver.peekMessages(1)).rejects.toMatchObject({ code: "ServiceBusy" });
    await sender.sendMessages({ body: "y" });
    expect(await bench.ask("GET", "/faults")).toMatchObject({ body: { faults: [] } });
  });

  test("the SDK's own retry gets through once it is over, and other queues are not touched", async () => {
    await fault({ queue: "q", fault: "throttle", times: 2 });
    const client = bench.client({ retryOptions: { maxRetries: 3, retryDelayInMs: 10 } });
    await client.createSender("other").sendMessages({ body: "x" });
    expect((await bench.ask("GET", "/faults")).body).toMatchObject({ faults: [{ timesLeft: 2 }] });
    await client.createSender("q").sendMessages({ body: "x" });
    expect(await bench.counts("q")).toMatchObject({ active: 1 });
  });

  test("for a time: all calls fail until it is over", async () => {
    const sender = bench.client().createSender("q");
    // Connects before the time runs: on a loaded machine that alone may take as long.
    await sender.sendMessages({ body: "x" });
    await fault({ queue: "q", fault: "throttle", forMs: 2_000 });
    const failed: unknown[] = [];
    for (;;) {
      const error = await sender.sendMessages({ body: "x" }).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (error === undefined) break;
      failed.push(error);
    }
    expect(failed.length).toBeGreaterThan(1);
    expect(failed).toEqual(failed.map(() => expect.objectContaining({ code: "ServiceBusy" })));
  });
});

describe("drop the connection", () => {
  test("before a send is stored: the retry stores it, once", async () => {
    await fault({ queue: "q", fault: "drop-connection", at: "send" });
    const client = impatient(3);
    await client.createSender("q").sendMessages({ body: "x" });
    expect(await bench.counts("q")).toMatchObject({ active: 1 });
  });

  test("after it is stored, before it is answered: the retry stores it again", async () => {
    await fault({ queue: "q", fault: "drop-connection", at: "stored" });
    const client = impatient(3);
    await client.createSender("q").sendMessages({ body: "x" });
    expect(await bench.counts("q")).toMatchObject({ active: 2 });
  });

  test("a client that does not try again is told that no answer came in time", async () => {
    await fault({ queue: "q", fault: "drop-connection", at: "send" });
    await expect(impatient(0).createSender("q").sendMessages({ body: "x" })).rejects.toMatchObject({
      code: "ServiceTimeout",
    });
  });

  test("on delivery: the message stays locked, and comes again with a count when the lock ends", async () => {
    await bench.client().createSender("brief").sendMessages({ body: "x" });
    await fault({ queue: "brief", fault: "drop-connection", at: "deliver" });
    const client = impatient(3);
    const got = await new Promise<ServiceBusReceivedMessage>((resolve) => {
      client.createReceiver("brief").subscribe({
        processMessage: (message) => {
          resolve(message);
          return Promise.resolve();
        },
        processError: () => Promise.resolve(),
      });
    });
    expect(got.deliveryCount).toBe(1);
  });

  test("before a settlement: it does not count. After it: it does", async () => {
    const first = await received("q", impatient(0));
    await fault({ queue: "q", fault: "drop-connection", at: "settle" });
    await expect(first.receiver.completeMessage(first.message)).rejects.toThrow();
    expect(await bench.counts("q")).toMatchObject({ active: 1, locked: 1 });

    const second = await received("other", impatient(0));
    await fault({ queue: "other", fault: "drop-connection", at: "settled" });
    await expect(second.receiver.completeMessage(second.message)).rejects.toThrow();
    expect(await bench.counts("other")).toMatchObject({ active: 0 });
  });

  test("now: every connection with a link to the queue, and no other", async () => {
    const sender = bench.client().createSender("q");
    await sender.sendMessages({ body: "x" });
    const other = bench.client().createSender("other");
    await other.sendMessages({ body: "x" });
    expect(await bench.ask("POST", "/faults", { queue: "q", fault: "drop-connection" })).toMatchObject({
      status: 200,
      body: { connections: 1 },
    });
    await other.sendMessages({ body: "x" });
    expect(await bench.ask("POST", "/faults", { queue: "q", fault: "drop-connection" })).toMatchObject({
      body: { connections: 0 },
    });
  });
});

describe("lose a lock", () => {
  test("on settlement: MessageLockLost, and the message comes again with a count", async () => {
    const { receiver, message } = await received();
    await fault({ queue: "q", fault: "lose-lock" });
    await expect(receiver.completeMessage(message)).rejects.toMatchObject({ code: "MessageLockLost" });
    const again = await receiveOne(receiver);
    expect(again.deliveryCount).toBe(1);
    await receiver.completeMessage(again);
  });

  test("now: the message is free at once", async () => {
    const { receiver, message } = await received();
    expect(await bench.ask("POST", "/faults", { queue: "q", fault: "lose-lock", at: "now" })).toMatchObject({
      status: 200,
      body: { locks: 1 },
    });
    await expect(receiver.completeMessage(message)).rejects.toMatchObject({ code: "MessageLockLost" });
    expect((await receiveOne(receiver)).deliveryCount).toBe(1);
  });

  test("of a session: SessionLockLost, and somebody else can have it", async () => {
    const client = bench.client();
    await client.createSender("talks").sendMessages({ body: "x", sessionId: "s" });
    const receiver = await client.acceptSession("talks", "s");
    const [message] = await receiver.receiveMessages(1, { maxWaitTimeInMs: 10_000 });
    if (message === undefined) throw new Error("No message has come.");
    await fault({ queue: "talks", fault: "lose-lock" });
    await expect(receiver.completeMessage(message)).rejects.toMatchObject({ code: "SessionLockLost" });
    const next = await bench.client().acceptSession("talks", "s");
    const [again] = await next.receiveMessages(1, { maxWaitTimeInMs: 10_000 });
    expect(again?.deliveryCount).toBe(1);
  });
});

describe("deliver twice", () => {
  test("the next messages lose their first settlement each, and come again; the one after them does not", async () => {
    const client = bench.client();
    await client.createSender("q").sendMessages(["a", "b", "c"].map((body) => ({ body })));
    await fault({ queue: "q", fault: "deliver-twice", times: 2 });
    const receiver = client.createReceiver("q");
    const seen: unknown[] = [];
    for (let n = 0; n < 5; n++) {
      const message = await receiveOne(receiver);
      const outcome = await receiver.completeMessage(message).then(
        () => "completed",
        (error: unknown) => (error as { code?: string }).code,
      );
      seen.push([message.body, message.deliveryCount, outcome]);
    }
    // Each comes back before the next one: it keeps its place.
    expect(seen).toEqual([
      ["a", 0, "MessageLockLost"],
      ["a", 1, "completed"],
      ["b", 0, "MessageLockLost"],
      ["b", 1, "completed"],
      ["c", 0, "completed"],
    ]);
    expect(await bench.ask("GET", "/faults")).toMatchObject({ body: { faults: [] } });
    expect(await bench.counts("q")).toMatchObject({ active: 0, deadLetter: 0 });
  });

  test("a message that comes again is not made to come a third time, though times are left", async () => {
    await fault({ queue: "q", fault: "deliver-twice", forMs: 60_000 });
    const { receiver, message } = await received();
    await expect(receiver.completeMessage(message)).rejects.toMatchObject({ code: "MessageLockLost" });
    await receiver.completeMessage(await receiveOne(receiver));
    expect(await bench.counts("q")).toMatchObject({ active: 0 });
  });

  test("in a session its lock is lost as a whole; what else was locked in it has not had its share yet", async () => {
    const client = bench.client();
    await client.createSender("talks").sendMessages(["a", "b"].map((body) => ({ body, sessionId: "s" })));
    await fault({ queue: "talks", fault: "deliver-twice", times: 2 });
    const counts: unknown[] = [];
    for (let n = 0; n < 6; n++) {
      const receiver = await client.acceptSession("talks", "s");
      for (const message of await receiver.receiveMessages(2, { maxWaitTimeInMs: 10_000 })) {
        const outcome = await receiver.completeMessage(message).then(
          () => "completed",
          (error: unknown) => (error as { code?: string }).code,
        );
        counts.push([message.body, outcome]);
        // The SDK would wait for a minute to hear of another settlement on a link that is just ending.
        if (outcome !== "completed") break;
      }
      await receiver.close();
      if ((await bench.counts("talks"))["active"] === 0) break;
    }
    expect(counts.filter((each) => (each as string[])[1] === "completed")).toEqual([
      ["a", "completed"],
      ["b", "completed"],
    ]);
    expect(await bench.ask("GET", "/faults")).toMatchObject({ body: { faults: [] } });
  });
});

describe("settlements", () => {
  test.each([
    ["internal-error", "GeneralError"],
    ["message-lock-lost", "MessageLockLost"],
    ["server-busy", "ServiceBusy"],
    ["timeout", "ServiceTimeout"],
  ])("refused with %s: %s, and the lock is held", async (error, code) => {
    const { receiver, message } = await received();
    await fault({ queue: "q", fault: "refuse-settlement", error });
    await expect(receiver.completeMessage(message)).rejects.toMatchObject({ code });
    expect(await bench.counts("q")).toMatchObject({ active: 1, locked: 1 });
  });

  test("delayed: it counts as late as it is done", async () => {
    const { receiver, message } = await received();
    await fault({ queue: "q", fault: "delay-settlement", delayMs: 300 });
    const start = performance.now();
    await receiver.completeMessage(message);
    expect(performance.now() - start).toBeGreaterThan(290);
  });

  test("delayed beyond the lock: MessageLockLost", async () => {
    const { receiver, message } = await received("brief");
    await fault({ queue: "brief", fault: "delay-settlement", delayMs: 1_200 });
    await expect(receiver.completeMessage(message)).rejects.toMatchObject({ code: "MessageLockLost" });
  });
});

describe("slow", () => {
  test("what was asked is done at once and answered late", async () => {
    await fault({ queue: "q", fault: "slow", delayMs: 2_000 });
    let answered = false;
    const sent = bench
      .client()
      .createSender("q")
      .sendMessages({ body: "x" })
      .then(() => (answered = true));
    const reader = bench.client().createReceiver("q");
    await receiveOne(reader);
    expect(answered).toBe(false);
    await sent;
  });

  test("requests as well", async () => {
    const receiver = bench.client().createReceiver("q");
    await fault({ queue: "q", fault: "slow", delayMs: 300 });
    const start = performance.now();
    await receiver.peekMessages(1);
    expect(performance.now() - start).toBeGreaterThan(290);
  });
});

describe("/faults", () => {
  test("lists, removes one, clears a queue's", async () => {
    await fault({ queue: "q", fault: "throttle", forMs: 60_000 });
    await fault({ queue: "q", fault: "slow", delayMs: 5, times: 7 });
    await fault({ queue: "other", fault: "lose-lock" });
    const { faults } = (await bench.ask<{ faults: { id: string }[] }>("GET", "/faults")).body;
    expect(faults).toMatchObject([
      { queue: "q", fault: "throttle", leftMs: expect.any(Number) },
      { queue: "q", fault: "slow", delayMs: 5, timesLeft: 7 },
      { queue: "other", fault: "lose-lock", timesLeft: 1 },
    ]);
    expect(await bench.ask("DELETE", `/faults/${faults[0]?.id ?? ""}`)).toMatchObject({ status: 204 });
    expect(await bench.ask("DELETE", `/faults/${faults[0]?.id ?? ""}`)).toMatchObject({ status: 404 });
    expect(await bench.ask("DELETE", "/faults?queue=q")).toMatchObject({ body: { cleared: 1 } });
    expect(await bench.ask("DELETE", "/faults")).toMatchObject({ body: { cleared: 1 } });
  });

  test.each([
    [{ queue: "q", fault: "unheard-of" }, 400],
    [{ queue: "q", fault: "slow" }, 400],
    [{ queue: "q", fault: "throttle", times: 0 }, 400],
    [{ queue: "q", fault: "throttle", delayMs: 5 }, 400],
    [{ queue: "nowhere", fault: "throttle" }, 404],
    ["throttle", 400],
  ])("%j is refused with %d", async (body, status) => {
    expect(await bench.ask("POST", "/faults", body)).toMatchObject({ status, body: { status } });
  });

  test("what happened is counted and logged", async () => {
    await fault({ queue: "q", fault: "throttle" });
    await expect(bench.client().createSender("q").sendMessages({ body: "x" })).rejects.toThrow();
    const page = (await bench.ask<string>("GET", "/metrics")).body;
    expect(page).toMatch(/servicebus_faults_total\{queue="q",fault="throttle"\} [1-9]/);
    expect(bench.log.map((line) => JSON.parse(line) as object)).toContainEqual(
      expect.objectContaining({ level: "warn", queue: "q", fault: "throttle", moment: "send" }),
    );
  });
});
