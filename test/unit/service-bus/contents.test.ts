import { expect, test } from "@jest/globals";
import { Contents, OVERHEAD_BYTES } from "../../../local/service-bus/broker/contents.js";
import { messageStored } from "../../../local/service-bus/broker/records.js";

const STATUS = { sequenceNumber: 1, state: "active", enqueuedAt: 0, deliveryCount: 0 } as const;

/** A store that counts how often it is read. */
function disk(): { entries: Map<string, Buffer>; reads: string[]; read: (key: string) => Buffer } {
  const entries = new Map<string, Buffer>();
  const reads: string[] = [];
  return {
    entries,
    reads,
    read: (key) => {
      reads.push(key);
      const value = entries.get(key);
      if (value === undefined) throw new Error("no such entry");
      return value;
    },
  };
}

function send({ entries }: ReturnType<typeof disk>, contents: Contents, id: number) {
  const { change, content } = messageStored("q", id, { content: Buffer.from(`body ${id}`), messageId: "m" }, STATUS);
  if ("put" in change) entries.set(change.put, Buffer.from(change.value));
  const kept = contents.add("q", id, content);
  contents.written(kept);
  return kept;
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

test("the newest are in memory, the others are read when they are wanted, and all are whole", () => {
  const store = disk();
  const contents = new Contents(store.read, 3 * ("body 1".length + OVERHEAD_BYTES));
  const sent = [1, 2, 3, 4, 5].map((id) => send(store, contents, id));
  expect(sent.map((content) => text(content.read()))).toEqual([1, 2, 3, 4, 5].map((id) => `body ${id}`));
  expect(store.reads).toEqual(["m:q:1", "m:q:2"]);
  expect(sent[0]?.length).toBe("body 1".length);
});

test("one that is pinned outlives its entry", () => {
  const store = disk();
  const contents = new Contents(store.read, 0);
  const [early, late] = [send(store, contents, 1), send(store, contents, 2)];
  early.pin();
  store.entries.clear();
  expect(text(early.read())).toBe("body 1");
  expect(() => late.read()).toThrow("no such entry");
});

test("many messages through a small memory keep the list of what is in it short", () => {
  const store = disk();
  const contents = new Contents(store.read, 3 * OVERHEAD_BYTES);
  for (let id = 1; id <= 10_000; id++) send(store, contents, id);
  expect(text(send(store, contents, 10_001).read())).toBe("body 10001");
  expect(store.reads).toEqual([]);
});

test("bodies without a byte fill the memory, too", () => {
  const store = disk();
  const contents = new Contents(store.read, 10 * OVERHEAD_BYTES);
  const sent = Array.from({ length: 11 }, (_, n) => {
    const { change, content } = messageStored("q", n, { content: new Uint8Array(), messageId: "m" }, STATUS);
    if ("put" in change) store.entries.set(change.put, Buffer.from(change.value));
    const kept = contents.add("q", n, content);
    contents.written(kept);
    return kept;
  });
  for (const content of sent) content.read();
  expect(store.reads).toEqual(["m:q:0"]);
});
