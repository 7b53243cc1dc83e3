import { get } from "node:http";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { Bench } from "./bench.js";

let bench: Bench;

beforeAll(async () => {
  bench = await Bench.start([
    { name: "life", maxDeliveryCount: 2, requiresDuplicateDetection: true },
    { name: "other" },
    { name: "again" },
    { name: "talks", requiresSession: true },
  ]);
});

afterAll(() => bench.stop());

interface Seen {
  readonly id: string;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Reads the stream as an `EventSource` does. */
class Stream {
  readonly all: Seen[] = [];
  text = "";
  readonly #waiting = new Set<() => void>();
  #close = (): void => undefined;

  static open(query = "", lastEventId?: string): Promise<Stream> {
    const stream = new Stream();
    const headers = lastEventId === undefined ? {} : { "last-event-id": lastEventId };
    const asked = get(`${bench.management}/events${query}`, { headers }, (response) => {
      response.setEncoding("utf8");
      let rest = "";
      response.on("data", (chunk: string) => {
        stream.text += chunk;
        const blocks = (rest + chunk).split("\n\n");
        rest = blocks.pop() ?? "";
        for (const block of blocks) stream.#add(block);
      });
      response.on("error", () => undefined);
    });
    asked.on("error", () => undefined);
    stream.#close = () => asked.destroy();
    return stream.until((seen) => seen.some(({ event }) => event === "ready" || event === "gap")).then(() => stream);
  }

  until(isTrue: (seen: readonly Seen[]) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (!isTrue(this.all)) return;
        this.#waiting.delete(check);
        resolve();
      };
      this.#waiting.add(check);
      check();
    });
  }

  close(): void {
    this.#close();
  }

  get events(): string[] {
    return this.all.map(({ event }) => event);
  }

  #add(block: string): void {
    const fields = Object.fromEntries(
      block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
    ) as Partial<Record<string, string>>;
    if (fields["data"] === undefined) return;
    const data = JSON.parse(fields["data"]) as Seen["data"];
    this.all.push({ id: fields["id"] ?? "", event: fields["event"] ?? "", data });
    for (const check of [...this.#waiting]) check();
  }
}

test("a message's life, in its order, and never its body", async () => {
  const stream = await Stream.open("?queue=life");
  const client = bench.client();
  const sender = client.createSender("life");
  const receiver = client.createReceiver("life");
  await client.createSender("other").sendMessages({ body: "not asked for" });
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
  const applicationProperties = { traceparent: `00-${traceId}-00f067aa0ba902b7-01`, other: "top secret" };
  await sender.sendMessages({ body: "top secret", messageId: "m", timeToLive: 3_600_000, applicationProperties });
  await sender.sendMessages({ body: "top secret", messageId: "m" });
  for (let n = 0; n < 2; n++) {
    const [message] = await receiver.receiveMessages(1, { maxWaitTimeInMs: 10_000 });
    if (message === undefined) throw new Error("No message has come.");
    await receiver.abandonMessage(message);
  }
  await stream.until((seen) => seen.some(({ event }) => event === "dead-lettered"));
  stream.close();
  expect(stream.events).toEqual([
    "ready",
    "accepted",
    "duplicate-dropped",
    "delivered",
    "abandoned",
    "delivered",
    "abandoned",
    "dead-lettered",
  ]);
  const accepted = stream.all[1]?.data ?? {};
  expect(accepted).toMatchObject({ messageId: "m", traceId });
  // It counts from when the message was stored, and that is a little before anybody is told.
  const left = Date.parse(String(accepted["expiresAt"])) - Date.parse(String(accepted["at"]));
  expect([left > 3_000_000, left <= 3_600_000]).toEqual([true, true]);
  expect(stream.all.at(-1)?.data).toMatchObject({
    queue: "life",
    messageId: "m",
    sequenceNumber: 1,
    deliveryCount: 2,
    reason: "MaxDeliveryCountExceeded",
  });
  expect(stream.text).not.toContain("secret");
});

