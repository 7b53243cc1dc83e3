/** How results are put into one number, and numbers into a table. */

export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((percent / 100) * sorted.length))] ?? Number.NaN;
}

export interface Result {
  readonly what: string;
  readonly value: string;
  readonly beside?: string;
  readonly goal?: string;
}

export const ms = (value: number): string => `${value.toFixed(1)} ms`;

export function printTable(title: string, results: readonly Result[]): void {
  const rows = [{ what: title, value: "measured", beside: "beside", goal: "goal" }, ...results];
  const width = (pick: (row: Result) => string): number => Math.max(...rows.map((row) => pick(row).length));
  const widths = [width((row) => row.what), width((row) => row.value), width((row) => row.beside ?? "")] as const;
  for (const { what, value, beside = "", goal = "" } of rows) {
    console.log(`  ${what.padEnd(widths[0])}  ${value.padStart(widths[1])}  ${beside.padEnd(widths[2])}  ${goal}`);
  }
  console.log();
}
