/** A token bucket: holds at most `capacity`, gains `perSecond`, and whoever wants something takes tokens out. */

export interface Limit {
  readonly capacity: number;
  readonly perSecond: number;
}

export interface Bucket {
  readonly tokens: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** What is in the bucket now; one that nobody has used yet is full. A clock that is behind takes nothing away. */
export function levelOf(bucket: Bucket | undefined, { capacity, perSecond }: Limit, now: number): number {
  if (bucket === undefined) return capacity;
  const gained = (Math.max(0, now - bucket.at) / 1000) * perSecond;
  return Math.min(capacity, bucket.tokens + gained);
}

export type Taking =
  | { readonly kind: "taken"; readonly bucket: Bucket; readonly amount: number }
  | { readonly kind: "short"; readonly waitMs: number };

/** Takes at least `least`, and up to `most` if there is so much. What is more than the bucket holds is taken when it is full. */
export function take(
  bucket: Bucket | undefined,
  limit: Limit,
  { least, most }: { readonly least: number; readonly most: number },
  now: number,
): Taking {
  const level = levelOf(bucket, limit, now);
  const needed = Math.min(least, limit.capacity);
  if (level < needed) return { kind: "short", waitMs: Math.ceil(((needed - level) / limit.perSecond) * 1000) };
  const amount = Math.max(needed, Math.floor(Math.min(most, level)));
  return { kind: "taken", bucket: { tokens: level - amount, at: Math.max(now, bucket?.at ?? 0) }, amount };
}
