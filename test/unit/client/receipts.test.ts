import { expect, test } from "@jest/globals";
import { Receipts, type Marks } from "../../../client/receipts.js";

/** Receipts whose time the test moves: each step runs what was set for later. */
function receipts(send: (marks: Marks) => Promise<void> = () => Promise.resolve()) {
  const told: Marks[] = [];
  let later: { ms: number; act: () => Promise<void> }[] = [];
  const sut = new Receipts(
    (_, marks) => {
      told.push(marks);
      return send(marks);
    },
    (ms, act) => void later.push({ ms, act }),
  );
  const step = async (): Promise<readonly number[]> => {
    const due = later;
    later = [];
    for (const { act } of due) await act();
    return due.map(({ ms }) => ms);
  };
  return { sut, told, step };
}

test("one request a second, with what is true by then; what is behind is not told", async () => {
  const { sut, told, step } = receipts();
  sut.mark("c", { deliveredSeq: 3 });
  sut.mark("c", { readSeq: 2 });
  await step();
  expect(told).toEqual([{ deliveredSeq: 3, readSeq: 2 }]);
  sut.mark("c", { deliveredSeq: 4 });
  sut.mark("c", { readSeq: 5 });
  expect(await step()).toEqual([1_000]);
  await step();
  expect(told.slice(1)).toEqual([{ deliveredSeq: 5, readSeq: 5 }]);
  await step();
  sut.mark("c", { readSeq: 4 });
  expect(await step()).toEqual([]);
});

test("conversations do not wait for each other", async () => {
  const { sut, told, step } = receipts();
  sut.mark("c", { deliveredSeq: 1 });
  sut.mark("d", { deliveredSeq: 1 });
  await step();
  expect(told).toHaveLength(2);
});

test("one that got lost does no harm: the next tells it all", async () => {
  const { sut, told, step } = receipts(() => Promise.reject(new Error("offline")));
  sut.mark("c", { deliveredSeq: 1 });
  await step();
  sut.mark("c", { deliveredSeq: 2 });
  await step();
  await step();
  expect(told.at(-1)).toEqual({ deliveredSeq: 2, readSeq: 0 });
});
