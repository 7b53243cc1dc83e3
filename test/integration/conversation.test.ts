import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { ChatClient } from "../../client/chat-client.js";
import type { ServerEvents } from "../../src/lib/contracts/shapes.js";
import { newId, person, request, wholeList, Watch } from "../support/chat.js";
import { startStack, type Stack } from "../support/stack.js";

let stack: Stack;
let ana: ChatClient;

beforeAll(async () => {
  stack = await startStack();
  ana = await person(stack, "ana");
});
afterAll(async () => {
  ana.close();
  await stack.stop();
});

/** A conversation of Ana's in which these texts have been delivered, in this order. */
async function conversationWith(texts: readonly string[], members: readonly string[] = ["bo"]): Promise<string> {
  const { id } = await ana.start(members);
  for (const text of texts) await ana.send(id, text);
  await stack.idle();
  return id;
}

describe("a conversation", () => {
  test("is the same when it is created twice with its id, and not with other content", async () => {
    const token = await stack.token("ana");
    const body = { id: newId(), members: ["bo"], title: "Lunch" };
    const first = await request(stack, "POST", "v1/conversations", { token, body });
    const again = await request(stack, "POST", "v1/conversations", { token, body });
    const other = await request(stack, "POST", "v1/conversations", { token, body: { ...body, members: ["cy"] } });
    expect([first.status, again.status, other.status]).toEqual([201, 200, 409]);
    expect(again.body).toEqual(first.body);
    expect(first.headers.get("location")).toBe(`/api/v1/conversations/${body.id}`);
  });

  test("is listed for its members, newest first, page by page", async () => {
    const eve = await person(stack, "eve");
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) ids.push((await eve.start(["bo"])).id);
    const token = await stack.token("eve");
    const pages: unknown[][] = [];
    for (let cursor = ""; ;) {
      const { body } = await request(stack, "GET", `v1/conversations?limit=2${cursor}`, { token });
      pages.push((body["items"] as { id: string }[]).map(({ id }) => id));
      if (body["nextCursor"] === undefined) break;
      cursor = `&cursor=${body["nextCursor"] as string}`;
    }
    const [newest, ...older] = ids.reverse();
    expect(pages).toEqual([[newest, older[0]], [older[1], older[2]], [older[3]]]);
  });

  test("with the most members there can be, all of whom have it", async () => {
    const members = Array.from({ length: 89 }, (_, n) => `crowd-${String(n)}`);
    const { id } = await ana.start(members);
    const last = await person(stack, "crowd-88");
    const conversation = await last.api.conversation(id);
    expect(conversation.members).toHaveLength(90);
    expect(conversation.receipts).toEqual([]);
    const token = await stack.token("ana");
    const full = await request(stack, "PUT", `v1/conversations/${id}/members/one-more`, { token });
    expect([full.status, full.body["code"]]).toEqual([409, "conversation-full"]);
  });
});

