import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { addToRoom, person, request, wholeList, Watch } from "../support/chat.js";
import { startStack, type Stack } from "../support/stack.js";

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack.stop());

/** A member who hears: what arrived, and a way to wait for it. */
async function listener(user: string) {
  const watch = new Watch();
  const texts: string[] = [];
  const client = await person(stack, user, {
    onChange: (_, change) => {
      if (change.message?.text !== undefined) texts.push(change.message.text);
      watch.changed();
    },
  });
  await client.connect();
  return { client, texts, heard: (text: string) => watch.until(() => texts.includes(text)) };
}

type Listener = Awaited<ReturnType<typeof listener>>;

/**
 * Sends something that both hear, in a conversation of its own: what was published before it has reached the second's socket by
 * then, or never will. The second hears exactly the conversation's start and its one text.
 */
async function fence(from: Listener, to: Listener): Promise<void> {
  const { id } = await from.client.start(["bo"]);
  await from.client.send(id, `fence ${id}`);
  await to.heard(`fence ${id}`);
}

describe("who joins later", () => {
  test("sees nothing from before, on no path, and everything from then on", async () => {
    const ana = await person(stack, "ana");
    const { id } = await ana.start(["bo"]);
    await ana.send(id, "before");
    await stack.idle();
    await ana.api.addMember(id, "cy");
    const cy = await listener("cy");
    await ana.send(id, "after");
    await cy.heard("after");
    expect(cy.texts).toEqual(["after"]);
    const list = await wholeList(cy.client, id);
    expect(list.map(({ text }) => text)).toEqual(["after"]);
    const { items } = await cy.client.api.changes(id, 0);
    expect(JSON.stringify(items)).not.toContain("before");
    expect(items.every(({ seq }) => seq > 2)).toBe(true);
    const [before] = await wholeList(ana, id);
    const token = await stack.token("cy");
    expect((await request(stack, "GET", `v1/conversations/${id}/messages/${before?.id ?? ""}`, { token })).status).toBe(
      404,
    );
    expect((await cy.client.api.conversation(id)).unread).toBe(1);
    cy.client.close();
  });

  test("is put into the room at once, without a new join", async () => {
    const ana = await person(stack, "ana");
    const { id } = await ana.start(["bo"]);
    const dee = await listener("dee");
    await ana.api.addMember(id, "dee");
    await ana.send(id, "welcome");
    await dee.heard("welcome");
    dee.client.close();
  });
});

describe("who has gone", () => {
  test("reads nothing and hears nothing that is published after the DELETE has answered", async () => {
    const ana = await listener("ana");
    const bo = await listener("bo");
    const raw: string[] = [];
    const { id } = await ana.client.start(["bo"]);
    await ana.client.send(id, "together");
    await bo.heard("together");
    bo.client.socket?.onAny((name: string) => raw.push(name));
    await ana.client.api.removeMember(id, "bo");
    raw.length = 0;
    const token = await stack.token("bo");
    expect((await request(stack, "GET", `v1/conversations/${id}/messages`, { token })).status).toBe(404);
    await ana.client.send(id, "alone");
    await ana.heard("alone");
    await fence(ana, bo);
    expect(raw).toEqual(["conversation.updated", "message.created"]);
    expect(bo.client.messages(id).map(({ text }) => text)).toEqual(["together"]);
    await bo.client.sync();
    expect(bo.client.messages(id)).toEqual([]);
    for (const each of [ana, bo]) each.client.close();
  });

  test("is out after 30 s even when a join overlapped the removal", async () => {
    const ana = await listener("ana");
    const bo = await listener("bo");
    const { id } = await ana.client.start(["bo"]);
    await ana.client.api.removeMember(id, "bo");
    // As if a join had been under way: the socket goes back into the room behind the functions' back.
    await addToRoom(stack, id, "bo");
    const raw: string[] = [];
    bo.client.socket?.onAny((name: string) => raw.push(name));
    await ana.client.send(id, "overheard");
    await ana.heard("overheard");
    await stack.advance("PT31S");
    await stack.idle();
    raw.length = 0;
    await ana.client.send(id, "unheard");
    await ana.heard("unheard");
    await fence(ana, bo);
    expect(raw).toEqual(["conversation.updated", "message.created"]);
    for (const each of [ana, bo]) each.client.close();
  });

  test("may be removed by the owner alone, and leave alone", async () => {
    const ana = await person(stack, "ana");
    const { id } = await ana.start(["bo", "cy"]);
    const base = `v1/conversations/${id}/members`;
    const bo = await stack.token("bo");
    const refused = await request(stack, "DELETE", `${base}/cy`, { token: bo });
    expect([refused.status, refused.body["code"]]).toEqual([403, "not-allowed"]);
    expect((await request(stack, "DELETE", `${base}/bo`, { token: bo })).status).toBe(204);
    expect((await request(stack, "DELETE", `${base}/bo`, { token: bo })).status).toBe(404);
    const token = await stack.token("ana");
    for (const status of [204, 204])
      expect((await request(stack, "DELETE", `${base}/cy`, { token })).status).toBe(status);
    expect((await ana.api.conversation(id)).members).toEqual(["ana"]);
  });

  test("comes back as somebody new", async () => {
    const ana = await person(stack, "ana");
    const { id } = await ana.start(["bo"]);
    await ana.send(id, "first time");
    await stack.idle();
    await ana.api.removeMember(id, "bo");
    await ana.api.addMember(id, "bo");
    const bo = await person(stack, "bo");
    expect(await wholeList(bo, id)).toEqual([]);
    // The second eviction finds a member again, and lets the sockets be.
    const back = await listener("bo");
    await stack.advance("PT31S");
    await stack.idle();
    await ana.send(id, "second time");
    await back.heard("second time");
    back.client.close();
  });
});
