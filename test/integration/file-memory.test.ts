import { readFile, writeFile } from "node:fs/promises";
import { platform } from "node:os";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { person } from "../support/chat.js";
import { PICTURE, PNG, put } from "../support/files.js";
import { startStack, type Stack } from "../support/stack.js";

const SIZE = 100 * 1024 * 1024;
/** Chunks that the garbage collector has not got to yet. Who held the file would need 100, and the next time 100 more. */
const MOST_MIB = 75;

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
});
afterAll(async () => {
  await stack.stop();
});

/** Linux alone tells a process's peak, and lets it be forgotten (proc(5): status, clear_refs). */
const onLinux = platform() === "linux" ? test : test.skip;

onLinux("the functions host does not hold a file while it checks it: 100 MiB pass through a few", async () => {
  const ana = await person(stack, "ana");
  const { id: conversation } = await ana.start(["bo"]);
  // What the first file loads is not the file.
  await ana.sendFile(conversation, { ...PICTURE, bytes: PNG });
  await stack.idle();
  const bytes = new Uint8Array(SIZE).fill(97);
  const facts = { name: "a.txt", contentType: "text/plain", size: SIZE };
  const pid = await functionsPid();
  await writeFile(`/proc/${pid}/clear_refs`, "5");
  const before = await peakMib(pid);
  for (const time of ["first", "second"]) {
    const created = await ana.api.createFile(conversation, facts);
    expect(await put(created, bytes)).toBe(201);
    expect(await ana.api.completeFile(conversation, created.id)).toMatchObject({ state: "accepted" });
    const peak = await peakMib(pid);
    console.info(`peak before ${before.toFixed(0)} MiB, after the ${time} 100 MiB ${peak.toFixed(0)} MiB`);
    expect(peak - before).toBeLessThan(MOST_MIB);
  }
});

async function functionsPid(): Promise<string> {
  const response = await fetch(`${stack.info.control}/parts`);
  const { parts } = (await response.json()) as { parts: readonly { readonly name: string; readonly pid: number }[] };
  return String(parts.find(({ name }) => name === "functions")?.pid);
}

async function peakMib(pid: string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
}
