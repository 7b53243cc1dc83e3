/**
 * How much a user or an address may do, over all hosts together: ADR 7. The truth is a shared token bucket; each process takes
 * a few tokens at a time, so that most requests cost no call.
 */
import { levelOf, take, type Bucket, type Limit } from "../domain/token-bucket.js";
import { DayflyError, isTransient } from "../errors.js";
import type { Metrics } from "../metrics.js";
import type { Clock, Versioned } from "../ports.js";

export const LIMITS = {
  /** Everything that is not a GET, per user. */
  writes: { capacity: 600, perSecond: 10, whenUnavailable: "allow" },
  /** The bytes of their bodies. */
  bytes: { capacity: 5_000_000, perSecond: 100_000, whenUnavailable: "allow" },
  /** The same per address, behind which there may be many users. */
  address: { capacity: 3_000, perSecond: 100, whenUnavailable: "allow" },
  /** Asking others to keep something. */
  consents: { capacity: 120, perSecond: 1, whenUnavailable: "refuse" },
  /** Opening files. */
  views: { capacity: 120, perSecond: 2, whenUnavailable: "refuse" },
  /** Reporting messages. */
  reports: { capacity: 20, perSecond: 1 / 60, whenUnavailable: "refuse" },
} as const satisfies Readonly<Record<string, Limit & { readonly whenUnavailable: "allow" | "refuse" }>>;

export type LimitName = keyof typeof LIMITS;

/** The buckets that all hosts share. */
export interface Buckets {
  get(key: string): Promise<Versioned<Bucket> | undefined>;
  /** False when it has changed since it was read, or is there already. */
  save(key: string, bucket: Bucket, known: Versioned<Bucket> | undefined): Promise<boolean>;
}

/** What is left after a request, for the header `RateLimit`. */
export interface Allowance {
  readonly name: LimitName;
  readonly capacity: number;
  readonly remaining: number;
  /** Seconds until it is full again. */
  readonly resetS: number;
  readonly windowS: number;
}

export interface RateLimiter {
  /** Takes `cost` from the limit of whoever `key` is. @throws rate-limited; dependency-unavailable where nobody is let through unseen */
  admit(name: LimitName, key: string, cost: number): Promise<Allowance>;
}

/** What a process has taken and not used yet; after this long it is the process's no more. */
const HOLD_MS = 10_000;
/** A part of the bucket: at most so much is out of sight in each process. */
const PORTION = 1 / 20;
const TRIES = 8;
const REMEMBERED = 10_000;

interface Held {
  tokens: number;
  until: number;
  /** What was left in the shared bucket, and when. */
  shared: Bucket;
  /** Nothing is to be had before: not even asked for. */
  emptyUntil: number;
}

/** @param factor multiplies every limit */
export function rateLimiter(
  { buckets, clock, metrics }: { readonly buckets: Buckets; readonly clock: Clock; readonly metrics: Metrics },
  factor: number,
): RateLimiter {
  const held = new Map<string, Held>();
  const asking = new Map<string, Promise<void>>();
  /** What the requests that wait for an answer need together. */
  const wanted = new Map<string, number>();

  /** What is left of what this process took before. */
  function leftOf(key: string, now: number): Pick<Held, "tokens" | "until"> {
    const mine = held.get(key);
    return mine !== undefined && now < mine.until ? mine : { tokens: 0, until: now };
  }

  /**
   * Takes for everyone who waits at once: otherwise a crowd behind a small bucket asks for one token after the other.
   * @throws rate-limited when hosts fight for this bucket: that is use, and no reason to let anybody pass unseen
   */
  async function refill(name: LimitName, key: string, limit: Limit, cost: number): Promise<void> {
    for (let tries = TRIES; tries > 0; tries--) {
      const known = await buckets.get(key);
      const now = clock.now();
      const portion = Math.floor(limit.capacity * PORTION);
      const amounts = { least: cost, most: Math.max(cost, portion, wanted.get(key) ?? 0) };
      const taking = take(known, limit, amounts, now);
      if (taking.kind === "short") {
        const shared = known ?? { tokens: 0, at: now };
        remember(key, { ...leftOf(key, now), shared, emptyUntil: now + taking.waitMs });
        return;
      }
      if (!(await buckets.save(key, taking.bucket, known))) continue;
      const tokens = leftOf(key, now).tokens + taking.amount;
      remember(key, { tokens, until: now + HOLD_MS, shared: taking.bucket, emptyUntil: 0 });
      return;
    }
    throw limited(name, 0);
  }

  function remember(key: string, now: Held): void {
    held.delete(key);
    held.set(key, now);
    const [oldest] = held.keys();
    if (held.size > REMEMBERED && oldest !== undefined) held.delete(oldest);
  }

  /** One question for a bucket at a time in this process. */
  async function ask(name: LimitName, key: string, limit: Limit, cost: number): Promise<void> {
    const running = asking.get(key);
    if (running !== undefined) return running;
    const question = refill(name, key, limit, cost).finally(() => asking.delete(key));
    asking.set(key, question);
    return question;
  }

  async function askedFor(name: LimitName, key: string, limit: Limit, cost: number): Promise<void> {
    wanted.set(key, (wanted.get(key) ?? 0) + cost);
    try {
      await ask(name, key, limit, cost);
    } finally {
      const others = (wanted.get(key) ?? 0) - cost;
      if (others > 0) wanted.set(key, others);
      else wanted.delete(key);
    }
  }

  return {
    admit: async (name, who, costs) => {
      const { whenUnavailable, ...base } = LIMITS[name];
      const limit: Limit = { capacity: base.capacity * factor, perSecond: base.perSecond * factor };
      const key = `${name}|${who}`;
      const cost = Math.min(costs, limit.capacity);
      for (let asked = 0; asked <= TRIES; asked++) {
        const now = clock.now();
        const mine = held.get(key);
        if (mine !== undefined && now < mine.until && mine.tokens >= cost) {
          mine.tokens -= cost;
          return allowance(name, limit, levelOf(mine.shared, limit, now) + mine.tokens);
        }
        if (mine !== undefined && now < mine.emptyUntil) {
          metrics.count("dayfly_rate_limited_total", 1, name);
          throw limited(name, mine.emptyUntil - now);
        }
        try {
          await askedFor(name, key, limit, cost);
        } catch (error) {
          if (!isTransient(error) || whenUnavailable === "refuse") throw error;
          return allowance(name, limit, 0);
        }
      }
      throw limited(name, 0);
    },
  };
}

function allowance(name: LimitName, limit: Limit, level: number): Allowance {
  const remaining = Math.max(0, Math.min(limit.capacity, level));
  return {
    name,
    capacity: Math.floor(limit.capacity),
    remaining: Math.floor(remaining),
    resetS: Math.ceil((limit.capacity - remaining) / limit.perSecond),
    windowS: Math.ceil(limit.capacity / limit.perSecond),
  };
}

const limited = (name: LimitName, waitMs: number): DayflyError =>
  new DayflyError("rate-limited", {
    detail: `The limit '${name}' is used up.`,
    retryAfterS: Math.max(1, Math.ceil(waitMs / 1000)),
  });
