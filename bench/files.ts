/**
 * Files: from a reader's close to the event that says that the storage has confirmed the deletion, beside the bare call that
 * deletes a blob; and how fast a file is checked, beside `sha256sum` of the same bytes.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { BlobServiceClient } from "@azure/storage-blob";
import type { ChatClient } from "../client/chat-client.js";
import type * as Check from "../src/lib/check-content.js";
import { ms, percentile, type Result } from "./numbers.js";
import type { BenchStack } from "./stack.js";

const ROUNDS = 100;
const WARM_UP = 10;
const BYTES = new TextEncoder().encode("what a reader has read");
const BIG = 100 * 1024 * 1024;
const CHUNK = 64 * 1024;
const BIG_ROUNDS = 3;

export async function measureFiles(stack: BenchStack): Promise<readonly Result[]> {
  return [...(await measureDeletion(stack)), ...(await measureChecking(stack))];
}

async function measureDeletion(stack: BenchStack): Promise<readonly Result[]> {
  const heard = new EventTarget();
  const ana = await stack.person("ana", {
    onChange: (_, { type, messageId = "" }) => heard.dispatchEvent(new Event(`${type} ${messageId}`)),
  });
  const bo = await stack.person("bo");
  await Promise.all([ana.connect(), bo.connect()]);
  const { id: conversation } = await ana.start(["bo"]);
  const container = BlobServiceClient.fromConnectionString(stack.info.storage).getContainerClient("files");
  const ours: number[] = [];
  const bare: number[] = [];
  for (let n = -WARM_UP; n < ROUNDS; n++) {
    // In turn, so that whatever else the machine does hits both alike.
    const closed = await closeOne(ana, bo, conversation, heard);
    const blob = container.getBlockBlobClient(`bench/${String(n)}`);
    await blob.upload(BYTES, BYTES.length);
    const begun = performance.now();
    await blob.delete();
    const deleted = performance.now() - begun;
    if (n < 0) continue;
    ours.push(closed);
    bare.push(deleted);
  }
  ana.close();
  bo.close();
  return [50, 99].map((percent) => {
    const [mine, theirs] = [percentile(ours, percent), percentile(bare, percent)];
    return {
      what: `close → deletion confirmed, p${String(percent)}`,
      value: ms(mine),
      beside: `deleteBlob alone ${ms(theirs)}, ${ms(mine - theirs)} above it`,
    };
  });
}

/** Milliseconds from the request that closes the only view to the event that says that the file is gone. */
async function closeOne(ana: ChatClient, bo: ChatClient, conversation: string, heard: EventTarget): Promise<number> {
  const { id } = await ana.sendFile(conversation, { name: "a.txt", contentType: "text/plain", bytes: BYTES });
  while ((await ana.api.file(conversation, id)).state !== "ready") await new Promise(setImmediate);
  const view = await bo.openFile(conversation, id);
  const gone = new Promise((resolve) => heard.addEventListener(`file.deleted ${id}`, resolve, { once: true }));
  const begun = performance.now();
  await Promise.all([view.close(), gone]);
  return performance.now() - begun;
}

async function measureChecking(stack: BenchStack): Promise<readonly Result[]> {
  const bytes = new Uint8Array(BIG).fill(97);
  const folder = await mkdtemp(path.join(tmpdir(), "dayfly-bench-"));
  const file = path.join(folder, "big");
  await writeFile(file, bytes);
  const ana = await stack.person("ana");
  const { id: conversation } = await ana.start(["bo"]);
  // As it is deployed.
  const compiled = new URL("../../dist/lib/check-content.js", import.meta.url);
  const { checkContent } = (await import(compiled.href)) as typeof Check;
  const times = { checked: [] as number[], completed: [] as number[], sha256sum: [] as number[] };
  const timed = async (into: number[], act: () => Promise<unknown>): Promise<void> => {
    const begun = performance.now();
    await act();
    into.push(performance.now() - begun);
  };
  for (let n = 0; n < BIG_ROUNDS; n++) {
    await timed(times.sha256sum, () => promisify(execFile)("sha256sum", [file]));
    await timed(times.checked, () => checkContent(chunksOf(bytes)));
    const facts = { name: "big.txt", contentType: "text/plain", size: BIG };
    const { id, upload } = await ana.api.createFile(conversation, facts);
    const { status } = await fetch(upload.url, { method: upload.method, headers: upload.headers, body: bytes });
    if (status !== 201) throw new Error(`The upload was answered with ${String(status)}.`);
    await timed(times.completed, () => ana.api.completeFile(conversation, id));
  }
  await rm(folder, { recursive: true });
  const rate = (milliseconds: readonly number[]): string =>
    `${(BIG / 1e6 / (percentile(milliseconds, 50) / 1_000)).toFixed(0)} MB/s`;
  const beside = `sha256sum ${rate(times.sha256sum)}`;
  return [
    { what: "checking 100 MiB: the pass itself", value: rate(times.checked), beside },
    { what: "completing 100 MiB: copy, download, check", value: rate(times.completed), beside },
  ];
}

async function* chunksOf(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  for (let from = 0; from < bytes.length; from += CHUNK)
    yield await Promise.resolve(bytes.subarray(from, from + CHUNK));
}
