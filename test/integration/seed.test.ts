/** `npm run local -- seed`: each scenario makes what it says, on a stack whose clock is days ahead, and again beside it. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { execFile } from "node:child_process";
import path from "node:path";
import { person } from "../support/chat.js";
import { startStack, type Stack } from "../support/stack.js";

const CLI = path.resolve(import.meta.dirname, "../../out/local/cli.js");

let stack: Stack;
beforeAll(async () => {
  stack = await startStack();
  await stack.advance("PT72H");
}, 120_000);
afterAll(() => stack.stop(), 60_000);

const seed = (...args: string[]): Promise<{ readonly code: number; readonly out: string; readonly error: string }> =>
  new Promise((resolve) => {
    execFile(
      process.execPath,
      [CLI, "seed", ...args],
      { env: { ...process.env, DAYFLY_DATA: stack.data } },
      (failed, out, error) => resolve({ code: failed === null ? 0 : 1, out, error }),
    );
  });

const conversationIn = (out: string): string => /[0-9a-f-]{36}/.exec(out)?.[0] ?? out;

test("lunch: three people, replies, an edit, a request to keep a text, and one for later", async () => {
  const { code, out, error } = await seed("lunch");
  expect([code, error]).toEqual([0, ""]);
  const id = conversationIn(out);
  const ana = await person(stack, "ana");
  const { items } = await ana.api.messages(id);
  expect(items.map(({ author }) => author)).toEqual(["ana", "cy", "bo", "ana"]);
  expect(items[0]).toMatchObject({ text: "Then the corner, at one.", edited: { times: 1 } });
  expect(items[1]).toMatchObject({ retention: { state: "pending" }, replyTo: items[3]?.id });
  expect((await ana.api.scheduled(id)).items).toHaveLength(1);
  expect(conversationIn((await seed("lunch")).out)).not.toBe(id);
}, 120_000);

test("keeping: one text in each state", async () => {
  const { out } = await seed("keeping");
  const bo = await person(stack, "bo");
  const { items } = await bo.api.messages(conversationIn(out));
  expect(items.map(({ retention }) => retention.state)).toEqual(["released", "retained", "pending", "none"]);
}, 120_000);

test("crowd: a dozen people, forty texts, each once", async () => {
  const { out } = await seed("crowd");
  const ana = await person(stack, "ana");
  const { headSeq, members } = await ana.api.conversation(conversationIn(out));
  expect([members.length, headSeq]).toEqual([12, 41]);
}, 120_000);

test("what there is not is refused with what there is", async () => {
  for (const name of ["nonsense", "constructor"]) {
    const { code, error } = await seed(name);
    expect(code).toBe(1);
    for (const scenario of ["lunch", "keeping", "crowd"]) expect(error).toContain(`  ${scenario}`);
  }
}, 60_000);
