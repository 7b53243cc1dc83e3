import { describe, expect, test } from "@jest/globals";
import { CreateConversation, Join, Page, Receipts, SendMessage, Sync } from "../../src/lib/contracts/http.js";
import { DeadlineEnvelope, TextEnvelope } from "../../src/lib/contracts/queue.js";

const ID = "019a0000-0000-7000-8000-000000000001";

/** The messages of what is wrong, by the path of the field. */
function problems(result: { error?: { issues: { path: PropertyKey[]; message: string }[] } | undefined }): string[] {
  return (result.error?.issues ?? []).map(({ path, message }) => `/${path.join("/")} ${message}`);
}

describe("a text", () => {
  test.each([
    ["a word", "hello"],
    ["lines and tabs", "a\tb\r\nc"],
    ["4,000 characters", "x".repeat(4_000)],
    ["2,000 emoji: 8,000 bytes, 2,000 characters", "😀".repeat(2_000)],
    ["right-to-left", "שלום"],
  ])("may be %s", (_, text) => {
    expect(problems(SendMessage.safeParse({ text }))).toEqual([]);
  });

  test.each([
    ["empty", "", "must not be empty"],
    ["blank", " \n ", "must not be empty"],
    ["4,001 characters", "x".repeat(4_001), "must be at most 4000 characters"],
    ["8,196 bytes in 2,049 characters", "😀".repeat(2_049), "must be at most 8192 bytes of UTF-8"],
    ["with a NUL", "a\u0000b", "must not have control characters"],
    ["with an escape", "\u001b[31m", "must not have control characters"],
    ["with a C1 control", "a\u0085b", "must not have control characters"],
    ["with half a surrogate pair", "a\ud83d", "must be well-formed Unicode: it has half a surrogate pair"],
  ])("must not be %s", (_, text, problem) => {
    expect(problems(SendMessage.safeParse({ text }))).toContain(`/text ${problem}`);
  });

  test.each([[undefined], [null], [1], [["a"]], [{}]])("must be a string, not %j", (text) => {
    expect(problems(SendMessage.safeParse({ text }))).toEqual(["/text must be a string"]);
  });
});

test("an id is a UUIDv7, in lower case", () => {
  expect(SendMessage.parse({ text: "a", id: ID.toUpperCase() }).id).toBe(ID);
  expect(problems(SendMessage.safeParse({ text: "a", id: "1" }))).toEqual(["/id must be a UUIDv7"]);
  expect(problems(SendMessage.safeParse({ text: "a", id: "9f2c1c1e-0000-4000-8000-000000000001" }))).toEqual([
    "/id must be a UUIDv7",
  ]);
});

describe("members", () => {
  test.each([[["a/b"]], [["it's"]], [["a#b"]], [["x".repeat(128)]], [[" ~"]], [["..."]]])("may be %j", (members) => {
    expect(problems(CreateConversation.safeParse({ members }))).toEqual([]);
  });
  const badUser = "must be 1 to 128 printable ASCII characters, without %2F, not . or ..";
  test.each([
    [[""], `/members/0 ${badUser}`],
    [["ok", "x".repeat(129)], `/members/1 ${badUser}`],
    [["Zoë"], `/members/0 ${badUser}`],
    [["a%2Fb"], `/members/0 ${badUser}`],
    [["a\n"], `/members/0 ${badUser}`],
    [["."], `/members/0 ${badUser}`],
    [[".."], `/members/0 ${badUser}`],
    [["a", "a"], "/members must not name a member twice"],
    [[], "/members must name at least one other member"],
    [Array.from({ length: 1_000 }, (_, n) => `u${String(n)}`), "/members must name at most 90 members"],
    ["ana", "/members must be a list of user ids"],
  ])("must not be %j", (members, problem) => {
    expect(problems(CreateConversation.safeParse({ members }))).toContain(problem);
  });
});

test.each([
  ["-1", "must be a whole number"],
  ["0", "must be at least 1"],
  ["101", "must be at most 100"],
  ["1e2", "must be a whole number"],
  ["", "must be a whole number"],
])("limit must not be %j", (limit, problem) => {
  expect(problems(Page.safeParse({ limit }))).toEqual([`/limit ${problem}`]);
});

test("receipts name at least one watermark", () => {
  expect(problems(Receipts.safeParse({}))).toEqual(["/ must have deliveredSeq or readSeq"]);
  expect(problems(Receipts.safeParse({ readSeq: -1 }))).toEqual(["/readSeq must not be negative"]);
  expect(problems(Receipts.safeParse({ readSeq: 1.5 }))).toEqual(["/readSeq must be a whole number"]);
});

test("a sync names at most 100 conversations", () => {
  const heads = (count: number) =>
    Object.fromEntries(
      Array.from({ length: count }, (_, n) => [`019a0000-0000-7000-8000-${String(n).padStart(12, "0")}`, 0]),
    );
  expect(problems(Sync.safeParse({ heads: heads(100) }))).toEqual([]);
  expect(problems(Sync.safeParse({ heads: heads(101) }))).toEqual(["/heads must name at most 100 conversations"]);
});

test("a socket id cannot carry a filter", () => {
  expect(problems(Join.safeParse({ socketId: "x' or userId ne '" }))).toEqual([
    "/socketId must be a Socket.IO socket id",
  ]);
});

test("no field of an envelope is named like a property of a Service Bus message", () => {
  // What the Functions host puts into the binding data of a Service Bus trigger (ServiceBusTriggerBindingStrategy.cs).
  const properties =
    "applicationProperties client contentType correlationId deadLetterSource deliveryCount enqueuedTime enqueuedTimeUtc " +
    "expiresAt expiresAtUtc label lockToken messageActions messageId messageReceiver messageSession partitionKey " +
    "receiveActions replyTo replyToSessionId sequenceNumber sessionActions sessionId subject to transactionPartitionKey " +
    "userProperties";
  const taken = new Set(properties.toLowerCase().split(" "));
  const envelopes = [TextEnvelope, ...DeadlineEnvelope.options];
  const fields = envelopes.flatMap((envelope) => Object.keys(envelope.shape));
  expect(fields.filter((field) => taken.has(field.toLowerCase()))).toEqual([]);
});