test("sessions, schedules and completion", async () => {
  const stream = await Stream.open("?queue=talks");
  const client = bench.client();
  const sender = client.createSender("talks");
  await sender.scheduleMessages({ body: "x", sessionId: "s" }, new Date(Date.now() + 200));
  const session = await client.acceptNextSession("talks");
  const [message] = await session.receiveMessages(1, { maxWaitTimeInMs: 10_000 });
  if (message === undefined) throw new Error("No message has come.");
  await session.completeMessage(message);
  await session.close();
  await stream.until((seen) => seen.some(({ event }) => event === "session-released"));
  stream.close();
  expect(stream.events.filter((event) => event !== "ready")).toEqual([
    "scheduled",
    "activated",
    "session-accepted",
    "delivered",
    "completed",
    "session-released",
  ]);
  expect(stream.all[2]?.data).toMatchObject({ formerSequenceNumber: 1, sequenceNumber: 2 });
});

test("whoever comes back with the last id gets what he has missed, once", async () => {
  const first = await Stream.open("?queue=again");
  const sender = bench.client().createSender("again");
  await sender.sendMessages({ body: 1 });
  await first.until((seen) => seen.some(({ event }) => event === "accepted"));
  first.close();
  await sender.sendMessages([{ body: 2 }, { body: 3 }]);
  const second = await Stream.open("?queue=again", first.all.at(-1)?.id);
  await sender.sendMessages({ body: 4 });
  await second.until((seen) => seen.filter(({ event }) => event === "accepted").length === 3);
  second.close();
  const numbers = second.all.filter(({ event }) => event === "accepted").map(({ data }) => data["sequenceNumber"]);
  expect(numbers).toEqual([2, 3, 4]);
});

test("an id that is not known is answered with a gap", async () => {
  const stream = await Stream.open("", "of-another-run-7");
  stream.close();
  expect(stream.events).toEqual(["gap"]);
});

test("a reader that does not read is dropped, and the broker goes on", async () => {
  const asked = get(`${bench.management}/events`);
  const ended = new Promise<void>((resolve) => {
    asked.on("response", (response) => {
      response.pause();
      response.on("close", () => {
        resolve();
      });
    });
    asked.on("close", () => {
      resolve();
    });
    asked.on("error", () => {
      resolve();
    });
  });
  await new Promise((resolve) => asked.once("response", resolve));
  const sender = bench.client().createSender("other");
  const batch = Array.from({ length: 1_000 }, (_, n) => ({ body: "x", messageId: "i".repeat(100) + String(n) }));
  const dropped = (): boolean => bench.log.some((line) => line.includes("too slow"));
  for (let n = 0; n < 100 && !dropped(); n++) await sender.sendMessages(batch);
  expect(dropped()).toBe(true);
  asked.destroy();
  await ended;
  expect(await bench.ask("GET", "/health")).toMatchObject({ status: 200 });
});

test("the metrics page counts the same things", async () => {
  const { headers, body } = await bench.ask<string>("GET", "/metrics");
  expect(headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  for (const line of [
    'servicebus_messages_sent_total{queue="life"} 1',
    'servicebus_messages_received_total{queue="life"} 2',
    'servicebus_messages_abandoned_total{queue="life"} 2',
    'servicebus_messages_dead_lettered_total{queue="life"} 1',
    'servicebus_messages_duplicate_total{queue="life"} 1',
    'servicebus_queue_messages{queue="life",state="dead_letter"} 1',
    'servicebus_links{queue="life",role="receiver"} 1',
    'servicebus_messages_completed_total{queue="talks"} 1',
  ]) {
    expect(body.split("\n")).toContain(line);
  }
  expect(body).toMatch(/^servicebus_store_bytes [1-9]\d*$/m);
  // Each family once, and every line of the form that the format allows.
  const families = [...body.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name);
  expect(new Set(families).size).toBe(families.length);
  for (const line of body.trimEnd().split("\n")) {
    expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{(\w+="(\\.|[^"\\])*",?)+\})? -?[\d.e+-]+)$/);
  }
});
