/** Keeping a text by everyone's consent, through the running stack, over weeks. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { ChatClient } from "../../client/chat-client.js";
import { person, request, wholeList, Watch } from "../support/chat.js";
import { operator } from "../support/operator.js";
import { startStack, type Stack } from "../support/stack.js";

let stack: Stack;
let ana: ChatClient;
let bo: ChatClient;
/** What Bo's socket has heard: type and message. */
const heard: string[] = [];
const watch = new Watch();

beforeAll(async () => {
  stack = await startStack();
  ana = await person(stack, "ana");
  bo = await person(stack, "bo", {
    onChange: (_, { type, messageId }) => {
      heard.push(`${type} ${messageId ?? ""}`);
      watch.changed();
    },
  });
  await bo.connect();
});
afterAll(async () => {
  ana.close();
  bo.close();
  await stack.stop();
});

async function conversationWith(texts: readonly string[], members: readonly string[] = ["bo"]) {
  const { id: conversation } = await ana.start(members);
  const ids: string[] = [];
  for (const text of texts) ids.push((await ana.send(conversation, text)).id);
  await stack.idle();
  return { conversation, ids };
}

const texts = async (client: ChatClient, conversation: string): Promise<readonly string[]> =>
  (await wholeList(client, conversation)).map(({ text }) => text);

test("what all agree to keep outlives the day, what not all agree to does not; it dies when its time is over", async () => {
  const { conversation, ids } = await conversationWith(["kept", "asked", "plain"]);
  const [kept = "", asked = ""] = ids;
  const pending = await ana.api.consent(conversation, kept);
  expect(pending.retention).toMatchObject({ state: "pending", required: ["ana", "bo"] });
  expect(pending.retention.consents.map(({ user }) => user)).toEqual(["ana"]);
  const agreed = await bo.api.consent(conversation, kept);
  expect(agreed.retention.state).toBe("retained");
  expect(Date.parse(agreed.expiresAt) - (await stack.now())).toBeGreaterThan(29 * 86_400_000);
  expect(agreed.retention.until).toBe(agreed.expiresAt);
  await stack.idle();
  await bo.api.consent(conversation, asked);
  await watch.until(
    () => heard.includes(`retention.retained ${kept}`) && heard.includes(`retention.requested ${asked}`),
  );

  await stack.advance("PT24H2M");
  await stack.idle();
  expect(await texts(bo, conversation)).toEqual(["kept"]);
  await watch.until(() => heard.includes(`retention.lapsed ${asked}`));
  await expect(ana.api.consent(conversation, asked)).rejects.toMatchObject({ status: 409, code: "retention-lapsed" });
  const { items } = await bo.api.changes(conversation, 0);
  expect(items.map(({ type }) => type)).toEqual([
    "conversation.updated",
    ...["message.created", "message.created", "message.created"],
    ...["retention.requested", "retention.retained", "retention.requested"],
    ...["retention.lapsed", "message.expired", "message.expired"],
  ]);
  expect(items.find(({ type }) => type === "retention.retained")?.message?.text).toBe("kept");

  await stack.advance("P29D");
  await stack.idle();
  expect(await texts(bo, conversation)).toEqual([]);
  await expect(bo.api.message(conversation, kept)).rejects.toMatchObject({ status: 410, code: "message-expired" });
});

test("withdrawn in time the text ends at its own time; withdrawn later it ends at once, for everybody", async () => {
  const { conversation, ids } = await conversationWith(["early", "late"]);
  const [early = "", late = ""] = ids;
  for (const client of [ana, bo]) for (const id of ids) await client.api.consent(conversation, id);
  await stack.idle();
  const released = await bo.api.withdrawConsent(conversation, early);
  expect(released.retention).toEqual({ state: "released", required: [], consents: [] });
  expect(released.expiresInMs).toBeLessThanOrEqual(86_400_000);
  await stack.idle();
  await stack.advance("P2D");
  await stack.idle();
  expect(await texts(ana, conversation)).toEqual(["late"]);
  const ended = await ana.api.withdrawConsent(conversation, late);
  expect([ended.state, ended.text]).toEqual(["expired", undefined]);
  await watch.until(() => heard.includes(`message.expired ${late}`));
  expect(heard.slice(-2)).toEqual([`retention.released ${late}`, `message.expired ${late}`]);
  await expect(bo.api.withdrawConsent(conversation, late)).rejects.toMatchObject({ code: "message-expired" });
});