describe("a text", () => {
  test("is accepted, then delivered with its place in the log", async () => {
    const { id: conversation } = await ana.start(["bo"]);
    const token = await stack.token("ana");
    const sent = await request(stack, "POST", `v1/conversations/${conversation}/messages`, {
      token,
      body: { text: "hi" },
    });
    const id = String(sent.body["id"]);
    expect(sent.status).toBe(202);
    expect(sent.headers.get("location")).toBe(`/api/v1/conversations/${conversation}/messages/${id}`);
    expect(sent.body).toMatchObject({
      conversationId: conversation,
      author: "ana",
      kind: "text",
      text: "hi",
      state: "accepted",
    });
    expect(sent.body["expiresInMs"]).toBe(24 * 3_600_000);
    await stack.idle();
    const message = await ana.api.message(conversation, id);
    expect(message).toMatchObject({ seq: 2, state: "delivered", text: "hi", retention: { state: "none" } });
  });

  test("that is not there is 404 with Retry-After: it may be on its way", async () => {
    const conversation = await conversationWith([]);
    const token = await stack.token("ana");
    const answer = await request(stack, "GET", `v1/conversations/${conversation}/messages/${newId()}`, { token });
    expect([answer.status, answer.body["code"], answer.headers.get("retry-after")]).toEqual([
      404,
      "message-unknown-or-not-yet",
      "1",
    ]);
  });

  test("sent again with its id shows once, however often and at whatever moment", async () => {
    const { id: conversation } = await ana.start(["bo"]);
    const input = { id: newId(), text: "once" };
    await Promise.all(Array.from({ length: 10 }, () => ana.api.send(conversation, input)));
    await stack.idle();
    const late = await ana.api.send(conversation, input);
    expect(late).toMatchObject({ id: input.id, text: "once", state: "delivered", seq: 2 });
    await stack.idle();
    expect(await wholeList(ana, conversation)).toEqual([{ id: input.id, seq: 2, text: "once" }]);
  });

  test("sent again after the broker has forgotten its id still shows once", async () => {
    const { id: conversation } = await ana.start(["bo"]);
    const input = { id: newId(), text: "once more" };
    await stack.kill("functions");
    await stack.start("functions");
    await ana.api.send(conversation, input);
    await stack.advance("PT11M");
    await ana.api.send(conversation, input);
    await stack.idle();
    expect(await wholeList(ana, conversation)).toHaveLength(1);
  });

  test("with an id that is taken is 409 where that is known", async () => {
    const { id: conversation } = await ana.start(["bo"]);
    const input = { id: newId(), text: "mine" };
    await ana.api.send(conversation, input);
    await stack.idle();
    const bo = await stack.token("bo");
    const token = await stack.token("ana");
    const path = `v1/conversations/${conversation}/messages`;
    const others = await request(stack, "POST", path, { token: bo, body: input });
    const changed = await request(stack, "POST", path, { token, body: { ...input, text: "changed" } });
    expect([others.body["code"], changed.body["code"]]).toEqual(["message-id-taken", "message-id-taken"]);
  });

  test("whose id is taken on the way fails, and its sender hears of it", async () => {
    const { id: conversation } = await ana.start(["bo"]);
    const watch = new Watch();
    const failed: ServerEvents["message.failed"][] = [];
    const heardByAna: unknown[] = [];
    const listener = (list: unknown[]) => ({
      onFailed: (event: ServerEvents["message.failed"]) => {
        list.push(event);
        watch.changed();
      },
    });
    const [bo, ear] = [await person(stack, "bo", listener(failed)), await person(stack, "ana", listener(heardByAna))];
    await Promise.all([bo.connect(), ear.connect()]);
    const id = newId();
    // Both are accepted: neither can know of the other yet. One session orders them.
    await Promise.all([
      ana.api.send(conversation, { id, text: "first" }),
      bo.api.send(conversation, { id, text: "second" }),
    ]).catch(
      // The other had been delivered already: then it is a 409, and there is nothing to hear.
      () => undefined,
    );
    await stack.idle();
    const [shown] = await wholeList(ana, conversation);
    expect(await wholeList(ana, conversation)).toHaveLength(1);
    if (shown?.text === "first") {
      await watch.until(() => failed.length > 0);
      expect(failed).toEqual([expect.objectContaining({ messageId: id, code: "message-id-taken" })]);
      expect(heardByAna).toEqual([]);
    }
    bo.close();
    ear.close();
  });

  test("replies by id: what is quoted goes with its original", async () => {
    const conversation = await conversationWith(["original"]);
    const [original] = await wholeList(ana, conversation);
    await ana.send(conversation, "reply", original?.id);
    await stack.idle();
    const { items } = await ana.api.messages(conversation);
    expect(items[0]).toMatchObject({ text: "reply", replyTo: original?.id });
    expect(JSON.stringify(items[0])).not.toContain("original");
  });

  test("is listed newest first, page by page", async () => {
    const texts = Array.from({ length: 7 }, (_, n) => `text ${String(n)}`);
    const conversation = await conversationWith(texts);
    const first = await ana.api.messages(conversation, { limit: 3 });
    expect(first.items.map(({ text }) => text)).toEqual(["text 6", "text 5", "text 4"]);
    const second = await ana.api.messages(conversation, { limit: 3, cursor: first.nextCursor ?? "" });
    expect(second.items.map(({ text }) => text)).toEqual(["text 3", "text 2", "text 1"]);
    expect((await wholeList(ana, conversation)).map(({ text }) => text)).toEqual(texts);
  });

  test("is gone at its time, on every read path, whether the deadline has fired or not", async () => {
    const conversation = await conversationWith(["soon gone"]);
    const [message] = await wholeList(ana, conversation);
    const id = message?.id ?? "";
    // The deadline fires when the minute of the expiry is over: nothing may show the text before it, either.
    await stack.advance("PT24H");
    expect(await wholeList(ana, conversation)).toEqual([]);
    const token = await stack.token("ana");
    const answer = await request(stack, "GET", `v1/conversations/${conversation}/messages/${id}`, { token });
    expect([answer.status, answer.body["code"]]).toEqual([410, "message-expired"]);
    expect(JSON.stringify(await ana.api.changes(conversation, 0))).not.toContain("soon gone");

    await stack.advance("PT2M");
    await stack.idle();
    const { items } = await ana.api.changes(conversation, 0);
    expect(items.map(({ type }) => type)).toEqual(["conversation.updated", "message.created", "message.expired"]);
    expect(items.at(-1)).toMatchObject({ messageId: id });
    expect(items.at(-1)?.message).toBeUndefined();
    expect(await ana.api.delivery(conversation, id)).toMatchObject({ state: "expired" });
  });
});

