/** What a user may do about an account and about others, on the whole stack: erase it, block somebody, report a message. */
import { TableClient } from "@azure/data-tables";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { newId, person } from "../support/chat.js";
import { blobsIn, sha256 } from "../support/files.js";
import { operator } from "../support/operator.js";
import { startStack, type Stack } from "../support/stack.js";

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
}, 60_000);
afterAll(() => stack.stop());

/** Every row of a table, as text. */
async function rowsOf(table: string): Promise<readonly string[]> {
  const client = TableClient.fromConnectionString(stack.info.storage, table, { allowInsecureConnection: true });
  const found: string[] = [];
  for await (const row of client.listEntities()) found.push(Object.values(row).map(String).join(" "));
  return found;
}

test("an account is erased as a job that can be watched: nothing names the user, others lose nothing", async () => {
  // A name that is in no other word, nor in its key's encoding.
  const name = "erasable-user-1";
  const encoded = Buffer.from(name).toString("base64url");
  const ann = await person(stack, name);
  const bo = await person(stack, "bo-1");
  await ann.connect();
  await bo.connect();
  const { id: pair } = await ann.start(["bo-1"]);
  const { id: left } = await bo.start([name, "cy-1"]);
  await ann.send(left, "from before");
  await stack.idle();
  await ann.api.removeMember(left, name);

  const { id: own } = await ann.send(pair, "mine");
  const { id: kept } = await bo.send(pair, "his, and kept");
  await stack.idle();
  for (const each of [ann, bo]) await each.api.consent(pair, kept);
  const sendAt = new Date((await stack.now()) + 3_600_000).toISOString();
  await ann.api.send(pair, { id: newId(), text: "later", sendAt });
  const upload = { name: "a.txt", contentType: "text/plain", bytes: Buffer.from("hers") };
  const { id: file } = await ann.sendFile(pair, upload);
  const { id: his } = await bo.sendFile(pair, { ...upload, bytes: Buffer.from("his") });
  await stack.idle();
  await ann.api.openView(pair, his, { key: newId() });
  const disconnected = new Promise((resolve) => ann.socket?.once("disconnect", resolve));

  expect(await ann.api.eraseMe()).toMatchObject({ state: "running" });
  await ann.api.eraseMe();
  expect(await disconnected).toBe("transport close");
  ann.close();
  await stack.idle();
  expect(await ann.api.erasure()).toMatchObject({ state: "running", conversations: 1, scheduled: 1 });
  await stack.advance("PT6M");
  await stack.idle();
  expect(await ann.api.erasure()).toMatchObject({
    ...{ state: "done", conversations: 1, messages: 2, files: 1, scheduled: 1, released: 1, failures: 0 },
  });

  expect((await bo.api.conversation(pair)).members).toEqual(["bo-1"]);
  await expect(bo.api.message(pair, own)).rejects.toMatchObject({ code: "message-deleted" });
  await expect(bo.api.openView(pair, file, { key: newId() })).rejects.toMatchObject({ code: "file-deleted" });
  expect(await bo.api.message(pair, kept)).toMatchObject({ text: "his, and kept", retention: { state: "released" } });
  expect([...(await blobsIn(stack, "files")).keys()].filter((blob) => blob.includes(file))).toEqual([]);
  for (const table of ["conversations", "memberships", "due", "failures", "blocks", "files", "usages"])
    expect((await rowsOf(table)).filter((row) => row.includes(name) || row.includes(encoded))).toEqual([]);
  const again = await ann.start(["bo-1"]);
  expect(again.members).toContain(name);
  bo.close();
}, 60_000);

test("a message is reported by who may see it; an operator verifies a copy of it, long after it has expired", async () => {
  const ana = await person(stack, "ana-2");
  const bo = await person(stack, "bo-2");
  const olga = await operator(stack);
  const { id: conversation } = await ana.start(["bo-2"]);
  const text = "a thing nobody should say";
  const { id } = await ana.send(conversation, text);
  const bytes = Buffer.from("nor should it be sent");
  const { id: file } = await ana.sendFile(conversation, { name: "a.txt", contentType: "text/plain", bytes });
  await stack.idle();
  await stack.advance("PT25H");
  await stack.idle();
  await expect(bo.api.message(conversation, id)).rejects.toMatchObject({ code: "message-expired" });

  const reported = await bo.api.report(conversation, id, { reason: "illegal", text });
  expect(reported).toMatchObject({ messageId: id, reason: "illegal", hasEvidence: true });
  expect(await bo.api.report(conversation, id, { reason: "spam" })).toEqual(reported);
  await expect(bo.api.report(conversation, id, { reason: "spam", text: "no" })).rejects.toMatchObject({ status: 422 });
  const ofFile = await bo.api.report(conversation, file, { reason: "other", sha256: sha256(bytes) });
  expect(ofFile).toMatchObject({ hasEvidence: true });

  const { body } = await olga.request("GET", "ops/reports");
  expect(body["items"]).toHaveLength(2);
  expect(body["items"]).toContainEqual(expect.objectContaining({ id: reported.id, author: "ana-2", reporter: "bo-2" }));
  const page = await olga.request("GET", "ops/reports?limit=1");
  const next = await olga.request("GET", `ops/reports?limit=1&cursor=${String(page.body["nextCursor"])}`);
  expect([page, next].flatMap((each) => each.body["items"])).toEqual(body["items"]);
  const verify = async (report: string, shown: object) =>
    (await olga.request("POST", `ops/reports/${report}/verify`, shown)).body;
  expect(await verify(reported.id, { text })).toEqual({ matches: true });
  expect(await verify(reported.id, { text: text.toUpperCase() })).toEqual({ matches: false });
  expect(await verify(ofFile.id, { sha256: sha256(bytes) })).toEqual({ matches: true });
  for (const table of ["conversations", "reports", "audit"])
    expect((await rowsOf(table)).filter((row) => row.includes(text))).toEqual([]);
}, 60_000);