test("both ask at once: one agreement, one entry in the log", async () => {
  const { conversation, ids } = await conversationWith(Array.from({ length: 10 }, (_, n) => `text ${String(n)}`));
  await Promise.all(ids.flatMap((id) => [ana, bo, ana, bo].map((client) => client.api.consent(conversation, id))));
  await stack.idle();
  const { items } = await ana.api.changes(conversation, 0);
  expect(items.filter(({ type }) => type === "retention.retained")).toHaveLength(10);
  expect(items.filter(({ type }) => type === "retention.requested")).toHaveLength(10);
  expect(items.map(({ seq }) => seq)).toEqual(items.map((_, n) => n + 1));
});

test("many at once, each by itself", async () => {
  const { conversation } = await conversationWith(["one", "two", "three"]);
  await bo.api.consents(conversation, { fromSeq: 2, toSeq: 3 });
  const { items } = await ana.api.consents(conversation, { fromSeq: 1, toSeq: 100 });
  expect(items.map(({ seq, retention }) => [seq, retention?.state])).toEqual([
    [2, "retained"],
    [3, "retained"],
    [4, "pending"],
  ]);
  const token = await stack.token("ana");
  for (const body of [
    { fromSeq: 5, toSeq: 4 },
    { fromSeq: 0, toSeq: 100 },
  ]) {
    const answer = await request(stack, "POST", `v1/conversations/${conversation}/consents`, { token, body });
    expect([answer.status, answer.body["code"]]).toEqual([422, "input-invalid"]);
  }
});

test("who leaves is not asked any more; who came later never was, and sees nothing", async () => {
  const { conversation, ids } = await conversationWith(["for three"], ["bo", "cy"]);
  const [id = ""] = ids;
  await ana.api.addMember(conversation, "di");
  for (const client of [ana, bo]) await client.api.consent(conversation, id);
  const di = await person(stack, "di");
  await expect(di.api.consent(conversation, id)).rejects.toMatchObject({ status: 404 });
  const eve = await person(stack, "eve");
  await expect(eve.api.consent(conversation, id)).rejects.toMatchObject({ status: 404, code: "conversation-unknown" });
  const cy = await person(stack, "cy");
  await cy.api.removeMember(conversation, "cy");
  const message = await ana.api.message(conversation, id);
  expect(message.retention).toMatchObject({ state: "retained", required: ["ana", "bo"] });
});

test("a move that never succeeds is a failure for operators; the text outlives its day all the same, and dies at its end", async () => {
  // Those from before have tokens that end too early for this.
  const [olga, ana, bo] = await Promise.all([operator(stack), person(stack, "ana"), person(stack, "bo")]);
  const faults = `${stack.info.control}/functions/faults`;
  const failNext = async (times: number): Promise<void> => {
    const body = JSON.stringify({ function: "retainMessage", times });
    expect((await fetch(faults, { method: "POST", body })).status).toBe(200);
  };
  await failNext(1_000);
  const { id: conversation } = await ana.start(["bo"]);
  const { id } = await ana.send(conversation, "kept whatever happens");
  await stack.idle();
  await ana.api.consent(conversation, id);
  expect((await bo.api.consent(conversation, id)).retention.state).toBe("retained");
  await stack.idle();
  const [failure] = await olga.failures("queue=retained-messages");
  expect(failure).toMatchObject({ reason: "attempts-exhausted" });
  expect(failure?.attempts).toBeGreaterThanOrEqual(10);

  await stack.advance("PT24H2M");
  await stack.idle();
  expect(await texts(bo, conversation)).toEqual(["kept whatever happens"]);
  await stack.advance("P30D");
  await stack.idle();
  expect(await texts(bo, conversation)).toEqual([]);
  await expect(bo.api.message(conversation, id)).rejects.toMatchObject({ status: 410, code: "message-expired" });
  await failNext(0);
});
