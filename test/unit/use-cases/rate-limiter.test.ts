import { expect, test } from "@jest/globals";
import type { Bucket } from "../../../src/lib/domain/token-bucket.js";
import { DayflyError, isDayflyError } from "../../../src/lib/errors.js";
import { addressOf } from "../../../src/lib/http/limits.js";
import { metrics } from "../../../src/lib/metrics.js";
import type { Clock, Versioned } from "../../../src/lib/ports.js";
import { LIMITS, rateLimiter, type Buckets, type RateLimiter } from "../../../src/lib/use-cases/rate-limiter.js";
import { seededRandom } from "../../support/random.js";

/** Storage that several processes share; `isAway` makes it fail. */
class Shared implements Buckets {
  now = Date.UTC(2026, 10, 23, 12);
  isAway = false;
  calls = 0;
  readonly #rows = new Map<string, Versioned<Bucket>>();
  readonly clock: Clock = { now: () => this.now, random: () => 0.5, wait: () => Promise.resolve() };

  process(factor = 1): RateLimiter {
    return rateLimiter({ buckets: this, clock: this.clock, metrics: metrics() }, factor);
  }

  async get(key: string): Promise<Versioned<Bucket> | undefined> {
    this.#called();
    return Promise.resolve(this.#rows.get(key));
  }

  async save(key: string, bucket: Bucket, known: Versioned<Bucket> | undefined): Promise<boolean> {
    this.#called();
    if (this.#rows.get(key)?.etag !== known?.etag) return Promise.resolve(false);
    this.#rows.set(key, { ...bucket, etag: String(this.calls) });
    return Promise.resolve(true);
  }

  #called(): void {
    this.calls += 1;
    if (this.isAway) throw new DayflyError("dependency-unavailable");
  }
}

const admitted = (limiter: RateLimiter, user = "ana"): Promise<boolean> =>
  limiter.admit("writes", user, 1).then(
    () => true,
    (error: unknown) =>
      isDayflyError(error) && error.code === "rate-limited" ? false : Promise.reject(error as Error),
  );

test("any number of processes together let no more pass than one, at random times", async () => {
  const random = seededRandom();
  const shared = new Shared();
  const processes = Array.from({ length: 4 }, () => shared.process());
  const begun = shared.now;
  let passed = 0;
  for (let n = 0; n < 4_000; n++) {
    const at = random.pick([0, 1, 2, 3]);
    const results = await Promise.all([0, 1].map((more) => admitted(processes[(at + more) % 4] ?? shared.process())));
    passed += results.filter(Boolean).length;
    shared.now += Math.floor(random.next() * 20);
    const { capacity, perSecond } = LIMITS.writes;
    expect(passed).toBeLessThanOrEqual(capacity + ((shared.now - begun) / 1000) * perSecond);
  }
  expect(passed).toBeGreaterThan(LIMITS.writes.capacity);
  // Most requests have asked nobody.
  expect(shared.calls).toBeLessThan(4_000);
});

test("a crowd at the door of two processes is counted to the last one, though a portion is a single token", async () => {
  const shared = new Shared();
  const processes = [shared.process(1 / 30), shared.process(1 / 30)];
  const crowd = Array.from({ length: 200 }, (_, n) => admitted(processes[n % 2] ?? shared.process()));
  expect((await Promise.all(crowd)).filter(Boolean)).toHaveLength(20);
  expect(shared.calls).toBeLessThan(40);
});

test("when other processes are always a step ahead, nobody passes unseen", async () => {
  const shared = new Shared();
  const limiter = shared.process();
  shared.save = () => Promise.resolve(false);
  await expect(limiter.admit("writes", "ana", 1)).rejects.toMatchObject({ code: "rate-limited", retryAfterS: 1 });
});

test("who has used it up is told when to come back, and is right to come back then", async () => {
  const shared = new Shared();
  const limiter = shared.process();
  for (let n = 0; n < LIMITS.writes.capacity; n++) expect(await admitted(limiter)).toBe(true);
  await expect(limiter.admit("writes", "ana", 1)).rejects.toMatchObject({ code: "rate-limited", retryAfterS: 1 });
  const before = shared.calls;
  for (let n = 0; n < 1_000; n++) expect(await admitted(limiter)).toBe(false);
  expect(shared.calls).toBe(before);
  expect(await admitted(limiter, "bo")).toBe(true);
  shared.now += 1_000;
  expect(await admitted(limiter)).toBe(true);
});

test("the allowance counts down, and says when it is full again", async () => {
  const limiter = new Shared().process();
  expect(await limiter.admit("writes", "ana", 1)).toMatchObject({
    capacity: 600,
    remaining: 599,
    resetS: 1,
    windowS: 60,
  });
  for (let n = 0; n < 99; n++) await limiter.admit("writes", "ana", 1);
  expect(await limiter.admit("writes", "ana", 1)).toMatchObject({ remaining: 499, resetS: 11 });
});

test("what a process took and did not use is not its own for ever", async () => {
  const shared = new Shared();
  const limiter = shared.process();
  await limiter.admit("writes", "ana", 1);
  const before = shared.calls;
  shared.now += 10_001;
  await limiter.admit("writes", "ana", 1);
  expect(shared.calls).toBeGreaterThan(before);
});

test("with storage away writes pass, and what asks others is refused", async () => {
  const shared = new Shared();
  const limiter = shared.process();
  shared.isAway = true;
  await expect(limiter.admit("writes", "ana", 1)).resolves.toMatchObject({ name: "writes" });
  await expect(limiter.admit("consents", "ana", 1)).rejects.toMatchObject({ code: "dependency-unavailable" });
});

test("a body larger than the whole bucket takes all of it, and is not kept out for ever", async () => {
  const shared = new Shared();
  const limiter = shared.process(0.001);
  await expect(limiter.admit("bytes", "ana", 1_000_000)).resolves.toMatchObject({ remaining: 0 });
  await expect(limiter.admit("bytes", "ana", 1)).rejects.toMatchObject({ code: "rate-limited" });
});

test.each([
  [null, 0, undefined],
  ["203.0.113.7:51234", 0, "203.0.113.7"],
  ["10.0.0.1, 203.0.113.7:51234", 0, "203.0.113.7"],
  ["6.6.6.6, 203.0.113.7, 10.0.0.1:80", 1, "203.0.113.7"],
  ["[2001:db8::1]:443", 0, "2001:db8::1"],
  ["2001:db8::1", 0, "2001:db8::1"],
  ["203.0.113.7", 1, undefined],
])("the address in %j behind %i proxies is %j", (header, proxies, address) => {
  expect(addressOf(header, proxies)).toBe(address);
});
