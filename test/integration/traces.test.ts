/**
 * What is left of a text in the files of the whole stack, once its time is over: searched byte for byte.
 *
 * The logs of the tables and of the broker stand-in are written again without what has died, half a minute after it has: until then
 * bytes of texts that are over stay in their files, where nothing reads them. README.md says so.
 */
import { watch } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { ChatClient } from "../../client/chat-client.js";
import { newId, person } from "../support/chat.js";
import { startStack, type Stack } from "../support/stack.js";

let stack: Stack;
let ana: ChatClient;
let bo: ChatClient;
const undelivered: string[] = [];

beforeAll(async () => {
  stack = await startStack();
  ana = await person(stack, "ana", { onUndelivered: ({ messageId }) => undelivered.push(messageId) });
  bo = await person(stack, "bo");
  await ana.connect();
});
afterAll(async () => {
  ana.close();
  await stack.stop();
});

/** The files of the stack, relative to its folder, that hold any of the texts. */
async function filesWith(texts: readonly string[]): Promise<readonly string[]> {
  const entries = await readdir(stack.data, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  const found = await Promise.all(
    files.map(async (file) => {
      // A file may be gone by now: a log that was cleared.
      const content = await readFile(file).catch(() => Buffer.alloc(0));
      return texts.some((text) => content.includes(text)) ? [path.relative(stack.data, file)] : [];
    }),
  );
  return found.flat();
}

/** Resolves when `holds` does; looks again whenever a file of the stack changes. */
async function untilFiles(holds: () => Promise<boolean>): Promise<void> {
  let changed: () => void = () => undefined;
  const watcher = watch(stack.data, { recursive: true }, () => changed());
  try {
    for (;;) {
      const change = new Promise<void>((resolve) => (changed = resolve));
      if (await holds()) return;
      await change;
    }
  } finally {
    watcher.close();
  }
}

const LOGS = ["service-bus", path.join("storage", "tables")];
const isOfTables = (file: string): boolean => path.dirname(file) === LOGS[1];
const isOfLog = (file: string): boolean => LOGS.includes(path.dirname(file));

test("every file of the stack comes clean by itself", async () => {
  const texts = Object.fromEntries(
    ["delivered", "canceled", "before-change", "after-change", "released", "undelivered"].map((fate) => [
      fate,
      `marker of the ${fate} text ${newId()}`,
    ]),
  ) as Record<string, string>;
  const all = Object.values(texts);
  const { id: conversation } = await ana.start(["bo"]);
  const sendAt = new Date((await stack.now()) + 3_600_000).toISOString();
  const schedule = (text = ""): Promise<{ id: string }> => ana.api.send(conversation, { id: newId(), text, sendAt });
  await ana.send(conversation, texts["delivered"] ?? "");
  const kept = await ana.send(conversation, texts["released"] ?? "");
  const canceled = await schedule(texts["canceled"]);
  const changed = await schedule(texts["before-change"]);
  await ana.api.changeScheduled(conversation, changed.id, { text: texts["after-change"] ?? "" });
  await stack.idle();
  for (const client of [ana, bo]) await client.api.consent(conversation, kept.id);
  expect((await filesWith([texts["canceled"] ?? ""])).some(isOfTables)).toBe(true);
  await ana.api.cancelScheduled(conversation, canceled.id);

  // Accepted by a host that delivers nothing; then no host at all for more than a day.
  const accepting = await stack.startSecondHost(["deliverText", "reviveText"]);
  await stack.kill("functions");
  const token = await stack.token("ana");
  const response = await fetch(`${accepting.address}/api/v1/conversations/${conversation}/messages`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ text: texts["undelivered"] }),
  });
  expect(response.status).toBe(202);
  await accepting.stop();
  await stack.advance("PT24H30M");
  await stack.start("functions");
  await stack.idle();
  expect(undelivered).toHaveLength(1);
  await stack.advance("P1DT2M");
  await stack.idle();
  await bo.api.withdrawConsent(conversation, kept.id);
  await stack.idle();

  expect((await filesWith(all)).filter((file) => !isOfLog(file))).toEqual([]);
  // What is dead leaves a log half a minute later, and what died in that half minute after the next one.
  await untilFiles(async () => (await filesWith(all)).length === 0);
}, 180_000);
