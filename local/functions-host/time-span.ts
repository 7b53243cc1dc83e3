/** .NET's `TimeSpan` as text, in milliseconds. */

const TIME_SPAN =
  /^(?<sign>-)?(?:(?<days>\d+)\.)?(?<hours>\d{1,2}):(?<minutes>\d{1,2})(?::(?<seconds>\d{1,2})(?:\.(?<fraction>\d{1,7}))?)?$/;
const DAYS = /^(?<sign>-)?(?<days>\d+)$/;

/**
 * Reads `[-][d.]hh:mm[:ss[.fffffff]]` or whole days; undefined when it is none.
 * See https://learn.microsoft.com/dotnet/api/system.timespan.parse.
 */
export function parseTimeSpan(text: string): number | undefined {
  const groups = (TIME_SPAN.exec(text.trim()) ?? DAYS.exec(text.trim()))?.groups;
  if (groups === undefined) return undefined;
  const part = (name: string): number => Number(groups[name] ?? 0);
  if (part("hours") > 23 || part("minutes") > 59 || part("seconds") > 59) return undefined;
  const seconds = ((part("days") * 24 + part("hours")) * 60 + part("minutes")) * 60 + part("seconds");
  const ms = seconds * 1000 + Number(`0.${groups["fraction"] ?? 0}`) * 1000;
  return groups["sign"] === "-" ? -ms : ms;
}
