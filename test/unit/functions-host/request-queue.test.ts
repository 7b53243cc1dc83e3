import { expect, test } from "@jest/globals";
import { RequestQueue } from "../../../local/functions-host/triggers/http/request-queue.js";

interface Call {
  readonly taken: Promise<boolean>;
  readonly end: (error?: Error) => void;
}

function calls(queue: RequestQueue): { call: (name: string) => Call; running: string[] } {
  const running: string[] = [];
  const call = (name: string): Call => {
    let end: Call["end"] = () => undefined;
    const ended = new Promise<void>((resolve, reject) => {
      end = (error) => {
        if (error === undefined) resolve();
        else reject(error);
      };
    });
    const taken = queue.run(async () => {
      running.push(name);
      await ended.finally(() => running.splice(running.indexOf(name), 1));
    });
    return { taken, end };
  };
  return { call, running };
}

test("so many run, the next wait in their order, and whoever comes then never runs", async () => {
  const { call, running } = calls(new RequestQueue({ maxConcurrentRequests: 2, maxOutstandingRequests: 4 }));
  const [a, b, c, d] = ["a", "b", "c", "d"].map(call);
  expect(await call("e").taken).toBe(false);
  expect(running).toEqual(["a", "b"]);
  b?.end();
  expect(await b?.taken).toBe(true);
  expect(running).toEqual(["a", "c"]);
  const f = call("f");
  expect(await call("g").taken).toBe(false);
  for (const each of [a, c, d, f]) {
    each?.end();
    expect(await each?.taken).toBe(true);
  }
  expect(running).toEqual([]);
});

test("one that fails makes room as well", async () => {
  const { call, running } = calls(new RequestQueue({ maxConcurrentRequests: 1, maxOutstandingRequests: 2 }));
  const failing = call("failing");
  const next = call("next");
  failing.end(new Error("the connection is gone"));
  await expect(failing.taken).rejects.toThrow("gone");
  expect(running).toEqual(["next"]);
  next.end();
  expect(await next.taken).toBe(true);
});
