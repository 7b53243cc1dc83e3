/** Where Microsoft Defender for Storage scans: a file waits for the index tag that Defender sets on its blob. Here the test sets it. */
import { BlobServiceClient } from "@azure/storage-blob";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { ChatClient } from "../../client/chat-client.js";
import { newId, person, Watch } from "../support/chat.js";
import { blobsIn, PICTURE, PNG, put } from "../support/files.js";
import { startStack, type Stack } from "../support/stack.js";

/** learn.microsoft.com, "Understand and respond to scanning results": the tag and its values. */
const TAG = "Malware Scanning scan result";

let stack: Stack;
let ana: ChatClient;
let bo: ChatClient;
let conversation: string;
const heard: string[] = [];
const watch = new Watch();

beforeAll(async () => {
  stack = await startStack({ env: { FILE_SCANNER: "defender" } });
  ana = await person(stack, "ana", {
    onRejected: ({ messageId, code }) => {
      heard.push(`file.rejected ${messageId} ${code}`);
      watch.changed();
    },
  });
  bo = await person(stack, "bo", {
    onChange: (_, { type, messageId = "" }) => {
      heard.push(`${type} ${messageId}`);
      watch.changed();
    },
  });
  await Promise.all([ana.connect(), bo.connect()]);
  conversation = (await ana.start(["bo"])).id;
});
afterAll(async () => {
  ana.close();
  bo.close();
  await stack.stop();
});

/** A file that is uploaded and waits for its scan, and the name of its blob. */
async function waiting(): Promise<{ id: string; blob: string }> {
  const before = await blobsIn(stack, "files");
  const id = newId();
  expect(await put(await ana.api.createFile(conversation, { ...PICTURE, id }), PNG)).toBe(201);
  await ana.api.completeFile(conversation, id);
  const [blob = ""] = [...(await blobsIn(stack, "files")).keys()].filter((name) => !before.has(name));
  // Asked for the first time, and again five seconds later.
  await stack.advance("PT1S");
  await stack.idle();
  expect(await ana.api.file(conversation, id)).toMatchObject({ state: "accepted" });
  return { id, blob };
}

async function scanned(blob: string, result: string): Promise<void> {
  const container = BlobServiceClient.fromConnectionString(stack.info.storage).getContainerClient("files");
  await container.getBlobClient(blob).setTags({ [TAG]: result });
  await stack.advance("PT5S");
}

test("a file is delivered when Defender has found nothing, and not before", async () => {
  const { id, blob } = await waiting();
  await expect(bo.api.openView(conversation, id, {})).rejects.toMatchObject({ code: "file-unknown" });
  await scanned(blob, "No threats found");
  await watch.until(() => heard.includes(`message.created ${id}`));
});

test("what Defender takes for malicious is deleted, and its sender told", async () => {
  const { id, blob } = await waiting();
  await scanned(blob, "Malicious");
  await watch.until(() => heard.includes(`file.rejected ${id} file-malicious`));
  expect([...(await blobsIn(stack, "files")).keys()]).not.toContain(blob);
  expect(heard).not.toContain(`message.created ${id}`);
});

test("what Defender could not scan is refused when its time is over", async () => {
  const { id, blob } = await waiting();
  await scanned(blob, "Not scanned");
  await stack.idle();
  expect(await ana.api.file(conversation, id)).toMatchObject({ state: "accepted" });
  await stack.advance("PT10M");
  await watch.until(() => heard.includes(`file.rejected ${id} scan-unfinished`));
  expect([...(await blobsIn(stack, "files")).keys()]).not.toContain(blob);
});
