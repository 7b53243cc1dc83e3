import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import * as ws from "ws";
import { frame, parsePayload } from "../../../local/web-pubsub/realtime/outgoing.js";
import { eventNameOf, PacketError, parsePacket } from "../../../local/web-pubsub/realtime/packets.js";

describe("Socket.IO packets", () => {
  test.each([
    ["0", { type: 0, attachments: 0, namespace: "/", data: "" }],
    ['0{"token":"x"}', { type: 0, attachments: 0, namespace: "/", data: '{"token":"x"}' }],
    ["0/ns,", { type: 0, attachments: 0, namespace: "/ns", data: "" }],
    ["1/ns", { type: 1, attachments: 0, namespace: "/ns", data: "" }],
    ['1/ns,{"close":true}', { type: 1, attachments: 0, namespace: "/ns", data: '{"close":true}' }],
    ['2["a"]', { type: 2, attachments: 0, namespace: "/", data: '["a"]' }],
    ['20["a"]', { type: 2, attachments: 0, namespace: "/", id: 0, data: '["a"]' }],
    ['2/中,12["a,b"]', { type: 2, attachments: 0, namespace: "/中", id: 12, data: '["a,b"]' }],
    ['51-/ns,7["a"]', { type: 5, attachments: 1, namespace: "/ns", id: 7, data: '["a"]' }],
  ])("%s", (text, packet) => {
    expect(parsePacket(text)).toEqual(packet);
  });

  test.each(["", "7", "x", '21-["a"]', '5["a"]'])("%j is none", (text) => {
    expect(() => parsePacket(text)).toThrow(PacketError);
  });

  test("an event has a name", () => {
    expect(eventNameOf(parsePacket('2["a",1]'))).toBe("a");
    expect(eventNameOf(parsePacket("2[7]"))).toBe("7");
    for (const text of ["2", "2[]", '2{"a":1}', "2[null]", '2["a"']) {
      expect(() => eventNameOf(parsePacket(text))).toThrow(PacketError);
    }
  });
});

describe("an outgoing payload", () => {
  test("is told apart from what is none", () => {
    const kinds = (payload: string): string[] | undefined => parsePayload(payload)?.map(({ kind }) => kind);
    expect(kinds('42["a"]')).toEqual(["message"]);
    expect(kinds('41\x1e42["a"]\x1ebAQID')).toEqual(["disconnect", "message", "message"]);
    for (const none of ["", '"42[\\"a\\"]"', "hello", '42["a"]\x1e', "2", "0{}", "415-"])
      expect(kinds(none)).toBeUndefined();
  });

  test("says whom to disconnect, and whether to close", () => {
    expect(parsePayload("41")).toEqual([{ kind: "disconnect", namespace: "/", close: false }]);
    expect(parsePayload("41/ns,")).toEqual([{ kind: "disconnect", namespace: "/ns", close: false }]);
    expect(parsePayload('41/ns,{"close":true}')).toEqual([{ kind: "disconnect", namespace: "/ns", close: true }]);
    expect(parsePayload('41{"close":1}')).toEqual([{ kind: "disconnect", namespace: "/", close: false }]);
  });
});

/** ws reads what was framed; a client's receiver, so frames must not be masked. */
function read(buffer: Buffer): Promise<{ data: Buffer; isBinary: boolean }> {
  return new Promise((resolve, reject) => {
    const { Receiver } = ws as unknown as { Receiver: new (options: object) => NodeJS.WritableStream };
    const receiver = new Receiver({ isServer: false });
    receiver.on("message", (data: Buffer, isBinary: boolean) => {
      resolve({ data: Buffer.from(data), isBinary });
    });
    receiver.on("error", reject);
    receiver.write(buffer);
  });
}

test.each([0, 1, 125, 126, 127, 65_535, 65_536, 1_048_576])("a frame of %i bytes is read by ws", async (length) => {
  const payload = Buffer.alloc(length, "é");
  expect(await read(frame(2, payload))).toEqual({ data: payload, isBinary: true });
});

test("a frame holds the payload, whatever it is", async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "grapheme" }), async (text) => {
      const [message] = parsePayload(`42${JSON.stringify([text.replaceAll("\x1e", "")])}`) ?? [];
      if (message?.kind !== "message") throw new Error("not a message");
      const { data, isBinary } = await read(message.options.wsPreEncodedFrame[0]);
      expect([data.toString(), isBinary]).toEqual([`4${String(message.data)}`, false]);
    }),
  );
});