describe("receipts", () => {
  test("are watermarks that never go back, told to the others, and count what is unread", async () => {
    const conversation = await conversationWith(["one", "two", "three"]);
    const watch = new Watch();
    const told: ServerEvents["receipt.updated"][] = [];
    const listening = await person(stack, "ana", {
      onReceipt: (event) => {
        told.push(event);
        watch.changed();
      },
    });
    await listening.connect();
    const bo = await person(stack, "bo");
    expect((await bo.api.conversation(conversation)).unread).toBe(3);
    await bo.api.receipts(conversation, { deliveredSeq: 4, readSeq: 3 });
    await bo.api.receipts(conversation, { deliveredSeq: 2, readSeq: 2 });
    const seen = await bo.api.conversation(conversation);
    expect(seen.unread).toBe(1);
    expect(seen.receipts).toContainEqual({ user: "bo", deliveredSeq: 4, readSeq: 3 });
    await watch.until(() => told.length > 0);
    expect(told).toEqual([expect.objectContaining({ user: "bo", deliveredSeq: 4, readSeq: 3 })]);

    const [first, , third] = await wholeList(ana, conversation);
    const [ofFirst] = (await ana.api.delivery(conversation, first?.id ?? "")).perMember;
    const [ofThird] = (await ana.api.delivery(conversation, third?.id ?? "")).perMember;
    expect(ofFirst).toEqual({ user: "bo", deliveredAt: expect.any(String), readAt: expect.any(String) });
    expect(ofThird).toEqual({ user: "bo", deliveredAt: expect.any(String) });
    const token = await stack.token("bo");
    const strange = await request(
      stack,
      "GET",
      `v1/conversations/${conversation}/messages/${first?.id ?? ""}/delivery`,
      { token },
    );
    expect(strange.status).toBe(404);
    listening.close();
  });
});

describe("sync", () => {
  test("tells what moved, what is left and what is new", async () => {
    const fay = await person(stack, "fay");
    const moved = await fay.start(["bo"]);
    const quiet = await fay.start(["bo"]);
    const left = await fay.start(["bo"]);
    const unnamed = await fay.start(["bo"]);
    await fay.send(moved.id, "news");
    await fay.api.removeMember(left.id, "fay");
    await stack.idle();
    const answer = await fay.api.sync({ [moved.id]: 1, [quiet.id]: 1, [left.id]: 1 });
    expect(answer.items).toEqual([expect.objectContaining({ conversationId: moved.id, headSeq: 2, hasMore: false })]);
    expect(answer.items[0]?.items[0]?.message?.text).toBe("news");
    expect(answer.left).toEqual([left.id]);
    expect(answer.others).toEqual([unnamed.id]);
  });
});
