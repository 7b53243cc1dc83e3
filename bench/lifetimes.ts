/**
 * What one text costs from its acceptance until nothing is left of it, counted: operations of Service Bus by the stand-in's own metrics,
 * calls to Table Storage and Web PubSub where the functions make them, executions in the host's log.
 */
import { readFile, rm } from "node:fs/promises";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { billedOperations } from "./billed-operations.js";
import type { Result } from "./numbers.js";
import type { BenchStack } from "./stack.js";
import { sendAll, startConversations } from "./many-texts.js";

const LONE = 150;
const SHARED = { conversations: 5, texts: 40 } as const;
const MINUTE_MS = 60_000;

interface Counts {
  readonly serviceBus: number;
  readonly tables: number;
  readonly webPubSub: number;
  readonly executions: number;
}

export async function measureLifetimes(stack: BenchStack): Promise<readonly Result[]> {
  const lone = await countLives(stack, LONE, 1);
  const shared = await countLives(stack, SHARED.conversations, SHARED.texts);
  return [
    ...rowsOf(`a lone text (${String(LONE)} of them)`, lone, "≤ 8"),
    ...rowsOf(`a text of ${String(SHARED.texts)} in a conversation's minute`, shared, "≤ 5"),
  ];
}

function rowsOf(what: string, { alive, forgotten }: Lives, goal: string): readonly Result[] {
  const each = (value: number): string => value.toFixed(2);
  return [
    { what: `${what}: Service Bus operations`, value: each(forgotten.serviceBus), goal },
    {
      what: "  calls to Table Storage",
      value: each(forgotten.tables),
      beside: `${each(alive.tables)} until purged, the rest until forgotten`,
    },
    { what: "  calls to Web PubSub", value: each(forgotten.webPubSub) },
    { what: "  executions", value: each(forgotten.executions), beside: "timers not counted: they run anyway" },
  ];
}

interface Lives {
  /** For one text, until its content is purged. */
  readonly alive: Counts;
  /** For one text, until nothing is left of it. */
  readonly forgotten: Counts;
}

/** Lets texts of two members live, die and be forgotten, and counts for one of them. */
async function countLives(stack: BenchStack, conversations: number, texts: number): Promise<Lives> {
  const ids = await startConversations(stack, conversations);
  await stack.idle();
  // At the beginning of a minute, so that what is sent at once shares it.
  await stack.advance(MINUTE_MS - ((await stack.now()) % MINUTE_MS) + 1_000);
  await stack.idle();
  const before = await countsOf(stack);
  await sendAll(stack, ids, texts);
  await stack.idle();
  await stack.advance(24 * 60 * MINUTE_MS + 2 * MINUTE_MS);
  await stack.idle();
  const purged = await countsOf(stack);
  await stack.advance(31 * 24 * 60 * MINUTE_MS);
  await stack.idle();
  const forgotten = await countsOf(stack);
  const each = (after: Counts): Counts => {
    const per = (name: keyof Counts): number => (after[name] - before[name]) / (conversations * texts);
    return {
      serviceBus: per("serviceBus"),
      tables: per("tables"),
      webPubSub: per("webPubSub"),
      executions: per("executions"),
    };
  };
  return { alive: each(purged), forgotten: each(forgotten) };
}

async function countsOf(stack: BenchStack): Promise<Counts> {
  const parts = await stack.parts();
  const calls = await callsOf(stack, parts.get("functions")?.pid ?? 0);
  const log = await readFile(path.join(stack.data, "logs", "functions.log"), "utf8");
  const executed = [...log.matchAll(/Executed 'Functions\.(\w+)'/g)].filter(
    ([, name = ""]) => name !== "sweep" && name !== "cleanUp",
  );
  return {
    serviceBus: await billedOperations(stack),
    tables: calls[portIn(stack.info.storage, /TableEndpoint=([^;]+)/)] ?? 0,
    webPubSub: calls[portIn(stack.info.webPubSub, /Endpoint=([^;]+)(?:;|$)/)] ?? 0,
    executions: executed.length,
  };
}

const portIn = (connection: string, endpoint: RegExp): string => {
  const port = /Port=(\d+)/.exec(connection)?.[1];
  return port ?? new URL(endpoint.exec(connection)?.[1] ?? "http://localhost").port;
};

/** What a process has called so far, by port. */
async function callsOf(stack: BenchStack, pid: number): Promise<Readonly<Record<string, number>>> {
  const file = path.join(stack.data, `${String(pid)}.json`);
  await rm(file, { force: true });
  process.kill(pid, "SIGUSR2");
  for (;;) {
    const content = await readFile(file, "utf8").catch(() => undefined);
    if (content !== undefined) return JSON.parse(content) as Record<string, number>;
    await wait(10);
  }
}
