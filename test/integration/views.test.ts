import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { io } from "socket.io-client";
import type { ChatClient } from "../../client/chat-client.js";
import { newId, person, request, Watch } from "../support/chat.js";
import { get, PICTURE, PNG, put } from "../support/files.js";
import { startStack, type Stack } from "../support/stack.js";

let stack: Stack;
let ana: ChatClient;
let bo: ChatClient;
let cy: ChatClient;
const heard: string[] = [];
const watch = new Watch();

beforeAll(async () => {
  stack = await startStack();
  [ana, bo, cy] = await Promise.all([
    person(stack, "ana", {
      onChange: (_, { type, messageId = "", user = "", reason = "" }) => {
        heard.push([type, messageId, user, reason].filter((part) => part !== "").join(" "));
        watch.changed();
      },
    }),
    person(stack, "bo"),
    person(stack, "cy"),
  ]);
  await Promise.all([ana, bo, cy].map((client) => client.connect()));
});

afterAll(async () => {
  for (const client of [ana, bo, cy]) client.close();
  await stack.stop();
});

type DeleteWhen = "first-close" | "all-recipients-closed";

/** A file of ana's that everybody can open. */
async function sent(
  members: readonly string[] = ["bo"],
  deleteWhen: DeleteWhen = "all-recipients-closed",
): Promise<{ conversation: string; id: string }> {
  const { id: conversation } = await ana.start(members);
  const { id } = await ana.sendFile(conversation, { ...PICTURE, deleteWhen, bytes: PNG });
  await watch.until(() => heard.includes(`message.created ${id}`));
  return { conversation, id };
}

const told = (line: string): Promise<void> => watch.until(() => heard.includes(line));
const closes = (id: string): readonly string[] => heard.filter((line) => line.startsWith(`file.closed ${id}`));

/** Opens without any heartbeats to follow. */
async function opened(client: ChatClient, conversation: string, id: string) {
  const { id: socketId = "" } = client.socket ?? {};
  const view = await client.api.openView(conversation, id, { key: newId(), socketId });
  return { ...view, name: { conversationId: conversation, fileId: id, viewId: view.id } };
}

/** How many events of sockets have come from upstream: nobody waits for them, so the log is what tells. */
async function eventsHeard(): Promise<number> {
  return (await stack.logs("functions")).match(/Executed 'Functions\.receiveEvents'/g)?.length ?? 0;
}

async function heardOneMoreThan(count: number): Promise<void> {
  while ((await eventsHeard()) <= count) await stack.idle();
}

const closePath = (name: { conversationId: string; fileId: string; viewId: string }): string =>
  `v1/conversations/${name.conversationId}/files/${name.fileId}/views/${name.viewId}/close`;

