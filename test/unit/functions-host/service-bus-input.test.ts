import { describe, expect, test } from "@jest/globals";
import { mergeBody } from "../../../local/functions-host/triggers/service-bus/body-merge.js";
import { batchInput, singleInput, type Message } from "../../../local/functions-host/triggers/service-bus/metadata.js";

const long = (value: bigint) => ({
  low: Number(BigInt.asIntN(32, value)),
  high: Number(value >> 32n),
  toString: () => value.toString(),
});

const message = (more: object = {}): Message =>
  ({
    body: Buffer.from('{"id":1}'),
    messageId: "m-1",
    deliveryCount: 0,
    sequenceNumber: long(9_007_199_254_740_993n),
    enqueuedTimeUtc: new Date("2026-11-23T08:00:00.120Z"),
    lockToken: "token",
    ...more,
  }) as unknown as Message;

describe("one message", () => {
  test("has the names and forms of .NET; what is null is left out", () => {
    const { data, metadata } = singleInput(
      message({ subject: "s", applicationProperties: { Kind: "k", at: new Date("2026-01-01T00:00:00Z") } }),
      false,
    );
    expect(data).toEqual({ string: '{"id":1}' });
    expect(metadata).toEqual({
      DeliveryCount: { json: "1" },
      LockToken: { string: "token" },
      ExpiresAtUtc: { json: '"9999-12-31T23:59:59.9999999"' },
      ExpiresAt: { json: '"9999-12-31T23:59:59.9999999+00:00"' },
      EnqueuedTimeUtc: { json: '"2026-11-23T08:00:00.12"' },
      EnqueuedTime: { json: '"2026-11-23T08:00:00.12+00:00"' },
      MessageId: { string: "m-1" },
      SequenceNumber: { json: "9007199254740993" },
      Subject: { string: "s" },
      Label: { string: "s" },
      ApplicationProperties: { json: '{"Kind":"k","at":"2026-01-01T00:00:00.000Z"}' },
      UserProperties: { json: '{"Kind":"k","at":"2026-01-01T00:00:00.000Z"}' },
      id: { string: "1" },
    });
  });

  test("expires when its lifetime ends", () => {
    const { metadata } = singleInput(
      message({ timeToLive: 1000, expiresAtUtc: new Date("2026-11-23T08:00:01.120Z") }),
      false,
    );
    expect(metadata["ExpiresAt"]).toEqual({ json: '"2026-11-23T08:00:01.12+00:00"' });
  });

  test("is handed on as bytes where the function wants that, and then nothing is merged", () => {
    const { data, metadata } = singleInput(message(), true);
    expect(Buffer.from(data.bytes ?? []).toString()).toBe('{"id":1}');
    expect(metadata["id"]).toBeUndefined();
  });
});

describe("the body's properties", () => {
  test("hide those of the message, whatever their case", () => {
    const merged = mergeBody(
      { MessageId: { string: "m-1" }, DeliveryCount: { json: "1" } },
      '{"messageId":"mine","DELIVERYCOUNT":7,"flag":true,"none":null,"list":[1],"nested":{"A":1},"ratio":0.5}',
    );
    expect(merged).toEqual({
      MessageId: { string: "mine" },
      DeliveryCount: { string: "7" },
      flag: { string: "True" },
      nested: { json: '{"A":1}' },
      ratio: { string: "0.5" },
    });
  });

  test("that look like a time come out in .NET's form", () => {
    expect(
      mergeBody({}, '{"at":"2026-11-23T08:00:00.123Z","zoned":"2026-11-23T08:00:00+02:00","day":"2026-11-23"}'),
    ).toEqual({
      at: { string: "11/23/2026 08:00:00" },
      zoned: { string: "11/23/2026 06:00:00" },
      day: { string: "2026-11-23" },
    });
  });

  test.each(["[1]", "text", "{broken", '"{}"', ""])("are none in %s", (body) => {
    expect(mergeBody({ To: { string: "x" } }, body)).toEqual({ To: { string: "x" } });
  });
});

describe("a batch", () => {
  test("has arrays; texts that are missing are dropped, and numbers are Longs", () => {
    const { data, metadata } = batchInput(
      [message({ correlationId: "c" }), message({ messageId: "m-2", deliveryCount: 2, body: Buffer.from("") })],
      false,
    );
    expect(data).toEqual({ collectionString: { string: ['{"id":1}'] } });
    expect(metadata["MessageIdArray"]).toEqual({ collectionString: { string: ["m-1", "m-2"] } });
    expect(metadata["CorrelationIdArray"]).toEqual({ collectionString: { string: ["c"] } });
    expect(metadata["DeliveryCountArray"]).toEqual({ json: "[1,3]" });
    expect(metadata["SequenceNumberArray"]).toEqual({
      collectionSint64: {
        sint64: [
          { low: 1, high: 2_097_152, unsigned: false },
          { low: 1, high: 2_097_152, unsigned: false },
        ],
      },
    });
    expect(metadata["ApplicationPropertiesArray"]).toEqual({ json: "[{},{}]" });
    expect(metadata["id"]).toBeUndefined();
  });
});
