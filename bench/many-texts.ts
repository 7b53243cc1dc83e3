/** Many texts of two people, for the benches that count what becomes of them. */
import type { BenchStack } from "./stack.js";

const AT_ONCE = 20;

export async function startConversations(stack: BenchStack, count: number): Promise<readonly string[]> {
  const cy = await stack.person("cy");
  const ids: string[] = [];
  for (let n = 0; n < count; n++) ids.push((await cy.start(["di"])).id);
  return ids;
}

export async function sendAll(stack: BenchStack, ids: readonly string[], texts: number): Promise<void> {
  const cy = await stack.person("cy");
  let next = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let n = next++; n < ids.length * texts; n = next++)
        await cy.send(ids[n % ids.length] ?? "", `text ${String(n)}`);
    }),
  );
}