describe("a view ends", () => {
  test("by the Socket.IO event file.close, which is answered", async () => {
    const { conversation, id } = await sent();
    const { name } = await opened(bo, conversation, id);
    const answer: unknown = await bo.socket?.emitWithAck("file.close", name);
    expect(answer).toEqual({ ok: true, state: "closed" });
    await told(`file.closed ${id} bo closed`);
    await told(`file.deleted ${id} closed`);
    expect(await bo.socket?.emitWithAck("file.close", name)).toMatchObject({ ok: true, state: "deleted" });
    expect(await cy.socket?.emitWithAck("file.close", name)).toMatchObject({
      ok: false,
      problem: { code: "conversation-unknown", status: 404 },
    });
    expect(await bo.socket?.emitWithAck("file.close", { ...name, viewId: 1 })).toMatchObject({
      ok: false,
      problem: { code: "input-invalid", errors: [{ pointer: "/viewId" }] },
    });
    expect(await bo.socket?.emitWithAck("file.close")).toMatchObject({ ok: false });
    expect(bo.socket?.connected).toBe(true);
  });

  test("by a beacon: text, without a bearer token", async () => {
    const { conversation, id } = await sent();
    const view = await bo.openFile(conversation, id);
    view.abandon();
    const { url, body } = view.beacon;
    const response = await fetch(url, { method: "POST", body });
    expect([response.status, await response.json()]).toEqual([202, { state: "closed" }]);
    await told(`file.closed ${id} bo navigated`);
    await told(`file.deleted ${id} closed`);
    expect((await fetch(url, { method: "POST", body })).status).toBe(202);
  });

  test("by a lost lease, 45 seconds after the last heartbeat", async () => {
    const { conversation, id } = await sent();
    const { name, url } = await opened(bo, conversation, id);
    await stack.advance("PT40S");
    await stack.idle();
    await bo.api.heartbeat(name);
    await stack.advance("PT40S");
    await stack.idle();
    expect(closes(id)).toEqual([]);
    expect(await ana.api.file(conversation, id)).toMatchObject({ state: "ready" });
    await stack.advance("PT6S");
    await told(`file.closed ${id} bo lease-expired`);
    await told(`file.deleted ${id} closed`);
    expect([403, 404]).toContain(await get(url));
    await expect(bo.api.heartbeat(name)).rejects.toMatchObject({ status: 410 });
  });

  test("thirty seconds after its socket is gone", async () => {
    const { conversation, id } = await sent();
    const dee = await person(stack, "bo");
    await dee.connect();
    const { name } = await opened(dee, conversation, id);
    await stack.advance("PT5S");
    await bo.api.heartbeat(name);
    const before = await eventsHeard();
    dee.close();
    await heardOneMoreThan(before);
    // The machine's own time goes by as well: no second is counted on.
    await stack.advance("PT20S");
    await stack.idle();
    expect(closes(id)).toEqual([]);
    await stack.advance("PT15S");
    await told(`file.closed ${id} bo disconnected`);
    await told(`file.deleted ${id} closed`);
  });

  test("not when the reader reconnects and goes on within that time", async () => {
    const { conversation, id } = await sent();
    const { name } = await opened(bo, conversation, id);
    const before = bo.socket?.id;
    bo.socket?.io.engine.close();
    await new Promise<void>((resolve) => bo.socket?.once("connect", () => resolve()));
    expect(bo.socket?.id).not.toBe(before);
    await stack.idle();
    await stack.advance("PT20S");
    await bo.api.heartbeat(name, { socketId: bo.socket?.id ?? "" });
    await stack.advance("PT20S");
    await stack.idle();
    expect(closes(id)).toEqual([]);
    // The new socket has it now.
    await bo.api.heartbeat(name);
    await bo.api.closeView(name);
    await told(`file.closed ${id} bo closed`);
  });

  test("after ten minutes, however many heartbeats", async () => {
    const { conversation, id } = await sent();
    const { name } = await opened(bo, conversation, id);
    const urls: string[] = [];
    for (let n = 1; n < 20; n++) {
      await stack.advance("PT30S");
      await stack.idle();
      // A player asks for ranges for minutes, each time with the URL of the last heartbeat.
      const { url, leaseExpiresAt } = await bo.api.heartbeat(name);
      expect(await get(url, { range: `bytes=${String(n)}-${String(n + 9)}` })).toBe(206);
      urls.push(url);
      if (n === 19) expect(Date.parse(leaseExpiresAt) - (await stack.now())).toBeLessThanOrEqual(30_000);
    }
    expect(await get(urls[0] ?? "")).toBe(403);
    await stack.advance("PT31S");
    await told(`file.closed ${id} bo max-duration`);
    await told(`file.deleted ${id} closed`);
    for (const url of urls) expect([403, 404]).toContain(await get(url));
  });

  test("when the reader is removed, or leaves", async () => {
    const { conversation, id } = await sent(["bo", "cy"]);
    const { name } = await opened(bo, conversation, id);
    await ana.api.removeMember(conversation, "bo");
    await told(`file.closed ${id} bo revoked`);
    await expect(bo.api.heartbeat(name)).rejects.toMatchObject({ status: 404, code: "conversation-unknown" });
    expect(await ana.api.file(conversation, id)).toMatchObject({ state: "ready" });
    // Who never opened it and leaves was the last it waited for.
    await cy.api.removeMember(conversation, "cy");
    await told(`file.deleted ${id} closed`);
  });
});

