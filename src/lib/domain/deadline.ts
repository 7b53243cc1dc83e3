/** When things must happen: texts expire in buckets of one minute and conversation, so that a busy minute costs one deadline. */

const MINUTE_MS = 60_000;

/** A text due within this time of its bucket's firing is named in the deadline as well: the bucket may have fired already. */
const LATE_MS = 2 * MINUTE_MS;

/** The minute in which `expiresAt` lies, as sortable digits of UTC: `202611240831`. */
export function minuteOf(time: Date): string {
  return time.toISOString().slice(0, 16).replace(/[-T:]/g, "");
}

/** The moment at which the bucket of `minute` fires: when the minute is over, so that everything in it is due. */
export const bucketFiresAt = (minute: string): Date => new Date(startOf(minute).getTime() + MINUTE_MS);

/** The moment at which a minute begins, from its digits. */
export function startOf(minute: string): Date {
  const [, year, month, day, hour, min] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(minute) ?? [];
  if (min === undefined) throw new RangeError(`not a minute: ${minute}`);
  return new Date(Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(min)));
}

/** Whether a text that is written now may have missed the bucket it belongs to. */
export const mayMissBucket = (expiresAt: Date, now: number): boolean => expiresAt.getTime() - now <= LATE_MS;
