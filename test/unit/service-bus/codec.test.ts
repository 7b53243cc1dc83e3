import { describe, expect, test } from "@jest/globals";
import rhea from "rhea";
import { readTransfer } from "../../../local/service-bus/amqp/codec/incoming.js";
import { encodeMessage } from "../../../local/service-bus/amqp/codec/outgoing.js";
import { writePairs } from "../../../local/service-bus/amqp/codec/typed.js";
import { fromUuid, newLockToken, toDeliveryTag, toUuid } from "../../../local/service-bus/amqp/lock-token.js";
import { BrokerError } from "../../../local/service-bus/broker/error.js";
import { Contents } from "../../../local/service-bus/broker/contents.js";
import { newMessage } from "../../../local/service-bus/broker/intake.js";
import type { IncomingMessage, Message, MessageStatus } from "../../../local/service-bus/broker/model.js";
import { DEFAULT_SETTINGS } from "../../../local/service-bus/broker/settings.js";

const { types } = rhea;
const NOW = Date.UTC(2026, 0, 1);
const STATUS: MessageStatus = { sequenceNumber: 7, state: "active", enqueuedAt: NOW, deliveryCount: 2 };

function read(message: object): IncomingMessage {
  const [incoming] = readTransfer(rhea.message.encode(message), 0);
  if (incoming === undefined) throw new Error("There is no message.");
  return incoming;
}

function stored(message: object, status: Partial<MessageStatus> = {}): Message {
  const incoming = read(message);
  const content = new Contents(undefined).add("q", 1, incoming.content);
  return newMessage(1, { ...incoming, content }, { ...STATUS, ...status }, { ...DEFAULT_SETTINGS, name: "q" });
}

const data = (text: string): unknown => rhea.message.data_section(Buffer.from(text)) as unknown;

describe("a message comes back as it was sent", () => {
  const sent = {
    message_id: "id",
    group_id: "session",
    subject: "subject",
    application_properties: { float: types.wrap_float(5), long: types.wrap_long(5), text: "ä" },
    body: data("body"),
    footer: { foot: 1 },
  };

  test("the bare message byte by byte", () => {
    const bytes = rhea.message.encode({ ...sent, header: undefined });
    const bare = bytes.subarray(bytes.indexOf(Buffer.from([0x00, 0x53, 0x73])));
    const out = encodeMessage(stored(sent), { received: true });
    expect(out.subarray(out.length - bare.length)).toEqual(bare);
  });

  test("with what the broker says: count, number, times, state", () => {
    const out = rhea.message.decode(
      encodeMessage(stored(sent, { scheduledNumber: 3 }), { received: true, lockedUntil: NOW + 60_000 }),
    );
    expect(out["delivery_count"]).toBe(2);
    expect(out["message_annotations"]).toEqual({
      "x-opt-sequence-number": 7,
      "x-opt-enqueued-time": new Date(NOW),
      "x-opt-locked-until": new Date(NOW + 60_000),
      "x-opt-message-state": 2,
      "x-opt-enqueue-sequence-number": 3,
    });
  });

  test("the sender's annotations stay, those of the broker's do not", () => {
    const annotations = { "x-opt-partition-key": "p", "x-opt-sequence-number": 99, own: types.wrap_int(1) };
    const out = rhea.message.decode(
      encodeMessage(stored({ ...sent, message_annotations: annotations }), { received: false }),
    );
    expect(out["message_annotations"]).toMatchObject({
      "x-opt-partition-key": "p",
      "x-opt-sequence-number": 7,
      own: 1,
    });
  });

  test("durability and priority stay; a large number is a large number", () => {
    const message = stored({ ...sent, durable: true, priority: 9 }, { sequenceNumber: 2 ** 40 + 5 });
    const out = rhea.message.decode(encodeMessage(message, { received: true }));
    expect(out).toMatchObject({ durable: true, priority: 9 });
    expect(out["message_annotations"]).toMatchObject({ "x-opt-sequence-number": 2 ** 40 + 5 });
  });

  test.each([
    ["with application properties", sent],
    ["without", { message_id: "id", body: data("body") }],
  ])("SB-20, SB-36: what receivers set is added to its application properties, %s", (_, message) => {
    const modified = writePairs([["k", types.wrap_long(5)]]).toString("base64");
    const out = rhea.message.decode(
      encodeMessage(stored(message, { modified, deadLetter: { reason: "why" } }), { received: true }),
    );
    expect(out["application_properties"]).toMatchObject({ k: 5, DeadLetterReason: "why" });
    expect(out["application_properties"]).not.toHaveProperty("DeadLetterErrorDescription");
    expect(out["message_id"]).toBe("id");
    expect((out["body"] as { content: Buffer }).content.toString()).toBe("body");
  });
});

describe("what the broker must know of a message", () => {
  test("ids, time to live and schedule", () => {
    const at = new Date(NOW);
    expect(
      read({
        message_id: "id",
        group_id: "session",
        ttl: 5_000,
        message_annotations: { "x-opt-scheduled-enqueue-time": at },
        body: data(""),
      }),
    ).toMatchObject({ messageId: "id", sessionId: "session", timeToLive: 5_000, scheduledFor: NOW });
  });

  test("a message without an id gets one, and keeps its other properties", () => {
    const incoming = read({ subject: "s", body: data("") });
    expect(incoming.messageId).toMatch(/^[0-9a-f-]{36}$/);
    expect(rhea.message.decode(incoming.content as Buffer)).toMatchObject({
      message_id: incoming.messageId,
      subject: "s",
    });
  });

  test("SB-07: a batch holds its messages as data sections", () => {
    const each = ["1", "2"].map((id) => rhea.message.encode({ message_id: id, body: data("") }));
    const batch = rhea.message.encode({ body: rhea.message.data_sections(each) as unknown });
    expect(readTransfer(batch, 0x80013700).map(({ messageId }) => messageId)).toEqual(["1", "2"]);
  });

  test.each([
    ["bytes that are no message", Buffer.from("hello")],
    ["a cut one", rhea.message.encode({ body: data("body") }).subarray(0, -1)],
    ["SB-56: a property above 32 KB", rhea.message.encode({ application_properties: { k: "x".repeat(33_000) } })],
    [
      "SB-56: properties above 64 KB",
      rhea.message.encode({
        application_properties: { a: "x".repeat(32_000), b: "x".repeat(32_000), c: "x".repeat(3_000) },
      }),
    ],
  ])("%s is refused", (_, bytes) => {
    expect(() => readTransfer(bytes, 0)).toThrow(BrokerError);
  });
});

test("a lock token is a delivery tag in .NET's order and a uuid in RFC 4122's", () => {
  const token = "00112233445566778899aabbccddeeff";
  expect(toDeliveryTag(token).toString("hex")).toBe("33221100554477668899aabbccddeeff");
  expect(fromUuid(toUuid(token))).toBe(token);
  expect(new Set(Array.from({ length: 600 }, newLockToken)).size).toBe(600);
});
