import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  decideArrival,
  decideRevival,
  isReadable,
  isSameText,
  MAX_ATTEMPTS,
  type MessageDocument,
  type MessageIndex,
} from "../../../src/lib/domain/message.js";

const NOW = Date.UTC(2026, 10, 23, 12);
const text = { conversationId: "c", messageId: "m", author: "ana", text: "hi", expiresAt: new Date(NOW + 1) };
const document: MessageDocument = { ...text, seq: 7, sentAt: new Date(NOW - 1), state: "delivered" };
const index: MessageIndex = {
  messageId: "m",
  author: "ana",
  state: "delivered",
  seq: 7,
  at: new Date(NOW),
  expiresAt: text.expiresAt,
};

describe("reading", () => {
  test.each([
    ["a millisecond before its end", -1, true],
    ["at its end: expiry wins", 0, false],
    ["a millisecond after its end", 1, false],
  ])("%s", (_, offset, readable) => {
    expect(isReadable(document, 0, document.expiresAt.getTime() + offset)).toBe(readable);
  });

  test("nothing at or below joinedSeq", () => {
    expect(isReadable(document, 6, NOW)).toBe(true);
    expect(isReadable(document, 7, NOW)).toBe(false);
  });

  test("never once it has ended", () => {
    expect(isReadable({ ...document, state: "expired" }, 0, NOW)).toBe(false);
  });
});

describe("a text arrives from the queue", () => {
  test("new: it is recorded", () => {
    expect(decideArrival(text, {}, NOW)).toEqual({ kind: "record" });
  });

  test("too late: it is expired, at its very end already", () => {
    expect(decideArrival({ ...text, expiresAt: new Date(NOW) }, {}, NOW)).toEqual({ kind: "expired" });
  });

  test("recorded before: what follows is repeated", () => {
    expect(decideArrival(text, { index, document }, NOW)).toEqual({ kind: "repeat", document });
  });

  test("recorded before and purged meanwhile: nothing is left to do", () => {
    expect(decideArrival(text, { index: { ...index, state: "expired" } }, NOW)).toEqual({ kind: "ended" });
  });

  test.each([
    ["of another author", { ...text, author: "bo" }],
    ["with another text", { ...text, text: "ho" }],
    ["with another quote", { ...text, replyTo: "q" }],
  ])("its id is taken by a message %s", (_, other) => {
    expect(decideArrival(other, { index, document }, NOW)).toEqual({ kind: "failed", code: "message-id-taken" });
  });

  test("whatever is known: deciding twice, with what the first decision wrote, changes nothing", () => {
    fc.assert(
      fc.property(fc.integer({ min: -5, max: 5 }), fc.constantFrom("ana", "bo"), fc.string(), (life, author, words) => {
        const arriving = { ...text, author, text: words, expiresAt: new Date(NOW + life) };
        if (decideArrival(arriving, {}, NOW).kind !== "record") return;
        const written = { ...document, ...arriving };
        const again = decideArrival(arriving, { index: { ...index, author }, document: written }, NOW);
        expect(again).toEqual({ kind: "repeat", document: written });
      }),
    );
  });
});

describe("a text in the dead-letter queue", () => {
  test("over: expired, whatever the attempt", () => {
    expect(decideRevival({ expiresAt: new Date(NOW), attempt: 1 }, NOW)).toBe("expired");
  });
  test("alive: sent again", () => {
    expect(decideRevival({ expiresAt: new Date(NOW + 1), attempt: MAX_ATTEMPTS - 1 }, NOW)).toBe("again");
  });
  test("alive, but back too often: a failure", () => {
    expect(decideRevival({ expiresAt: new Date(NOW + 1), attempt: MAX_ATTEMPTS }, NOW)).toBe("failed");
  });
});

test("a text without a quote is the same whether the quote is absent or undefined", () => {
  expect(isSameText({ author: "ana", text: "hi", replyTo: undefined }, document)).toBe(true);
});
