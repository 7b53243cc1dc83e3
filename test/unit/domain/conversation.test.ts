import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  acknowledge,
  deliveredSeq,
  newMember,
  ownerOf,
  passedAt,
  readSeq,
  type Head,
} from "../../../src/lib/domain/conversation.js";

const AT = new Date(Date.UTC(2026, 10, 23));
const member = newMember("ana", 3, AT);
const head: Head = { conversationId: "c", createdBy: "ana", createdAt: AT, headSeq: 0, lastMessageSeq: 0 };

describe("watermarks", () => {
  test("start where the membership starts", () => {
    expect([deliveredSeq(member), readSeq(member)]).toEqual([3, 3]);
  });

  test("reading takes delivery along", () => {
    const moved = acknowledge(member, { readSeq: 5 }, 1000);
    expect(moved && [deliveredSeq(moved), readSeq(moved)]).toEqual([5, 5]);
  });

  test("nothing moves back or in place", () => {
    expect(acknowledge(member, { deliveredSeq: 3, readSeq: 1 }, 1000)).toBeUndefined();
  });

  test("never go back, and read never passes delivered, in any order of receipts", () => {
    const marks = fc.record({
      deliveredSeq: fc.option(fc.nat(200), { nil: undefined }),
      readSeq: fc.option(fc.nat(200), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(marks, { maxLength: 200 }), (receipts) => {
        let now = member;
        receipts.forEach((receipt, at) => {
          const next = acknowledge(now, receipt, at) ?? now;
          expect(deliveredSeq(next)).toBeGreaterThanOrEqual(deliveredSeq(now));
          expect(readSeq(next)).toBeGreaterThanOrEqual(readSeq(now));
          expect(readSeq(next)).toBeLessThanOrEqual(deliveredSeq(next));
          expect(next.delivered.length).toBeLessThanOrEqual(64);
          now = next;
        });
      }),
    );
  });

  test("tell when a message was passed", () => {
    const once = acknowledge(member, { deliveredSeq: 5 }, 1000) ?? member;
    const twice = acknowledge(once, { deliveredSeq: 9 }, 2000) ?? once;
    expect([4, 5, 6, 9, 10].map((seq) => passedAt(twice.delivered, seq)?.getTime())).toEqual([
      1000,
      1000,
      2000,
      2000,
      undefined,
    ]);
  });
});

describe("the owner", () => {
  test("is the creator while a member", () => {
    expect(ownerOf(head, [newMember("bo", 0, AT), newMember("ana", 9, AT)])).toBe("ana");
  });
  test("is whoever has been there longest after that", () => {
    expect(ownerOf(head, [newMember("cy", 4, AT), newMember("bo", 2, AT)])).toBe("bo");
  });
  test("is nobody when nobody is left", () => {
    expect(ownerOf(head, [])).toBeUndefined();
  });
});
