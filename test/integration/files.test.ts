import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { BlobServiceClient } from "@azure/storage-blob";
import type { ChatClient } from "../../client/chat-client.js";
import { newId, person, request, Watch } from "../support/chat.js";
import { blobsIn, get, PICTURE, PNG, put, sha256 } from "../support/files.js";
import { startStack, type Stack } from "../support/stack.js";

const EICAR = ["X5O!P%@AP[4\\PZX54(P^)7CC)7}", "$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].join("");
const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

let stack: Stack;
let ana: ChatClient;
let bo: ChatClient;
const heard: string[] = [];
const watch = new Watch();

beforeAll(async () => {
  stack = await startStack({ env: { FILES_PER_DAY: "40", FILE_BYTES_PER_DAY: "200000000" } });
  ana = await person(stack, "ana", {
    onRejected: ({ messageId, code }) => {
      heard.push(`file.rejected ${messageId} ${code}`);
      watch.changed();
    },
  });
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

async function started(): Promise<string> {
  return (await ana.start(["bo"])).id;
}

/** A file of ana's that bo has heard of. */
async function sent(conversation: string): Promise<string> {
  const { id } = await ana.sendFile(conversation, { ...PICTURE, bytes: PNG });
  await watch.until(() => heard.includes(`message.created ${id}`));
  return id;
}

test("a file is uploaded, opened, read and closed, and then it is gone", async () => {
  const conversation = await started();
  const { id } = await ana.sendFile(conversation, { ...PICTURE, bytes: PNG, sha256: sha256(PNG) });
  await watch.until(() => heard.includes(`message.created ${id}`));
  const message = await bo.api.message(conversation, id);
  expect(message).toMatchObject({ kind: "file", file: { ...PICTURE, id, state: "ready" } });
  const view = await bo.openFile(conversation, id);
  const response = await fetch(view.url);
  expect(response.status).toBe(200);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    "content-type": "image/png",
    "cache-control": "no-store",
    "content-disposition": "inline; filename*=UTF-8''a%20picture.png",
  });
  expect(new Uint8Array(await response.arrayBuffer())).toEqual(PNG);
  expect(await view.close()).toEqual({ state: "closed" });
  await watch.until(() => heard.includes(`file.deleted ${id} closed`));
  expect(await get(view.url)).toBe(404);
  await expect(bo.api.message(conversation, id)).rejects.toMatchObject({ status: 410, code: "file-deleted" });
  expect(await ana.api.file(conversation, id)).toMatchObject({ state: "deleted", reason: "closed" });
  const { items } = await bo.api.changes(conversation, 1);
  expect(items.map(({ type, user, reason }) => [type, user, reason])).toEqual([
    ["message.created", undefined, undefined],
    ["file.opened", "bo", undefined],
    ["file.closed", "bo", "closed"],
    ["file.deleted", undefined, "closed"],
  ]);
  expect(JSON.stringify(items)).not.toContain("picture");
});

test("every URL that was ever given out stays dead, and nothing brings the file back", async () => {
  const conversation = await started();
  const input = { ...PICTURE, id: newId() };
  const created = await ana.api.createFile(conversation, input);
  const again = await ana.api.createFile(conversation, input);
  expect(await put(created, PNG)).toBe(201);
  expect(await put(again, bytesOf("something else"))).toBe(403);
  await ana.api.completeFile(conversation, input.id);
  expect(await put(created, PNG)).toBe(403);
  await watch.until(() => heard.includes(`message.created ${input.id}`));
  const urls: string[] = [];
  const key = newId();
  for (let n = 0; n < 3; n++) urls.push((await bo.api.openView(conversation, input.id, { key })).url);
  const view = await bo.api.openView(conversation, input.id, { key });
  const name = { conversationId: conversation, fileId: input.id, viewId: view.id };
  for (let n = 0; n < 3; n++) urls.push((await bo.api.heartbeat(name)).url);
  for (const url of urls) expect(await get(url)).toBe(200);
  // What one URL permits is one blob, and reading alone.
  const other = (await blobsIn(stack, "files")).keys().next().value ?? "";
  const elsewhere = new URL(urls[0] ?? "");
  elsewhere.pathname = elsewhere.pathname.replace(/files\/.*/, `files/${other}x`);
  expect(await get(elsewhere.href)).toBe(403);
  expect((await fetch(urls[0] ?? "", { method: "DELETE" })).status).toBe(403);

  await bo.api.closeView(name);
  await watch.until(() => heard.includes(`file.deleted ${input.id} closed`));
  const uploads = [created.upload.url, again.upload.url];
  for (const url of [...urls, ...uploads]) expect([403, 404]).toContain(await get(url));
  for (const upload of [created, again]) expect(await put(upload, PNG)).toBe(403);
  await expect(ana.api.completeFile(conversation, input.id)).rejects.toMatchObject({ code: "file-deleted" });
  await expect(ana.api.createFile(conversation, input)).rejects.toMatchObject({ code: "message-id-taken" });
  await stack.idle();
  const left = [...(await blobsIn(stack, "files")).keys()].filter((blob) => blob.includes(input.id));
  expect(left).toEqual([]);
  expect((await blobsIn(stack, "staging")).get(`${conversation}/${input.id}`)).toBe(0);
  // Also when every signature has ended.
  await stack.advance("PT31M");
  await stack.idle();
  expect([...(await blobsIn(stack, "staging")).keys()].filter((blob) => blob.includes(input.id))).toEqual([]);
  for (const url of [...urls, ...uploads]) expect([403, 404]).toContain(await get(url));
  for (const upload of [created, again]) expect(await put(upload, PNG)).toBe(403);
});

test("completing again changes nothing", async () => {
  const conversation = await started();
  const created = await ana.api.createFile(conversation, { ...PICTURE, deleteWhen: "first-close" });
  await put(created, PNG);
  const answers = await Promise.all(Array.from({ length: 5 }, () => ana.api.completeFile(conversation, created.id)));
  expect(new Set(answers.map(({ id }) => id))).toEqual(new Set([created.id]));
  await watch.until(() => heard.includes(`message.created ${created.id}`));
  expect(await ana.api.completeFile(conversation, created.id)).toMatchObject({ state: "delivered" });
  await stack.idle();
  const { items } = await bo.api.changes(conversation, 0);
  expect(items.map(({ type }) => type)).toEqual(["conversation.updated", "message.created"]);
  await expect(bo.api.completeFile(conversation, created.id)).rejects.toMatchObject({ code: "file-unknown" });
});

describe("a wrong upload is a clear problem, and nothing of it is left", () => {
  test.each<[string, object, Uint8Array<ArrayBuffer>, number, string]>([
    ["shorter", {}, PNG.slice(0, 40), 422, "upload-size-mismatch"],
    ["of another hash", { sha256: sha256(PNG.slice(1)) }, PNG, 422, "upload-hash-mismatch"],
    ["of another type", { contentType: "image/jpeg" }, PNG, 415, "upload-type-mismatch"],
    ["no text", { contentType: "text/plain" }, PNG, 415, "upload-type-mismatch"],
    ["no picture", { size: 5 }, bytesOf("<svg>"), 415, "upload-type-mismatch"],
  ])("%s", async (_, change, bytes, status, code) => {
    const conversation = await started();
    const created = await ana.api.createFile(conversation, { ...PICTURE, ...change });
    expect(await put(created, bytes)).toBe(201);
    for (let n = 0; n < 2; n++) {
      await expect(ana.api.completeFile(conversation, created.id)).rejects.toMatchObject({ status, code });
    }
    await watch.until(() => heard.includes(`file.rejected ${created.id} ${code}`));
    expect(await ana.api.file(conversation, created.id)).toMatchObject({ state: "rejected", reason: code });
    expect(await ana.api.delivery(conversation, created.id)).toMatchObject({ state: "failed", failure: { code } });
    expect([...(await blobsIn(stack, "files")).keys()].filter((blob) => blob.includes(created.id))).toEqual([]);
    await expect(bo.api.file(conversation, created.id)).rejects.toMatchObject({ code: "file-unknown" });
    await expect(bo.api.openView(conversation, created.id)).rejects.toMatchObject({ code: "file-unknown" });
  });

  test("missing: it can still come", async () => {
    const conversation = await started();
    const created = await ana.api.createFile(conversation, PICTURE);
    await expect(ana.api.completeFile(conversation, created.id)).rejects.toMatchObject({
      status: 409,
      code: "upload-missing",
    });
    await put(created, PNG);
    expect(await ana.api.completeFile(conversation, created.id)).toMatchObject({ state: "accepted" });
  });

  test("malicious: it is never delivered", async () => {
    const conversation = await started();
    const { id } = await ana.sendFile(conversation, {
      name: "eicar.txt",
      contentType: "text/plain",
      bytes: bytesOf(EICAR),
    });
    await watch.until(() => heard.includes(`file.rejected ${id} file-malicious`));
    await stack.idle();
    expect((await bo.api.changes(conversation, 0)).headSeq).toBe(1);
    expect([...(await blobsIn(stack, "files")).keys()].filter((blob) => blob.includes(id))).toEqual([]);
  });

  test("never completed: gone within the hour", async () => {
    const conversation = await started();
    const created = await ana.api.createFile(conversation, PICTURE);
    await put(created, PNG);
    await stack.advance("PT35M");
    await stack.idle();
    await watch.until(() => heard.includes(`file.rejected ${created.id} upload-expired`));
    expect([...(await blobsIn(stack, "staging")).keys()].filter((blob) => blob.includes(created.id))).toEqual([]);
    await expect(ana.api.completeFile(conversation, created.id)).rejects.toMatchObject({ code: "upload-expired" });
    expect(await put(created, PNG)).toBe(403);
  });
});

describe("what is not taken, and what would be", () => {
  test.each([
    [{ size: 104_857_601 }, 413, "file-too-large", { bytes: 104_857_600 }],
    [{ contentType: "text/html" }, 415, "file-type-not-allowed", { types: expect.arrayContaining(["image/png"]) }],
    [{ contentType: "image/svg+xml; a=b" }, 415, "file-type-not-allowed", {}],
  ])("%j", async (change, status, code, allowed) => {
    const conversation = await started();
    const token = await stack.token("ana");
    const answer = await request(stack, "POST", `v1/conversations/${conversation}/files`, {
      token,
      body: { ...PICTURE, ...change },
    });
    expect(answer).toMatchObject({ status, body: { code, allowed } });
  });

  test.each([
    [{ name: "" }, "/name"],
    [{ name: "a/b" }, "/name"],
    [{ name: "a\u0000" }, "/name"],
    [{ name: "x".repeat(256) }, "/name"],
    [{ size: 0 }, "/size"],
    [{ size: 1.5 }, "/size"],
    [{ size: "1" }, "/size"],
    [{ contentType: "picture" }, "/contentType"],
    [{ contentType: "image/png\r\nx: y" }, "/contentType"],
    [{ sha256: "abc" }, "/sha256"],
    [{ deleteWhen: "never" }, "/deleteWhen"],
    [{ id: "1" }, "/id"],
  ])("%j", async (change, pointer) => {
    const conversation = newId();
    const token = await stack.token("ana");
    const answer = await request(stack, "POST", `v1/conversations/${conversation}/files`, {
      token,
      body: { ...PICTURE, ...change },
    });
    expect(answer).toMatchObject({ status: 422, body: { code: "input-invalid", errors: [{ pointer }] } });
  });

  test("more than a day allows", async () => {
    const dana = await person(stack, "dana");
    const { id: conversation } = await dana.start(["bo"]);
    const big = { ...PICTURE, size: 100_000_000 };
    await dana.api.createFile(conversation, big);
    await dana.api.createFile(conversation, big);
    const answer = await request(stack, "POST", `v1/conversations/${conversation}/files`, {
      token: await stack.token("dana"),
      body: PICTURE,
    });
    expect(answer).toMatchObject({
      status: 429,
      body: { code: "file-quota-exceeded", allowed: { files: 38, bytes: 0 }, retryable: true },
    });
    expect(Number(answer.headers.get("retry-after"))).toBeLessThanOrEqual(86_400);
    await stack.advance("P1D");
    await dana.api.createFile(conversation, big);
  });

  test("by who is not a member, or without a token", async () => {
    const conversation = await started();
    const eve = await person(stack, "eve");
    await expect(eve.api.createFile(conversation, PICTURE)).rejects.toMatchObject({ code: "conversation-unknown" });
    const id = await sent(conversation);
    for (const attempt of [
      eve.api.completeFile(conversation, id),
      eve.api.file(conversation, id),
      eve.api.openView(conversation, id),
    ]) {
      await expect(attempt).rejects.toMatchObject({ status: 404, code: "conversation-unknown" });
    }
    const answer = await request(stack, "POST", `v1/conversations/${conversation}/files`, { body: PICTURE });
    expect(answer.status).toBe(401);
  });
});

test("nobody opens it: it is deleted at its end, and its sender is told why", async () => {
  const conversation = await started();
  const id = await sent(conversation);
  await stack.advance("PT24H2M");
  await stack.idle();
  await bo.sync();
  await watch.until(() => heard.includes(`file.deleted ${id} never-opened`));
  expect(await ana.api.file(conversation, id)).toMatchObject({ state: "deleted", reason: "never-opened" });
  await expect(bo.api.openView(conversation, id)).rejects.toMatchObject({ code: "file-deleted" });
});

test("what all agree to keep is held, whoever closes it, until one of them takes that back", async () => {
  const conversation = await started();
  const id = await sent(conversation);
  await ana.api.consent(conversation, id);
  expect((await bo.api.consent(conversation, id)).retention.state).toBe("retained");
  await stack.idle();
  const view = await bo.openFile(conversation, id);
  await view.close();
  await stack.advance("P2D");
  await stack.idle();
  expect(await ana.api.file(conversation, id)).toMatchObject({ state: "ready" });
  await bo.api.withdrawConsent(conversation, id);
  await stack.idle();
  expect(await ana.api.file(conversation, id)).toMatchObject({ state: "deleted" });

  const other = await sent(conversation);
  await ana.api.consent(conversation, other);
  const { id: group } = await ana.start(["bo", "cy"]);
  const third = await sent(group);
  await (await bo.openFile(group, third)).close();
  await stack.idle();
  await expect(ana.api.consent(group, third)).rejects.toMatchObject({ status: 409, code: "file-closed" });
  await (await bo.openFile(conversation, other)).close();
  await watch.until(() => heard.includes(`file.deleted ${other} closed`));
  expect(heard.filter((line) => line.includes(other) && line.startsWith("retention"))).toEqual([
    `retention.requested ${other}`,
    `retention.lapsed ${other}`,
  ]);
});

test("an account that keeps what is deleted is not ready, and says why", async () => {
  const service = BlobServiceClient.fromConnectionString(stack.info.storage);
  const ready = () => request(stack, "GET", "health/ready");
  expect(await ready()).toMatchObject({ status: 200 });
  await service.setProperties({ deleteRetentionPolicy: { enabled: true, days: 7 } });
  await stack.advance("PT2M");
  const answer = await ready();
  expect(answer.status).toBe(503);
  expect(answer.body["dependencies"]).toContainEqual({
    name: "blob-storage",
    available: false,
    reason: "Soft delete is on in the storage account.",
  });
  await service.setProperties({ deleteRetentionPolicy: { enabled: false } });
  await stack.advance("PT2M");
  expect(await ready()).toMatchObject({ status: 200 });
});

test("browsers may upload and download: CORS of the storage account", async () => {
  const conversation = await started();
  const { upload } = await ana.api.createFile(conversation, PICTURE);
  const preflight = await fetch(upload.url, {
    method: "OPTIONS",
    headers: {
      origin: "https://chat.example",
      "access-control-request-method": "PUT",
      "access-control-request-headers": Object.keys(upload.headers).join(","),
    },
  });
  expect(preflight.status).toBe(200);
  expect(preflight.headers.get("access-control-allow-origin")).toMatch(/^(\*|https:\/\/chat\.example)$/);
});
