import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { openLogStore, type Change } from "../../../local/log-store/log-store.js";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "log-store-"));
});
afterEach(() => rm(directory, { recursive: true }));

const put = (key: string, value: string): Change => ({ put: key, value: Buffer.from(value) });

/** What a new process would find. */
async function reopened(
  options: { segmentBytes?: number; onDamage?: (text: string) => void } = {},
): Promise<Record<string, string>> {
  const store = await openLogStore({ directory, ...options });
  const entries = Object.fromEntries([...store.entries()].map(([key, value]) => [key, value.toString()]));
  await store.close();
  return entries;
}

async function segments(): Promise<string[]> {
  return (await readdir(directory)).filter((name) => name.endsWith(".log")).sort();
}

test("holds what was committed: the last value, and nothing that was removed", async () => {
  const store = await openLogStore({ directory });
  await store.commit([put("a", "1"), put("b", "1"), put("c", "1")]);
  await store.commit([put("a", "2"), { remove: "b" }]);
  await store.close();
  expect(await reopened()).toEqual({ a: "2", c: "1" });
});

test("whatever is committed, whenever it is reopened and however small the segments: the same as a map", async () => {
  const key = fc.constantFrom("a", "b", "c", "d", "e");
  const change = fc.oneof(fc.record({ put: key, value: fc.uint8Array({ maxLength: 40 }) }), fc.record({ remove: key }));
  const steps = fc.array(
    fc.oneof(
      { weight: 9, arbitrary: fc.array(change, { maxLength: 4 }) },
      { weight: 1, arbitrary: fc.constant("reopen" as const) },
    ),
    {
      maxLength: 60,
    },
  );
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 40, max: 400 }), async (run, segmentBytes) => {
      await rm(directory, { recursive: true, force: true });
      const model = new Map<string, string>();
      let store = await openLogStore({ directory, segmentBytes });
      for (const step of run) {
        if (step === "reopen") {
          await store.close();
          store = await openLogStore({ directory, segmentBytes });
          expect(new Map([...store.entries()].map(([key, value]) => [key, value.toString("hex")]))).toEqual(model);
          continue;
        }
        await store.commit(step);
        for (const each of step) {
          if ("put" in each) model.set(each.put, Buffer.from(each.value).toString("hex"));
          else model.delete(each.remove);
        }
      }
      await store.close();
      store = await openLogStore({ directory, segmentBytes });
      expect(new Map([...store.entries()].map(([key, value]) => [key, value.toString("hex")]))).toEqual(model);
      await store.close();
    }),
    { numRuns: 60 },
  );
});

test("many commits at once keep their order", async () => {
  const store = await openLogStore({ directory });
  await Promise.all(
    Array.from({ length: 500 }, (_, n) => store.commit([put("counter", String(n)), put(`n${String(n)}`, "x")])),
  );
  await store.close();
  const entries = await reopened();
  expect(entries["counter"]).toBe("499");
  expect(Object.keys(entries)).toHaveLength(501);
});

test("files stay in proportion to what is alive", async () => {
  const segmentBytes = 16 * 1024;
  const store = await openLogStore({ directory, segmentBytes });
  await store.commit([put("pinned", "from the start")]);
  for (let n = 0; n < 5_000; n++) {
    await store.commit([put(`k${String(n)}`, "x".repeat(100)), ...(n >= 20 ? [{ remove: `k${String(n - 20)}` }] : [])]);
  }
  await store.close();
  const sizes = await Promise.all(
    (await segments()).map(async (name) => (await stat(path.join(directory, name))).size),
  );
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(4 * segmentBytes);
  const entries = await reopened({ segmentBytes });
  expect(Object.keys(entries)).toHaveLength(21);
  expect(entries["pinned"]).toBe("from the start");
});

describe("damage", () => {
  async function writeThree(): Promise<{ file: string; content: Buffer; ends: number[] }> {
    const store = await openLogStore({ directory });
    const ends: number[] = [];
    const file = path.join(directory, "0000000001.log");
    for (const key of ["a", "b", "c"]) {
      await store.commit([put(key, `value of ${key}`)]);
      ends.push((await stat(file)).size);
    }
    await store.close();
    return { file, content: await readFile(file), ends };
  }

  test("an end that a crash cut off is dropped at any byte, told, and what lies before it stays", async () => {
    const { file, content, ends } = await writeThree();
    const [first = 0, second = 0] = ends;
    for (let cut = first + 1; cut < content.length; cut++) {
      if (cut === second) continue;
      await writeFile(file, content.subarray(0, cut));
      const damage: string[] = [];
      expect(await reopened({ onDamage: (text) => damage.push(text) })).toEqual(
        cut < second ? { a: "value of a" } : { a: "value of a", b: "value of b" },
      );
      expect(damage).toHaveLength(1);
      // What was cut is gone for good: the next start finds nothing wrong.
      await reopened({ onDamage: (text) => damage.push(text) });
      expect(damage).toHaveLength(1);
    }
  });

  test("a flipped bit with sound records behind it stops the start, and nothing is touched", async () => {
    const { file, content, ends } = await writeThree();
    const [, second = 0] = ends;
    for (let at = 0; at < second; at++) {
      const flipped = Buffer.from(content);
      flipped.writeUInt8((flipped[at] ?? 0) ^ 4, at);
      await writeFile(file, flipped);
      await expect(openLogStore({ directory })).rejects.toThrow(/damaged/);
      expect((await readFile(file)).equals(flipped)).toBe(true);
    }
  });
});

describe("the folder", () => {
  test("is for one process at a time", async () => {
    // Our parent is alive for as long as we are.
    await writeFile(path.join(directory, "lock"), String(process.ppid));
    await expect(openLogStore({ directory })).rejects.toThrow(/in use by process/);
  });

  test.each([
    ["of a dead process", "999999999"],
    ["that is empty", ""],
  ])("is taken over from a lock %s", async (_, holder) => {
    await writeFile(path.join(directory, "lock"), holder);
    expect(await reopened()).toEqual({});
  });

  test("that cannot take anything refuses the commit, and takes the next one when it can again", async () => {
    const store = await openLogStore({ directory, segmentBytes: 50 });
    await store.commit([put("a", "x".repeat(100))]);
    // The next segment cannot be created: its name is a folder's.
    const blocked = path.join(directory, "0000000002.log");
    await writeFile(path.join(directory, "placeholder"), "");
    const { mkdir } = await import("node:fs/promises");
    await mkdir(blocked);
    await expect(store.commit([put("b", "1")])).rejects.toThrow();
    await rm(blocked, { recursive: true });
    await store.commit([put("c", "1")]);
    await store.close();
    expect(Object.keys(await reopened())).toEqual(["a", "c"]);
  });
});
