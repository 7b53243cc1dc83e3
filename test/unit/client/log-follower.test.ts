import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { LogFollower, type Change } from "../../../client/log-follower.js";

const change = (seq: number): Change => ({ seq, type: "conversation.updated" });

function follow(): { follower: LogFollower; seen: number[] } {
  const seen: number[] = [];
  return { seen, follower: new LogFollower(({ seq }) => seen.push(seq)) };
}

describe("a log follower", () => {
  test("holds back what overtakes, and drops what repeats", () => {
    const { follower, seen } = follow();
    for (const seq of [1, 3, 3, 1]) follower.onEvent(change(seq));
    expect(seen).toEqual([1]);
    expect(follower.hasGap).toBe(true);
    follower.onEvent(change(2));
    expect(seen).toEqual([1, 2, 3]);
    expect(follower.hasGap).toBe(false);
  });

  test("starts again from a list: what is older is dropped, what came early follows", () => {
    const { follower, seen } = follow();
    follower.onEvent(change(1));
    for (const seq of [7, 9, 10]) follower.onEvent(change(seq));
    follower.restart(8, []);
    expect([follower.seq, follower.hasGap]).toEqual([10, false]);
    expect(seen).toEqual([1, 9, 10]);
    follower.restart(5, []);
    expect(follower.seq).toBe(10);
  });

  test("starts where a later member may read", () => {
    const { follower, seen } = follow();
    follower.onEvent(change(8));
    follower.onPage([change(7), change(8), change(9)]);
    follower.onEvent(change(10));
    expect(seen).toEqual([7, 8, 9, 10]);
  });

  test("ends complete and in order, however the events come and whatever of them is lost", () => {
    const run = fc.record({
      length: fc.integer({ min: 1, max: 30 }),
      events: fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 60 }),
      pageAt: fc.array(fc.nat(60), { maxLength: 5 }),
    });
    fc.assert(
      fc.property(run, ({ length, events, pageAt }) => {
        const { follower, seen } = follow();
        const fetchPage = (): void => {
          const rest = Array.from({ length: length - follower.seq }, (_, n) => change(follower.seq + n + 1));
          follower.onPage(rest.slice(0, 7));
        };
        events
          .filter((seq) => seq <= length)
          .forEach((seq, n) => {
            follower.onEvent(change(seq));
            if (pageAt.includes(n)) fetchPage();
          });
        while (follower.seq < length) fetchPage();
        expect(seen).toEqual(Array.from({ length }, (_, n) => n + 1));
        expect(follower.hasGap).toBe(false);
      }),
    );
  });
});
