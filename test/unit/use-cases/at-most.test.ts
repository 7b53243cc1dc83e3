import { expect, test } from "@jest/globals";
import { atMost } from "../../../src/lib/use-cases/at-most.js";

test("so many at a time, in order, and a failure frees its place", async () => {
  const inTurn = atMost(2);
  let running = 0;
  let most = 0;
  const done: number[] = [];
  const act = (n: number) => async (): Promise<void> => {
    running += 1;
    most = Math.max(most, running);
    await Promise.resolve();
    running -= 1;
    done.push(n);
    if (n === 1) throw new Error("trouble");
  };
  const results = await Promise.allSettled([0, 1, 2, 3, 4].map((n) => inTurn(act(n))));
  expect(results.map(({ status }) => status === "fulfilled")).toEqual([true, false, true, true, true]);
  expect(done).toEqual([0, 1, 2, 3, 4]);
  expect(most).toBe(2);
  await expect(inTurn(() => Promise.resolve("again"))).resolves.toBe("again");
});
