/**
 * The first text in each of 300 quiet conversations, all sent at once. The session trigger must not serve them one idle time-out
 * after the other: with the default of 60 s and few sessions at once, quiet conversations would wait for each other.
 */
import { gatherAudience } from "./audience.js";
import type { Result } from "./numbers.js";
import type { BenchStack } from "./stack.js";

const CONVERSATIONS = 300;

export async function measureQuietConversations(stack: BenchStack): Promise<readonly Result[]> {
  const audience = await gatherAudience(stack, CONVERSATIONS, CONVERSATIONS);
  const begun = performance.now();
  await Promise.all(audience.conversationIds.map((id) => audience.ana.send(id, "the first")));
  const acceptedMs = performance.now() - begun;
  await audience.heard;
  const value = `${((performance.now() - begun) / 1000).toFixed(2)} s`;
  audience.close();
  return [
    {
      what: `${String(CONVERSATIONS)} quiet conversations, last on its socket`,
      value,
      beside: `all accepted after ${(acceptedMs / 1000).toFixed(2)} s`,
      goal: "≤ 3 s",
    },
  ];
}
