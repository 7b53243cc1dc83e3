/** Lengths of time as people and protocols write them, in milliseconds. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;

const ISO = /^P(?:(?<w>\d+)W)?(?:(?<d>\d+)D)?(?:T(?:(?<h>\d+)H)?(?:(?<m>\d+)M)?(?:(?<s>\d+(?:[.,]\d+)?)S)?)?$/;
const SHORT = /^(?<count>\d+(?:\.\d+)?)(?<unit>ms|s|m|h|d|w)$/;
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: SECOND, m: MINUTE, h: HOUR, d: DAY, w: WEEK };

/**
 * Reads an ISO 8601 duration such as `PT24H` or `P1DT30M`; undefined when it is none. Years and months are refused, for they have
 * no fixed length; so is a sign.
 */
export function parseIsoDuration(text: string): number | undefined {
  const groups = ISO.exec(text)?.groups;
  if (groups === undefined || !/\d[WDHMS]$/.test(text)) return undefined;
  const part = (name: string): number => Number((groups[name] ?? "0").replace(",", "."));
  return Math.round(part("w") * WEEK + part("d") * DAY + part("h") * HOUR + part("m") * MINUTE + part("s") * SECOND);
}

/** Reads what a person types: `24h`, `+24h`, `1.5d`, `90m`, or an ISO 8601 duration; undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  const unsigned = text.replace(/^\+/, "");
  const groups = SHORT.exec(unsigned.toLowerCase())?.groups;
  if (groups === undefined) return parseIsoDuration(unsigned.toUpperCase());
  return Math.round(Number(groups["count"]) * (UNITS[groups["unit"] ?? ""] ?? NaN));
}

/** `+1 d 2 h`, `-30 min`, `0 s`: the two largest units that matter. */
export function formatOffset(ms: number): string {
  const parts: string[] = [];
  let rest = Math.abs(ms);
  for (const [unit, length] of [
    ["d", DAY],
    ["h", HOUR],
    ["min", MINUTE],
    ["s", SECOND],
  ] as const) {
    // A day is best known as 24 h; days begin where hours stop being readable.
    if (unit === "d" && rest < 2 * DAY) continue;
    const count = Math.floor(rest / length);
    if (count > 0 && parts.length < 2) parts.push(`${count} ${unit}`);
    rest -= count * length;
  }
  return parts.length === 0 ? "0 s" : `${ms < 0 ? "-" : "+"}${parts.join(" ")}`;
}
