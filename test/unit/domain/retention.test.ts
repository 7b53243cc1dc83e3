import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { isOver, type MessageDocument } from "../../../src/lib/domain/message.js";
import { consent, reconsider, requiredFor, withdraw } from "../../../src/lib/domain/retention.js";

const HOUR_MS = 3_600_000;
const KEPT_MS = 30 * 24 * HOUR_MS;
const END = 24 * HOUR_MS;
const USERS = ["ana", "bo", "cy", "di"] as const;

const DOCUMENT: MessageDocument = {
  conversationId: "c",
  messageId: "m",
  seq: 5,
  author: "ana",
  text: "hello",
  sentAt: new Date(0),
  expiresAt: new Date(END),
  state: "delivered",
};

const members = (...users: readonly string[]): { user: string; joinedSeq: number }[] =>
  users.map((user) => ({ user, joinedSeq: user === "di" ? 7 : 0 }));

/** The document after everyone named has consented, one after another. */
function consentedBy(users: readonly string[], among = members("ana", "bo", "cy")): MessageDocument {
  return users.reduce((document, user) => {
    const result = consent(document, among, user, 1, KEPT_MS);
    return "document" in result ? result.document : document;
  }, DOCUMENT);
}

describe("consent", () => {
  test("the first asks, the last agrees, and only then the text lives longer", () => {
    const asked = consentedBy(["bo"]);
    expect(asked).toMatchObject({ expiresAt: new Date(END), retention: { state: "pending" } });
    expect(consentedBy(["bo", "ana"]).expiresAt).toEqual(new Date(END));
    const kept = consentedBy(["bo", "ana", "cy"]);
    expect(kept.retention).toMatchObject({ state: "retained", version: 1, endsAt: new Date(END) });
    expect(kept.expiresAt).toEqual(new Date(1 + KEPT_MS));
  });

  test("who came later is not asked, who wrote it is, even when gone", () => {
    expect(requiredFor(DOCUMENT, members("bo", "di"))).toEqual(["ana", "bo"]);
    expect(consent(consentedBy(["ana"]), members("bo", "di"), "bo", 2, KEPT_MS)).toMatchObject({ kind: "consented" });
  });

  test.each([
    [END - 1, "requested"],
    [END, "lapsed"],
    [END + 1, "lapsed"],
  ])("at %d of %d: %s; expiry wins the tie", (now, kind) => {
    expect(consent(DOCUMENT, members("ana", "bo"), "bo", now, KEPT_MS).kind).toBe(kind);
  });

  test("above 20 members nobody can ask", () => {
    const many = (count: number) => members(...Array.from({ length: count }, (_, n) => (n === 0 ? "ana" : `u${n}`)));
    expect(consent(DOCUMENT, many(20), "ana", 1, KEPT_MS).kind).toBe("requested");
    expect(consent(DOCUMENT, many(21), "ana", 1, KEPT_MS).kind).toBe("unavailable");
  });

  test("agreeing never shortens a life", () => {
    const kept = consent(consentedBy(["ana", "bo"]), members("ana", "bo", "cy"), "cy", 1, 1000);
    expect(kept).toMatchObject({ kind: "agreed", document: { expiresAt: new Date(END) } });
  });
});

describe("leaving", () => {
  test("the one who was missing leaves: those who are left have agreed", () => {
    expect(reconsider(consentedBy(["ana", "bo"]), members("ana", "bo"), 2, KEPT_MS).kind).toBe("agreed");
  });

  test("the only one who asked leaves: nothing is asked any more", () => {
    const dropped = reconsider(consentedBy(["cy"]), members("ana", "bo"), 2, KEPT_MS);
    expect(dropped).toMatchObject({ kind: "dropped", document: { retention: { state: "none", consents: [] } } });
  });
});

describe("withdrawing", () => {
  test("from an agreement: the text ends when it would have, and everyone would have to agree anew", () => {
    const released = withdraw(consentedBy(["ana", "bo", "cy"]), "bo", 2);
    expect(released).toMatchObject({
      kind: "released",
      document: { expiresAt: new Date(END), retention: { state: "released", version: 2, consents: [] } },
    });
    if (!("document" in released)) throw new Error("not released");
    expect(consent(released.document, members("ana", "bo", "cy"), "ana", 3, KEPT_MS)).toMatchObject({
      kind: "requested",
      document: { retention: { version: 3 } },
    });
  });

  test("declining changes nothing that anybody could see", () => {
    expect(withdraw(consentedBy(["ana"]), "bo", 2)).toEqual({ kind: "same" });
    expect(withdraw(DOCUMENT, "bo", 2)).toEqual({ kind: "same" });
  });
});

interface Step {
  readonly kind: "consent" | "withdraw" | "leave";
  readonly user: string;
  readonly afterMs: number;
}

const steps = fc.array(
  fc.record<Step>({
    kind: fc.constantFrom("consent", "withdraw", "leave"),
    user: fc.constantFrom(...USERS.slice(0, 3)),
    afterMs: fc.integer({ min: 0, max: 10 * HOUR_MS }),
  }),
  { maxLength: 30 },
);

test("whatever happens in whatever order: kept only while every required member wants it, and never beyond a bound", () => {
  fc.assert(
    fc.property(steps, (story) => {
      let document = DOCUMENT;
      let present = members("ana", "bo", "cy");
      let now = 0;
      const wants = new Set<string>();
      for (const { kind, user, afterMs } of story) {
        now += afterMs;
        if (isOver(document, now)) break;
        if (!present.some((member) => member.user === user)) continue;
        const before = document.retention;
        if (kind === "leave") {
          present = present.filter((member) => member.user !== user);
          wants.delete(user);
          const result = reconsider(document, present, now, KEPT_MS);
          if ("document" in result) document = result.document;
        } else if (kind === "consent") {
          const result = consent(document, present, user, now, KEPT_MS);
          if ("document" in result) document = result.document;
          wants.add(user);
          expect(consent(document, present, user, now, KEPT_MS).kind).toBe("same");
        } else {
          const result = withdraw(document, user, now);
          if ("document" in result) document = result.document;
          if (before?.state === "retained") wants.clear();
          wants.delete(user);
        }
        const { retention } = document;
        if (retention?.state === "retained") {
          expect(before?.state === "retained" || retention.required.every((each) => wants.has(each))).toBe(true);
          expect(document.expiresAt.getTime()).toBeLessThanOrEqual(now + KEPT_MS);
        } else {
          expect(document.expiresAt).toEqual(DOCUMENT.expiresAt);
        }
        if (retention?.state === "pending") expect(retention.consents.length).toBeGreaterThan(0);
      }
    }),
    { numRuns: 2_000 },
  );
});
