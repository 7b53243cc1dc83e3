/**
 * The first text in each of 300 quiet conversations, all sent at once. The session trigger must not serve them one idle time-out
 * after the other: with the default of 60 s and few sessions at once, quiet conversations would wait for each other.
 */
import type { Result } from "./numbers.js";
import type { BenchStack } from "./stack.js";

const CONVERSATIONS = 300;

export async function measureQuietConversations(stack: BenchStack): Promise<readonly Result[]> {
  let heard = 0;
  let allHeard: (() => void) | undefined;
  const bo = await stack.person("bo", {
    onChange: (_, { message }) => {
      if (message !== undefined && ++heard === CONVERSATIONS) allHeard?.();
    },
  });
  const ana = await stack.person("ana");
  const ids: string[] = [];
  for (let n = 0; n < CONVERSATIONS; n++) ids.push((await ana.start(["bo"])).id);
  await bo.connect();
  heard = 0;
  const last = new Promise<void>((resolve) => (allHeard = resolve));
  const begun = performance.now();
  await Promise.all(ids.map((id) => ana.send(id, "the first")));
  const acceptedMs = performance.now() - begun;
  await last;
  const value = `${((performance.now() - begun) / 1000).toFixed(2)} s`;
  bo.close();
  return [
    {
      what: `${String(CONVERSATIONS)} quiet conversations, last on its socket`,
      value,
      beside: `all accepted after ${(acceptedMs / 1000).toFixed(2)} s`,
      goal: "≤ 3 s",
    },
  ];
}
