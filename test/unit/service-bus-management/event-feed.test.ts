import { expect, test } from "@jest/globals";
import { EventFeed } from "../../../local/service-bus/management/event-feed.js";

class Fixture {
  readonly #deferred: (() => void)[] = [];
  readonly feed = new EventFeed({ capacity: 3, run: "r", defer: (flush) => void this.#deferred.push(flush) });

  record(...queues: string[]): void {
    for (const queue of queues) this.feed.record({ kind: "accepted", queue, data: { queue } });
  }

  read(after?: string, queues?: ReadonlySet<string>): { texts: string[]; ids: () => string[]; stop: () => void } {
    const texts: string[] = [];
    const reader = { push: (text: string): void => void texts.push(text), queues };
    this.feed.add(reader, after);
    return {
      texts,
      ids: () => [...texts.join("").matchAll(/^id: (.+)\nevent: (.+)$/gm)].map(([, id, event]) => `${id} ${event}`),
      stop: () => {
        this.feed.remove(reader);
      },
    };
  }

  flush(): void {
    for (const flush of this.#deferred.splice(0)) flush();
  }
}

test("nothing is recorded before somebody reads", () => {
  const f = new Fixture();
  expect(f.feed.recording).toBe(false);
  f.record("a");
  expect(f.read().ids()).toEqual(["r-1 ready"]);
  expect(f.feed.recording).toBe(true);
});

test("events of one turn go out together, filtered by queue", () => {
  const f = new Fixture();
  const all = f.read();
  const some = f.read(undefined, new Set(["b"]));
  f.record("a", "B", "c");
  expect(all.texts).toHaveLength(1);
  f.flush();
  expect(all.texts).toHaveLength(2);
  expect(all.ids()).toEqual(["r-1 ready", "r-2 accepted", "r-3 accepted", "r-4 accepted"]);
  expect(some.ids()).toEqual(["r-1 ready", "r-3 accepted"]);
});

test("a newcomer gets nothing that happened before he came", () => {
  const f = new Fixture();
  f.read();
  f.record("a");
  const late = f.read();
  f.flush();
  expect(late.ids()).toEqual(["r-2 ready"]);
});

test("who comes back goes on behind what he has seen, as long as it is kept", () => {
  const f = new Fixture();
  f.read().stop();
  f.record("a", "b", "c", "d");
  expect(f.read("r-2").ids()).toEqual(["r-3 accepted", "r-4 accepted", "r-5 accepted", "r-5 ready"]);
  expect(f.read("r-5").ids()).toEqual(["r-5 ready"]);
  // Number 2 has left the ring of three.
  expect(f.read("r-1").ids()).toEqual(["r-5 gap"]);
});

test("an id of another run, of the future, or of before a pause is a gap", () => {
  const f = new Fixture();
  const first = f.read();
  f.record("a");
  f.flush();
  first.stop();
  expect(f.read("x-1").ids()).toEqual(["r-2 gap"]);
  expect(f.read("r-9").ids()).toEqual(["r-2 gap"]);
  expect(f.read("nonsense").ids()).toEqual(["r-2 gap"]);
});

test("after a rest, events that nobody recorded count as missed", () => {
  const f = new Fixture();
  const first = f.read();
  f.feed.rest();
  expect(f.feed.recording).toBe(true);
  first.stop();
  f.feed.rest();
  expect(f.feed.recording).toBe(false);
  f.record("unseen");
  expect(f.read("r-1").ids()).toEqual(["r-2 gap"]);
});
