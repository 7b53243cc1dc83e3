import { expect, test } from "@jest/globals";
import { Outbox } from "../../../client/outbox.js";
import { ProblemError } from "../../../client/rest.js";
import type { MessageShape } from "../../../src/lib/contracts/shapes.js";

const C = "conversation";

/** An outbox whose requests the test answers. */
function outbox() {
  const asked: { text: string; answer: () => void; refuse: (error: unknown) => void }[] = [];
  let count = 0;
  const box = new Outbox({
    newId: () => `id-${++count}`,
    send: (_, { text }) =>
      new Promise((resolve, reject) => asked.push({ text, answer: () => resolve({} as MessageShape), refuse: reject })),
    changed: () => undefined,
  });
  const states = () => box.of(C).map(({ text, state, code }) => [text, state, ...(code === undefined ? [] : [code])]);
  return { box, asked, states };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("texts are shown at once and sent one after another", async () => {
  const { box, asked, states } = outbox();
  box.add(C, "one");
  box.add(C, "two");
  expect(states()).toEqual([
    ["one", "sending"],
    ["two", "sending"],
  ]);
  expect(asked.map(({ text }) => text)).toEqual(["one"]);
  asked[0]?.answer();
  await settled();
  expect(asked.map(({ text }) => text)).toEqual(["one", "two"]);
  expect(states()).toEqual([
    ["one", "accepted"],
    ["two", "sending"],
  ]);
  box.remove(C, "id-1");
  expect(states()).toEqual([["two", "sending"]]);
});

test("one that is refused says why, holds nothing up, and can be sent again under its id", async () => {
  const { box, asked, states } = outbox();
  box.add(C, "one");
  box.add(C, "two", "quoted");
  asked[0]?.refuse(new ProblemError(422, { code: "input-invalid" }, null));
  await settled();
  asked[1]?.answer();
  await settled();
  expect(states()).toEqual([
    ["one", "failed", "input-invalid"],
    ["two", "accepted"],
  ]);
  box.retry(C, "id-1");
  expect(states()[0]).toEqual(["one", "sending"]);
  asked[2]?.answer();
  await settled();
  expect(states()[0]).toEqual(["one", "accepted"]);
  expect(box.of(C)[1]).toMatchObject({ id: "id-2", replyTo: "quoted" });
});

test("one that fails after it was accepted is shown as such", async () => {
  const { box, asked, states } = outbox();
  box.add(C, "one");
  asked[0]?.answer();
  await settled();
  box.fail(C, "id-1", "attempts-exhausted");
  expect(states()).toEqual([["one", "failed", "attempts-exhausted"]]);
});
