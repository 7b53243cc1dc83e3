/** Sustained texts a second over 50 conversations, and what each process spends on one. */
import type { Result } from "./numbers.js";
import type { BenchStack } from "./stack.js";

const CONVERSATIONS = 50;
const TEXTS = 3_000;
/** Requests under way at once: enough to keep every part busy, few enough to be people. */
const AT_ONCE = 100;

export async function measureSustained(stack: BenchStack): Promise<readonly Result[]> {
  let heard = 0;
  let allHeard: (() => void) | undefined;
  const bo = await stack.person("bo", {
    onChange: (_, { message }) => {
      if (message !== undefined && ++heard === TEXTS) allHeard?.();
    },
  });
  const ana = await stack.person("ana");
  const ids: string[] = [];
  for (let n = 0; n < CONVERSATIONS; n++) ids.push((await ana.start(["bo"])).id);
  await bo.connect();
  heard = 0;
  const last = new Promise<void>((resolve) => (allHeard = resolve));

  const before = await stack.cpu();
  const ownBefore = process.cpuUsage();
  const begun = performance.now();
  let next = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let n = next++; n < TEXTS; n = next++) await ana.send(ids[n % CONVERSATIONS] ?? "", `text ${String(n)}`);
    }),
  );
  const acceptedSeconds = (performance.now() - begun) / 1000;
  await last;
  const seconds = (performance.now() - begun) / 1000;
  const own = process.cpuUsage(ownBefore);
  const after = await stack.cpu();
  bo.close();

  const perText = [...after].map(([part, used]) => ({
    part,
    value: ((used - (before.get(part) ?? 0)) / TEXTS) * 1000,
  }));
  perText.push({ part: "the bench's own clients", value: (own.user + own.system) / 1000 / TEXTS });
  return [
    {
      what: `texts a second, sent to heard (${String(CONVERSATIONS)} conversations)`,
      value: `${(TEXTS / seconds).toFixed(0)} /s`,
      beside: `accepted at ${(TEXTS / acceptedSeconds).toFixed(0)} /s`,
      goal: "500 /s",
    },
    ...perText
      .sort((a, b) => b.value - a.value)
      .map(({ part, value }) => ({ what: `  CPU for one text: ${part}`, value: `${value.toFixed(2)} ms` })),
  ];
}
