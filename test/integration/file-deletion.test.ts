/** Deletions that do not go straight: tried again, an operator's when the broker has given up, the sweeper's when all is lost, unsent. */
import { ServiceBusClient } from "@azure/service-bus";
import { BlobServiceClient } from "@azure/storage-blob";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { ChatClient } from "../../client/chat-client.js";
import { newId, person, Watch } from "../support/chat.js";
import { blobsIn, PICTURE, PNG } from "../support/files.js";
import { operator, type Operator } from "../support/operator.js";
import { startStack, type Stack } from "../support/stack.js";

const MAX_DELIVERY_COUNT = 10;

let stack: Stack;
let ana: ChatClient;
let olga: Operator;
const heard: string[] = [];
const watch = new Watch();

beforeAll(async () => {
  stack = await startStack();
  olga = await operator(stack);
  ana = await person(stack, "ana", {
    onChange: (_, { type, messageId = "" }) => {
      heard.push(`${type} ${messageId}`);
      watch.changed();
    },
  });
  await ana.connect();
});
afterAll(async () => {
  ana.close();
  await stack.stop();
});

interface Opened {
  readonly conversation: string;
  readonly id: string;
  readonly blob: string;
  /** Closes the only reader's view through a host. */
  readonly close: (host?: string) => Promise<void>;
}

async function opened(): Promise<Opened> {
  const { id: conversation } = await ana.start(["bo"]);
  const before = await blobsIn(stack, "files");
  const { id } = await ana.sendFile(conversation, { ...PICTURE, bytes: PNG });
  await watch.until(() => heard.includes(`message.created ${id}`));
  const [blob = ""] = [...(await blobsIn(stack, "files")).keys()].filter((name) => !before.has(name));
  const bo = await person(stack, "bo");
  const view = await bo.api.openView(conversation, id, { key: newId() });
  return {
    ...{ conversation, id, blob },
    close: async (host = stack.info.functions) => {
      const { api } = await person({ ...stack, info: { ...stack.info, functions: host } }, "bo");
      await api.closeView({ conversationId: conversation, fileId: id, viewId: view.id });
    },
  };
}

const isGone = async (blob: string): Promise<boolean> => !(await blobsIn(stack, "files")).has(blob);

test("while the storage does not delete it nobody is told so; it is tried again until it does", async () => {
  const { conversation, id, blob, close } = await opened();
  const container = BlobServiceClient.fromConnectionString(stack.info.storage).getContainerClient("files");
  const lease = container.getBlobClient(blob).getBlobLeaseClient();
  await lease.acquireLease(-1);
  await close();
  for (let log = ""; !/Executed 'Functions.deleteClosedFile' \(Failed.*LeaseIdMissing/.test(log);) {
    log = await stack.logs("functions");
  }
  expect(await ana.api.file(conversation, id)).toMatchObject({ state: "closing" });
  const bo = await person(stack, "bo");
  await expect(bo.api.openView(conversation, id, {})).rejects.toMatchObject({ code: "file-deleted" });
  expect(heard).not.toContain(`file.deleted ${id}`);
  expect(await isGone(blob)).toBe(false);

  await lease.releaseLease();
  await watch.until(() => heard.includes(`file.deleted ${id}`));
  expect(await isGone(blob)).toBe(true);
  expect(await ana.api.file(conversation, id)).toMatchObject({ state: "deleted", reason: "closed" });
});

/** Closes the file where nobody deletes, and hands over what the broker then holds. */
async function closedWithoutDeletion({ close }: Opened): Promise<{ stop: () => Promise<void> }> {
  const other = await stack.startSecondHost(["deleteClosedFile", "failClosedFile"]);
  await stack.kill("functions");
  await close(other.address);
  return other;
}

test("what the broker has given up is a failure that an operator sees, and a redrive deletes it", async () => {
  const file = await opened();
  const other = await closedWithoutDeletion(file);
  const bus = new ServiceBusClient(stack.info.serviceBus);
  const receiver = bus.createReceiver("url-closed");
  for (let n = 0; n < MAX_DELIVERY_COUNT; n++) {
    for (const message of await receiver.receiveMessages(1)) await receiver.abandonMessage(message);
  }
  await bus.close();
  await other.stop();
  await stack.start("functions");
  await stack.idle();
  const failure = (await olga.failures("queue=url-closed")).find(
    ({ conversationId }) => conversationId === file.conversation,
  );
  expect(failure).toMatchObject({ reason: "attempts-exhausted", state: "parked" });
  expect(failure?.attempts).toBeGreaterThanOrEqual(MAX_DELIVERY_COUNT);
  const redriven = await olga.request("POST", `ops/failures/${failure?.id ?? ""}/redrive`);
  expect([redriven.status, redriven.body["state"]]).toEqual([202, "redriven"]);
  await watch.until(() => heard.includes(`file.deleted ${file.id}`));
  expect(await isGone(file.blob)).toBe(true);
});

test("the sweeper deletes it when every message about it is lost", async () => {
  const file = await opened();
  const other = await closedWithoutDeletion(file);
  const management = await stack.management();
  for (const queue of ["url-closed", "deadlines"]) {
    const purged = await fetch(`${management}/queues/${queue}/messages`, { method: "DELETE" });
    expect(purged.status).toBe(200);
  }
  await other.stop();
  await stack.start("functions");
  await stack.advance("PT1H");
  await stack.idle();
  await olga.run("sweepFiles");
  await watch.until(() => heard.includes(`file.deleted ${file.id}`));
  expect(await isGone(file.blob)).toBe(true);
});

test("a file that its sender takes back is deleted, while it is being read as well", async () => {
  const { conversation, id, blob } = await opened();
  await ana.api.unsend(conversation, id);
  await watch.until(() => heard.includes(`file.deleted ${id}`));
  expect(await isGone(blob)).toBe(true);
  await ana.api.unsend(conversation, id);
  expect(await ana.api.file(conversation, id)).toMatchObject({ state: "deleted", reason: "unsent" });
});
