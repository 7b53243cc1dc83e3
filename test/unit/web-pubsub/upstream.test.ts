import { afterEach, expect, jest, test } from "@jest/globals";
import { ManualClock } from "../../../local/clock/clock.js";
import type { Connection } from "../../../local/web-pubsub/realtime/connection.js";
import { AbuseProtection } from "../../../local/web-pubsub/upstream/abuse-protection.js";
import { Upstream } from "../../../local/web-pubsub/upstream/upstream.js";

const fetched = jest.spyOn(globalThis, "fetch");
const timeout = jest.spyOn(AbortSignal, "timeout");
afterEach(() => {
  fetched.mockReset();
  timeout.mockReset();
});

const connection = {
  ...{ id: "c", userId: "ana", nextEventId: () => 1 },
  handshake: { hub: "chat", claims: {}, query: {}, headers: {} },
} as unknown as Connection;
const socket = { id: "s", namespace: "/" };

test("a handler that does not answer is waited for 30 s; then an event ends its connection, and a connect is refused", async () => {
  const waits = new Map<number, AbortController[]>();
  timeout.mockImplementation((ms) => {
    const controller = new AbortController();
    waits.set(ms, [...(waits.get(ms) ?? []), controller]);
    return controller.signal;
  });
  // Says that it wants events, and answers none.
  fetched.mockImplementation((_, init) => {
    if (init?.method === "OPTIONS") {
      return Promise.resolve(new Response("", { headers: { "webhook-allowed-origin": "*" } }));
    }
    return new Promise((_resolve, reject) => {
      init?.signal?.addEventListener("abort", () => {
        reject(new Error("timed out"));
      });
      waits.get(30_000)?.at(-1)?.abort();
    });
  });
  const clock = new ManualClock();
  const lines: string[] = [];
  const log = (line: string): void => void lines.push(line);
  const upstream = new Upstream({
    ...{ hub: "chat", keys: { primary: "k" }, origin: "here:1", clock, log },
    handlers: [
      { urlTemplate: "http://handler.example/?code=secret", userEventPattern: "*", systemEvents: ["connect"] },
    ],
    protection: new AbuseProtection("here:1", clock, log),
  });
  expect(await upstream.user("hi", connection, socket, '42["hi"]')).toMatchObject({ accepted: false });
  expect(await upstream.connect(connection, socket)).toBe(false);
  expect([...waits].map(([ms, all]) => [ms, all.length])).toEqual([
    [10_000, 1],
    [30_000, 2],
  ]);
  expect(lines).toEqual(Array(2).fill("The event handler http://handler.example/ did not answer: timed out."));
});
