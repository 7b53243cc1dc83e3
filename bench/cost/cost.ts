/** `npm run cost -- --messages 1e6 --members 2 --pattern sparse`: a month's bill. `--measure` counts the operations anew. */
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { measureOperations, type Operations } from "./measure.js";
import { monthlyBill, type Prices } from "./month.js";

const FOLDER = path.resolve(import.meta.dirname, "..", "..", "..", "bench", "cost");
const json = async <T>(name: string): Promise<T> => JSON.parse(await readFile(path.join(FOLDER, name), "utf8")) as T;

const { values } = parseArgs({
  options: {
    messages: { type: "string", default: "1e6" },
    members: { type: "string", default: "2" },
    pattern: { type: "string", default: "sparse" },
    memory: { type: "string", default: "512" },
    measure: { type: "boolean", default: false },
  },
});
const { pattern } = values;
const [messages, members, memoryMb] = [values.messages, values.members, values.memory].map(Number) as [
  number,
  number,
  number,
];
if ((pattern !== "sparse" && pattern !== "busy") || ![messages, members, memoryMb].every((each) => each > 0)) {
  console.error(
    "npm run cost -- --messages 1e6 --members 2 --pattern busy|sparse [--memory 512|2048|4096] [--measure]",
  );
  process.exit(1);
}
if (values.measure) {
  const file = path.join(FOLDER, "operations.json");
  await writeFile(file, `${JSON.stringify(await measureOperations(), null, 2)}\n`);
}
const operations = await json<Operations>("operations.json");
const prices = await json<Prices>("prices.json");
const lines = monthlyBill({ messages, members, pattern, memoryMb }, operations, prices);
const total = lines.reduce((sum, { usd }) => sum + usd, 0);

console.log(
  `${messages.toLocaleString("en")} texts a month, ${String(members)} members, ${pattern}, ${String(memoryMb)} MB`,
);
console.log(`Operations counted ${operations.measuredAt}; list prices of ${prices.asOf}, USD.\n`);
for (const { meter, amount, usd } of [...lines, { meter: "Total", amount: "", usd: total }])
  console.log(`  ${meter.padEnd(26)} ${amount.padStart(22)} ${usd.toFixed(2).padStart(10)}`);
console.log(
  `\nBeside it: ${prices.virtualMachine.name}, always on: ${prices.virtualMachine.month.toFixed(2)} a month.`,
);