describe("closing", () => {
  test("again, after the deletion, by strangers, the sender, or with a wrong token: one answer each", async () => {
    const { conversation, id } = await sent(["bo", "cy"]);
    const { name, closeToken } = await opened(bo, conversation, id);
    const eve = await person(stack, "eve");
    const noView = { code: "view-unknown", status: 404 };
    await expect(eve.api.closeView(name)).rejects.toMatchObject({ code: "conversation-unknown", status: 404 });
    await expect(cy.api.closeView(name)).rejects.toMatchObject(noView);
    await expect(ana.api.closeView(name)).rejects.toMatchObject(noView);
    await expect(bo.api.closeView({ ...name, viewId: newId() })).rejects.toMatchObject(noView);
    await expect(bo.api.closeView({ ...name, fileId: newId() })).rejects.toMatchObject(noView);
    for (const wrong of ["", "x", `${closeToken}x`]) {
      const answer = await request(stack, "POST", closePath(name), { body: { closeToken: wrong } });
      expect(answer).toMatchObject({ status: 403, body: { code: "close-token-invalid" } });
    }
    expect((await request(stack, "POST", closePath(name), {})).status).toBe(401);
    expect((await request(stack, "POST", closePath(name), { body: { reason: "closed" } })).status).toBe(401);
    const elsewhere = { ...name, viewId: newId() };
    const other = await request(stack, "POST", closePath(elsewhere), { body: { closeToken } });
    expect(other.status).toBe(403);
    await stack.idle();
    expect(closes(id)).toEqual([]);

    expect(await bo.api.closeView(name)).toEqual({ state: "closed" });
    expect(await bo.api.closeView(name, { reason: "navigated" })).toEqual({ state: "closed" });
    await told(`file.closed ${id} bo closed`);
    await stack.idle();
    expect(await bo.api.closeView(name)).toEqual({ state: "closed" });
    await expect(bo.api.openView(conversation, id, { key: newId() })).rejects.toMatchObject({ code: "view-closed" });
    await expect(bo.api.heartbeat(name)).rejects.toMatchObject({ status: 410, code: "view-closed" });
    await (await cy.openFile(conversation, id)).close();
    await told(`file.deleted ${id} closed`);
    const gone = await bo.api.closeView(name);
    expect(gone).toEqual({ state: "deleted", deletedAt: expect.any(String) as unknown });
    expect(await bo.api.closeView(name)).toEqual(gone);
    expect(closes(id)).toEqual([`file.closed ${id} bo closed`, `file.closed ${id} cy closed`]);
  });

  test("by two at the same moment, many times over: each view once, the file once", async () => {
    for (let n = 0; n < 5; n++) {
      const { conversation, id } = await sent(["bo", "cy"]);
      const [a, b] = await Promise.all([opened(bo, conversation, id), opened(cy, conversation, id)]);
      await Promise.all([
        ...[1, 2, 3].flatMap(() => [bo.api.closeView(a.name), cy.api.closeView(b.name)]),
        bo.socket?.emitWithAck("file.close", a.name),
      ]);
      await told(`file.deleted ${id} closed`);
      await stack.idle();
      const { items } = await ana.api.changes(conversation, 0);
      const types = items.map(({ type }) => type);
      expect(types.filter((type) => type === "file.closed")).toHaveLength(2);
      expect(types.filter((type) => type === "file.deleted")).toHaveLength(1);
    }
  });

  test("while a download runs: the download may end, no other begins", async () => {
    const { id: conversation } = await ana.start(["bo"]);
    const bytes = new Uint8Array(20 * 1024 * 1024).fill(65);
    const { id } = await ana.sendFile(conversation, { name: "long.txt", contentType: "text/plain", bytes });
    await told(`message.created ${id}`);
    const { name, url } = await opened(bo, conversation, id);
    const response = await fetch(url);
    const chunks = (response.body as AsyncIterable<Uint8Array, undefined> | null)?.[Symbol.asyncIterator]();
    let size = (await chunks?.next())?.value?.length ?? 0;
    expect(size).toBeGreaterThan(0);
    await bo.api.closeView(name);
    await told(`file.deleted ${id} closed`);
    expect(await get(url)).toBe(404);
    // Whole or broken off: never something else.
    const rest = async (): Promise<number> => {
      for (let next = await chunks?.next(); next?.done === false; next = await chunks?.next())
        size += next.value.length;
      return size;
    };
    const read = await rest().catch(() => -1);
    expect([-1, bytes.length]).toContain(read);
  });

  test("the first of many, where the sender said so", async () => {
    const { conversation, id } = await sent(["bo", "cy"], "first-close");
    const [a, b] = await Promise.all([opened(bo, conversation, id), opened(cy, conversation, id)]);
    await bo.api.closeView(a.name);
    await told(`file.deleted ${id} closed`);
    expect(await get(b.url)).toBe(404);
    await expect(cy.api.heartbeat(b.name)).rejects.toMatchObject({ status: 410, code: "file-deleted" });
    expect(await cy.api.closeView(b.name)).toMatchObject({ state: "deleted" });
  });
});

