/** `npm run bench`: everything that is measured, side by side in one run. Names of benches run those alone. */
import { cpus } from "node:os";
import { measureColdLoad } from "./cold-load.js";
import { measureFanOut } from "./fan-out.js";
import { measureFiles } from "./files.js";
import { measureLatency } from "./latency.js";
import { measureLifetimes } from "./lifetimes.js";
import { measureLoadHeld } from "./load-held.js";
import { measureQuietConversations } from "./quiet-conversations.js";
import { measurePurge } from "./purge.js";
import { ms, printTable, type Result } from "./numbers.js";
import { serviceBusBenches } from "./service-bus/service-bus.js";
import { startBenchStack, type BenchStack } from "./stack.js";
import { measureSustained } from "./sustained.js";

const onStack: Readonly<Record<string, (stack: BenchStack) => Promise<readonly Result[]>>> = {
  latency: measureLatency,
  "quiet-conversations": measureQuietConversations,
  sustained: measureSustained,
  "load-held": measureLoadHeld,
  purge: measurePurge,
  files: measureFiles,
};

const chosen = process.argv.slice(2);
const isChosen = (name: string): boolean => chosen.length === 0 || chosen.includes(name);

console.log(`node ${process.version}, ${String(cpus().length)} × ${cpus()[0]?.model ?? "unknown CPU"}\n`);
if (isChosen("fan-out")) {
  const { sockets, plain, standIn, ratio } = await measureFanOut();
  const measured = { value: ms(standIn.p50Ms), beside: `io.to(room).emit ${ms(plain.p50Ms)}: ${ratio.toFixed(2)} ×` };
  printTable("fan-out", [{ what: `one event to ${String(sockets)} sockets, p50`, ...measured, goal: "≤ 1.05 ×" }]);
}
if (isChosen("cold-load")) printTable("Cold load", await measureColdLoad());
if (isChosen("lifetimes")) {
  const counted = await startBenchStack({ countCalls: true });
  try {
    printTable("lifetimes", await measureLifetimes(counted));
  } finally {
    await counted.stop();
  }
}
for (const [name, measure] of Object.entries(serviceBusBenches))
  if (isChosen(name) || chosen.includes("service-bus")) printTable(name, await measure());
if (!["start", ...Object.keys(onStack)].some(isChosen)) process.exit();
const stack = await startBenchStack();
try {
  if (isChosen("start")) {
    printTable("Start", [
      { what: "npm start to ready, empty folder", value: `${(stack.startMs / 1000).toFixed(2)} s`, goal: "≤ 5 s" },
    ]);
  }
  for (const [name, measure] of Object.entries(onStack)) if (isChosen(name)) printTable(name, await measure(stack));
} finally {
  await stack.stop();
}
