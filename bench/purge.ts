/**
 * How fast texts that all end at once are purged, while two people go on chatting. `PURGE_TEXTS=100000` says how many; the default is what
 * a bench run can wait for.
 */
import { sendAll, startConversations } from "./many-texts.js";
import { ms, percentile, type Result } from "./numbers.js";
import type { BenchStack } from "./stack.js";

/** In each conversation. */
const TEXTS = Number(process.env["PURGE_EACH"] ?? 20);
const MINUTE_MS = 60_000;

export async function measurePurge(stack: BenchStack): Promise<readonly Result[]> {
  const conversations = Math.ceil(Number(process.env["PURGE_TEXTS"] ?? 2_000) / TEXTS);
  const count = conversations * TEXTS;
  await sendAll(stack, await startConversations(stack, conversations), TEXTS);
  await stack.idle();
  const chat = await chatting(stack);
  const quiet: number[] = [];
  for (let n = 0; n < 40; n++) quiet.push(await chat.round());
  await stack.advance(24 * 60 * MINUTE_MS + 6 * MINUTE_MS);
  const begun = performance.now();
  const before = await stack.cpu();
  const during: number[] = [];
  while (await hasDeadlines(stack)) during.push(await chat.round());
  const seconds = (performance.now() - begun) / 1000;
  chat.end();
  const rate = count / seconds;
  const used = [...(await stack.cpu())]
    .map(([part, after]) => ({ part, value: ((after - (before.get(part) ?? 0)) / count) * 1000 }))
    .filter(({ value }) => value >= 0.05)
    .sort((a, b) => b.value - a.value);
  return [
    {
      what: `purge of ${String(count)} texts of ${String(conversations)} conversations that end at once`,
      value: `${rate.toFixed(0)} texts/s`,
      beside: `${seconds.toFixed(1)} s; at this rate 100,000 take ${(100_000 / rate / 60).toFixed(1)} minutes`,
      goal: "minutes, not hours",
    },
    ...used.map(({ part, value }) => ({ what: `  CPU for one purge: ${part}`, value: ms(value) })),
    {
      what: "  POST → socket event meanwhile, p50",
      value: ms(percentile(during, 50)),
      beside: `before it ${ms(percentile(quiet, 50))}; ${String(during.length)} texts`,
    },
  ];
}

async function hasDeadlines(stack: BenchStack): Promise<boolean> {
  const { management = "" } = (await stack.parts()).get("service-bus") ?? {};
  const response = await fetch(`${management}/queues/deadlines`);
  const { active, locked, due } = (await response.json()) as Record<"active" | "locked" | "due", number>;
  return active + locked + due > 0;
}

async function chatting(stack: BenchStack): Promise<{ round: () => Promise<number>; end: () => void }> {
  let arrived: () => void = () => undefined;
  const bo = await stack.person("bo", {
    onChange: (_, { message }) => (message === undefined ? undefined : arrived()),
  });
  const ana = await stack.person("ana");
  const { id } = await ana.start(["bo"]);
  await bo.connect();
  return {
    round: async () => {
      const arrival = new Promise<void>((resolve) => (arrived = resolve));
      const begun = performance.now();
      await Promise.all([ana.send(id, "meanwhile"), arrival]);
      return performance.now() - begun;
    },
    end: () => bo.close(),
  };
}