describe("opening", () => {
  test("never by GET, so that what only looks burns nothing", async () => {
    const { conversation, id } = await sent();
    const token = await stack.token("bo");
    const path = `v1/conversations/${conversation}/files/${id}/views`;
    expect((await request(stack, "GET", path, { token })).status).toBe(404);
    const file = await request(stack, "GET", `v1/conversations/${conversation}/files/${id}`, { token });
    expect(JSON.stringify(file.body)).not.toContain("http");
    expect(JSON.stringify(await bo.api.message(conversation, id))).not.toContain("sig=");
  });

  test("once: the same key answers the same view while it lives, another finds it open", async () => {
    const { conversation, id } = await sent();
    const key = newId();
    const views = await Promise.all(Array.from({ length: 4 }, () => bo.api.openView(conversation, id, { key })));
    expect(new Set(views.map((view) => `${view.id} ${view.closeToken}`)).size).toBe(1);
    const opening = { code: "view-open", status: 409 };
    await expect(bo.api.openView(conversation, id, { key: newId() })).rejects.toMatchObject(opening);
    await expect(bo.api.openView(conversation, id)).rejects.toMatchObject(opening);
    await stack.advance("PT46S");
    await expect(bo.api.openView(conversation, id, { key })).rejects.toMatchObject({ status: 410 });
    await told(`file.deleted ${id} closed`);
    const { items } = await ana.api.changes(conversation, 0);
    expect(items.filter(({ type }) => type === "file.opened")).toHaveLength(1);
  });

  test("by the sender: until the first reader has, and it counts for nothing", async () => {
    const { conversation, id } = await sent();
    for (let n = 0; n < 2; n++) {
      const preview = await opened(ana, conversation, id);
      expect(await get(preview.url)).toBe(200);
      expect(await ana.api.closeView(preview.name)).toEqual({ state: "closed" });
    }
    await stack.idle();
    expect(await ana.api.file(conversation, id)).toMatchObject({ state: "ready" });
    const { name } = await opened(bo, conversation, id);
    await expect(ana.api.openView(conversation, id)).rejects.toMatchObject({ code: "preview-over", status: 409 });
    await bo.api.closeView(name);
    await told(`file.deleted ${id} closed`);
    expect(heard.filter((line) => line.includes(`${id} ana`))).toEqual([]);
  });

  test("not by who joined later, and not before it is delivered", async () => {
    const { conversation, id } = await sent();
    await ana.api.addMember(conversation, "cy");
    await expect(cy.api.openView(conversation, id)).rejects.toMatchObject({ status: 404, code: "file-unknown" });
    await expect(cy.api.file(conversation, id)).rejects.toMatchObject({ status: 404, code: "file-unknown" });
    const created = await ana.api.createFile(conversation, PICTURE);
    await put(created, PNG);
    await expect(ana.api.openView(conversation, created.id)).rejects.toMatchObject({ code: "file-not-ready" });
    const bad = await request(stack, "POST", `v1/conversations/${conversation}/files/${id}/views`, {
      token: await stack.token("bo"),
      headers: { "idempotency-key": "x".repeat(65) },
    });
    expect(bad).toMatchObject({ status: 400, body: { code: "parameter-invalid" } });
  });
});

describe("events from upstream", () => {
  const post = (headers: Record<string, string>, method = "POST") =>
    fetch(`${stack.info.functions}/api/webpubsub/events`, {
      method,
      headers,
      ...(method === "POST" ? { body: "{}" } : {}),
    });

  test("are allowed to come from the configured service alone", async () => {
    const host = new URL(/Endpoint=([^;]+)/.exec(stack.info.webPubSub)?.[1] ?? "").host;
    const allowed = await post({ "webhook-request-origin": host }, "OPTIONS");
    expect([allowed.status, allowed.headers.get("webhook-allowed-origin")]).toEqual([200, host]);
    expect((await post({ "webhook-request-origin": "evil.example" }, "OPTIONS")).status).toBe(400);
  });

  test("without the service's signature do nothing", async () => {
    const event = {
      "ce-type": "azure.webpubsub.sys.disconnected",
      "ce-connectionid": "c",
      "ce-socketid": bo.socket?.id ?? "",
      "ce-userid": "bo",
    };
    expect((await post(event)).status).toBe(401);
    for (const signature of ["", "sha256=", `sha256=${"0".repeat(64)}`, "0".repeat(64)]) {
      expect((await post({ ...event, "ce-signature": signature })).status).toBe(401);
    }
  });

  test("put a socket into its rooms, without a join", async () => {
    const { id: conversation } = await ana.start(["bo"]);
    const { endpoint, path, token } = await bo.api.negotiate();
    const socket = io(endpoint, { path, query: { access_token: token }, transports: ["websocket"], forceNew: true });
    const heardIn: string[] = [];
    socket.on("message.created", ({ conversationId }: { conversationId: string }) => heardIn.push(conversationId));
    await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
    // The event comes in its own time, and nothing tells the client that it has.
    while (heardIn.length === 0) {
      await ana.send(conversation, "hello");
      await stack.idle();
    }
    expect(heardIn[0]).toBe(conversation);
    socket.disconnect();
  });
});
