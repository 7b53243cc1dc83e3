import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ManualClock } from "../../../local/clock/clock.js";
import { Deadlines } from "../../../local/service-bus/broker/deadlines.js";
import { Heap } from "../../../local/service-bus/broker/heap.js";
import { SequenceIndex } from "../../../local/service-bus/broker/sequence-index.js";

describe("Heap", () => {
  test("gives out in order, whatever was removed and moved before", () => {
    const numbers = fc.array(fc.record({ value: fc.nat(50), fate: fc.constantFrom("stays", "removed", "moved") }));
    fc.assert(
      fc.property(numbers, (specs) => {
        const heap = new Heap<{ value: number; heapIndex: number }>((a, b) => a.value < b.value);
        const items = specs.map(({ value, fate }) => ({ value, fate, heapIndex: -1 }));
        for (const item of items) heap.push(item);
        for (const item of items) {
          if (item.fate === "removed") heap.remove(item);
          if (item.fate !== "moved") continue;
          item.value = 50 - item.value;
          heap.moved(item);
        }
        const out: number[] = [];
        for (let item = heap.pop(); item !== undefined; item = heap.pop()) out.push(item.value);
        const left = items.filter(({ fate }) => fate !== "removed").map(({ value }) => value);
        expect(out).toEqual(left.sort((a, b) => a - b));
      }),
    );
  });
});

describe("SequenceIndex", () => {
  test("is a sorted map, whatever the order of adding and removing", () => {
    const steps = fc.array(fc.record({ number: fc.nat(200), add: fc.boolean() }), { maxLength: 400 });
    fc.assert(
      fc.property(steps, fc.nat(200), (all, from) => {
        const index = new SequenceIndex<{ sequenceNumber: number }>();
        const model = new Map<number, { sequenceNumber: number }>();
        for (const { number, add } of all) {
          const present = model.get(number);
          if (add && present === undefined) {
            const item = { sequenceNumber: number };
            index.add(item);
            model.set(number, item);
          } else if (!add && present !== undefined) {
            index.remove(present);
            model.delete(number);
          }
        }
        const expected = [...model.keys()].filter((number) => number >= from).sort((a, b) => a - b);
        expect(index.from(from, 1_000).map(({ sequenceNumber }) => sequenceNumber)).toEqual(expected);
        expect(index.size).toBe(model.size);
        expect(index.get(from)).toBe(model.get(from));
      }),
    );
  });
});

describe("Deadlines", () => {
  test("fall due in order, each once; removed ones do not; new ones may be set meanwhile", () => {
    const clock = new ManualClock(0);
    const deadlines = Deadlines.ofWallTime(clock);
    const done: string[] = [];
    deadlines.add(20, () => done.push("20"));
    deadlines.add(10, () => {
      done.push("10");
      deadlines.add(15, () => done.push("15"));
    });
    deadlines.remove(deadlines.add(5, () => done.push("removed")));
    clock.advance(12);
    expect(done).toEqual(["10"]);
    clock.jump(100);
    expect(done).toEqual(["10", "15", "20"]);
  });

  test("in uptime they do not feel a jump", () => {
    const clock = new ManualClock(0);
    let fired = false;
    Deadlines.ofUptime(clock).add(10, () => {
      fired = true;
    });
    clock.jump(100);
    expect(fired).toBe(false);
    clock.advance(10);
    expect(fired).toBe(true);
  });
});
