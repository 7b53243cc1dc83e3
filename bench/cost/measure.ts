/** What one text needs, counted by the stand-ins in a real run: sent, delivered, heard, acknowledged, expired. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { billedOperations } from "../billed-operations.js";
import { startBenchStack, type BenchStack } from "../stack.js";

export interface Operations {
  readonly measuredAt: string;
  readonly texts: number;
  /** Service Bus operations of one text. */
  readonly serviceBus: number;
  /** Executions of one text by function, and their mean duration. */
  readonly executions: Readonly<Record<string, { readonly perText: number; readonly meanMs: number }>>;
  /** Bytes that the functions log for one text. */
  readonly logBytes: number;
}

const TEXTS = 100;
const DAY_AND_MORE_MS = (24 * 60 + 5) * 60_000;
/** Texts to one conversation share deadlines and sessions; people who write seldom do not. */
const CONVERSATIONS = 50;
const TIMERS = new Set(["sweep", "parkFailures", "cleanUp", "sweepFiles"]);

interface Executed {
  readonly event?: string;
  readonly function?: string;
  readonly durationMs?: number;
}

export async function measureOperations(): Promise<Operations> {
  const stack = await startBenchStack();
  try {
    const [ana, bo] = await Promise.all([stack.person("ana"), stack.person("bo")]);
    const conversations: string[] = [];
    for (let n = 0; n < CONVERSATIONS; n += 1) conversations.push((await ana.start(["bo"])).id);
    await bo.connect();
    await stack.idle();
    const before = await count(stack);
    for (let n = 0; n < TEXTS; n += 1) await ana.send(conversations[n % CONVERSATIONS] ?? "", `text ${String(n)}`);
    await stack.idle();
    await stack.advance(DAY_AND_MORE_MS);
    await stack.idle();
    const after = await count(stack);
    bo.close();
    return perText(before, after);
  } finally {
    await stack.stop();
  }
}

interface Count {
  readonly operations: number;
  readonly lines: readonly string[];
}

async function count(stack: BenchStack): Promise<Count> {
  const log = await readFile(path.join(stack.data, "logs", "functions.log"), "utf8");
  return { operations: await billedOperations(stack), lines: log.split("\n") };
}

function perText(before: Count, after: Count): Operations {
  const lines = after.lines.slice(before.lines.length - 1);
  const durations = new Map<string, number[]>();
  for (const line of lines) {
    const entry = executed(line);
    if (entry?.event !== "executed" || entry.function === undefined || TIMERS.has(entry.function)) continue;
    durations.set(entry.function, [...(durations.get(entry.function) ?? []), entry.durationMs ?? 0]);
  }
  const round = (value: number): number => Math.round(value * 100) / 100;
  return {
    measuredAt: new Date().toISOString().slice(0, 10),
    texts: TEXTS,
    serviceBus: round((after.operations - before.operations) / TEXTS),
    executions: Object.fromEntries(
      [...durations].map(([name, all]) => [
        name,
        { perText: round(all.length / TEXTS), meanMs: round(all.reduce((sum, each) => sum + each, 0) / all.length) },
      ]),
    ),
    logBytes: Math.round(lines.join("\n").length / TEXTS),
  };
}

function executed(line: string): Executed | undefined {
  try {
    return JSON.parse(line.slice(line.indexOf("{"))) as Executed;
  } catch {
    return undefined;
  }
}
