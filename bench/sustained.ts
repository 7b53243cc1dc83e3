/** Sustained texts a second over 50 conversations, and what each process spends on one. */
import { gatherAudience } from "./audience.js";
import type { Result } from "./numbers.js";
import type { BenchStack } from "./stack.js";

const CONVERSATIONS = 50;
const TEXTS = 3_000;
/** Requests under way at once: enough to keep every part busy, few enough to be people. */
const AT_ONCE = 100;

export async function measureSustained(stack: BenchStack): Promise<readonly Result[]> {
  const audience = await gatherAudience(stack, CONVERSATIONS, TEXTS);
  const before = await stack.cpu();
  const ownBefore = process.cpuUsage();
  const begun = performance.now();
  let next = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let n = next++; n < TEXTS; n = next++) {
        await audience.ana.send(audience.conversationIds[n % CONVERSATIONS] ?? "", `text ${String(n)}`);
      }
    }),
  );
  const acceptedSeconds = (performance.now() - begun) / 1000;
  await audience.heard;
  const seconds = (performance.now() - begun) / 1000;
  const own = process.cpuUsage(ownBefore);
  const after = await stack.cpu();
  audience.close();

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
