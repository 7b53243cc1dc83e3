/** Every POST may be sent again when its answer was lost: ids make requests repeatable (docs/adr/0008), or what they mean does. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { ChatClient } from "../../client/chat-client.js";
import { OPERATIONS } from "../../src/lib/contracts/api.js";
import { newId, person, request, type Answer } from "../support/chat.js";
import { startStack, type Stack } from "../support/stack.js";

interface Repeated {
  readonly path: string;
  readonly body?: unknown;
  readonly as?: string;
  /** The statuses of the first and the second one. */
  readonly statuses: readonly [number, number];
  /** A second one that asks for something else under the same id. */
  readonly other?: { readonly body: unknown; readonly status: number };
  /** What of the answers must be the same. */
  readonly same?: readonly string[];
}

let stack: Stack;
let ana: ChatClient;
let bo: ChatClient;
let conversation: string;
let message: string;

beforeAll(async () => {
  stack = await startStack();
  ana = await person(stack, "ana");
  bo = await person(stack, "bo");
  ({ id: conversation } = await ana.start(["bo"]));
  ({ id: message } = await ana.send(conversation, "hello"));
  await stack.idle();
}, 60_000);
afterAll(() => stack.stop());

const at = (rest: string): string => `v1/conversations/${conversation}/${rest}`;
const upload = { name: "a.txt", contentType: "text/plain", bytes: Buffer.from("a") };

async function delivered(): Promise<string> {
  const { id } = await ana.sendFile(conversation, upload);
  await stack.idle();
  return id;
}

async function opened(): Promise<string> {
  const file = await delivered();
  const { id } = await bo.api.openView(conversation, file, { key: newId() });
  return at(`files/${file}/views/${id}`);
}

async function waiting(): Promise<string> {
  const sendAt = new Date((await stack.now()) + 3_600_000).toISOString();
  return (await ana.api.send(conversation, { id: newId(), text: "later", sendAt })).id;
}

const announced = { size: 1, name: "a.txt", contentType: "text/plain" };

/** By operation. */
const REPEATED: Readonly<Record<string, () => Promise<Repeated> | Repeated>> = {
  createConversation: () => {
    const body = { id: newId(), members: ["cy"] };
    const other = { body: { ...body, members: ["dan"] }, status: 409 };
    return { path: "v1/conversations", body, other, statuses: [201, 200], same: ["id", "createdAt"] };
  },
  sendMessage: () => {
    const body = { id: newId(), text: "once" };
    const other = { body: { ...body, text: "something else" }, status: 409 };
    return { path: at("messages"), body, other, statuses: [202, 202], same: ["id"] };
  },
  sendScheduled: async () => ({ path: at(`scheduled/${await waiting()}/send`), statuses: [202, 409] }),
  postReceipts: () => ({ path: at("receipts"), body: { readSeq: 2 }, as: "bo", statuses: [204, 204] }),
  postTyping: () => ({ path: at("typing"), statuses: [204, 204] }),
  postPresence: () => ({ path: at("presence"), body: { state: "here" }, statuses: [200, 200] }),
  postConsents: () => ({ path: at("consents"), body: { fromSeq: 2, toSeq: 2 }, statuses: [200, 200], same: ["items"] }),
  reportMessage: () => ({
    ...{ path: at(`messages/${message}/reports`), body: { reason: "spam" }, as: "bo" },
    ...{ statuses: [201, 200], same: ["id", "at"] },
  }),
  sync: () => ({ path: "v1/sync", body: { heads: {} }, statuses: [200, 200] }),
  negotiate: () => ({ path: "v1/realtime/negotiate", statuses: [200, 200], same: ["endpoint"] }),
  join: () => ({ path: "v1/realtime/join", body: { socketId: "x" }, statuses: [200, 200] }),
  createFile: () => {
    const body = { id: newId(), ...announced };
    return {
      path: at("files"),
      body,
      other: { body: { ...body, size: 2 }, status: 409 },
      statuses: [201, 201],
      same: ["id"],
    };
  },
  completeFile: async () => ({ path: at(`files/${await delivered()}/complete`), statuses: [202, 202], same: ["id"] }),
  openView: async () => ({
    ...{ path: at(`files/${await delivered()}/views`), body: {}, as: "bo" },
    ...{ statuses: [201, 201], same: ["id", "closeToken"] },
  }),
  heartbeatView: async () => ({ path: `${await opened()}/heartbeat`, body: {}, as: "bo", statuses: [200, 200] }),
  closeView: async () => ({ path: `${await opened()}/close`, body: {}, as: "bo", statuses: [202, 202] }),
  // A second one finds what is left: nothing.
  redriveFailures: () => ({
    path: "ops/failures/redrive",
    body: {},
    as: "olga",
    statuses: [202, 202],
    same: ["found"],
  }),
  discardFailures: () => ({
    path: "ops/failures/discard",
    body: {},
    as: "olga",
    statuses: [202, 202],
    same: ["found"],
  }),
};

const missing = (): never => {
  throw new Error("no such operation");
};

/** What needs a failure first, and is done again in its own tests; a verification only reads. */
const ELSEWHERE = ["redriveFailure", "discardFailure", "verifyReport"];

test("every POST is in this test, or named here", () => {
  const posts = OPERATIONS.filter(({ method }) => method === "POST").map(({ id }) => id);
  expect([...Object.keys(REPEATED), ...ELSEWHERE].sort()).toEqual([...posts].sort());
});

test.each(Object.keys(REPEATED))("%s: sent again it does nothing more", async (name) => {
  const { path, body, as = "ana", statuses, other, same = [] } = await (REPEATED[name] ?? missing)();
  const token = await stack.token(as, as === "olga" ? ["operator"] : []);
  // A view has a key of its own; everywhere else the header changes nothing.
  const headers = { "idempotency-key": newId() };
  const post = async (what: unknown): Promise<Answer & { readonly headSeq: number }> => {
    const answer = await request(stack, "POST", path, {
      token,
      headers,
      ...(what === undefined ? {} : { body: what }),
    });
    await stack.idle();
    return { ...answer, headSeq: (await ana.api.conversation(conversation)).headSeq };
  };
  const [first, second] = [await post(body), await post(body)];
  expect([first.status, second.status]).toEqual(statuses);
  expect(second.headSeq).toBe(first.headSeq);
  for (const field of same) expect([field, second.body[field]]).toEqual([field, first.body[field]]);
  if (other !== undefined) expect((await post(other.body)).status).toBe(other.status);
});
