import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { ChatClient } from "../../client/chat-client.js";
import { person, Watch } from "../support/chat.js";
import { startStack, type Stack } from "../support/stack.js";

const PNG = Uint8Array.from(
  Buffer.from(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    "base64",
  ),
);

let stack: Stack;
let ana: ChatClient;
let bo: ChatClient;
const heard: string[] = [];
const watch = new Watch();

beforeAll(async () => {
  stack = await startStack();
  ana = await person(stack, "ana");
  bo = await person(stack, "bo", {
    onChange: (_, { type, messageId = "", reason = "" }) => {
      heard.push(`${type} ${messageId} ${reason}`.trim());
      watch.changed();
    },
  });
  await Promise.all([ana.connect(), bo.connect()]);
});

afterAll(async () => {
  ana.close();
  bo.close();
  await stack.stop();
});

test("a file is uploaded, opened, read and closed, and then it is gone", async () => {
  const { id: conversation } = await ana.start(["bo"]);
  const { id } = await ana.sendFile(conversation, { name: "a picture.png", contentType: "image/png", bytes: PNG });
  await watch.until(() => heard.includes(`message.created ${id}`));
  const message = await bo.api.message(conversation, id);
  expect(message).toMatchObject({
    kind: "file",
    file: { id, name: "a picture.png", size: PNG.length, contentType: "image/png", state: "ready" },
  });
  const view = await bo.openFile(conversation, id);
  const response = await fetch(view.url);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("image/png");
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(response.headers.get("content-disposition")).toBe("inline; filename*=UTF-8''a%20picture.png");
  expect(new Uint8Array(await response.arrayBuffer())).toEqual(PNG);
  expect(await view.close()).toEqual({ state: "closed" });
  await watch.until(() => heard.includes(`file.deleted ${id} closed`));
  expect((await fetch(view.url)).status).toBe(404);
  await expect(bo.api.message(conversation, id)).rejects.toMatchObject({ status: 410, code: "file-deleted" });
});
