/** What an upload makes of the browser's XMLHttpRequest. */
import { afterEach, expect, test } from "@jest/globals";
import { upload } from "../../../client/upload.js";

const TO = {
  method: "PUT",
  url: "http://storage.invalid/b",
  headers: { "content-type": "a/b" },
  expiresAt: "",
} as const;
const BODY = new Blob([new Uint8Array(10)]);
const never: typeof fetch = () => Promise.reject(new Error("fetch is not asked"));

class Request {
  static last: Request;
  readonly upload: { onprogress?: (event: { loaded: number }) => void } = {};
  readonly headers: string[] = [];
  status = 0;
  onload?: () => void;
  onerror?: () => void;
  onabort?: () => void;
  opened: readonly string[] = [];
  constructor() {
    Request.last = this;
  }
  open(...args: string[]): void {
    this.opened = args;
  }
  setRequestHeader(...header: string[]): void {
    this.headers.push(header.join(": "));
  }
  send(body: Blob): void {
    this.upload.onprogress?.({ loaded: body.size / 2 });
  }
  abort(): void {
    this.onabort?.();
  }
}

const platform = globalThis as { XMLHttpRequest?: unknown };
afterEach(() => {
  delete platform.XMLHttpRequest;
});

test("in a browser it goes by XMLHttpRequest when somebody wants to see its progress", async () => {
  platform.XMLHttpRequest = Request;
  const progress: number[] = [];
  const uploading = upload(TO, BODY, never, { onProgress: (sent) => progress.push(sent) });
  Request.last.status = 201;
  Request.last.onload?.();
  expect(await uploading).toBe(201);
  expect(progress).toEqual([0, 5]);
  expect(Request.last.opened).toEqual(["PUT", TO.url]);
  expect(Request.last.headers).toEqual(["content-type: a/b"]);
});

test("aborted, it ends with the signal's reason; without an answer, as fetch does", async () => {
  platform.XMLHttpRequest = Request;
  const abort = new AbortController();
  const uploading = upload(TO, BODY, never, { onProgress: () => undefined, signal: abort.signal });
  abort.abort(new Error("enough"));
  await expect(uploading).rejects.toThrow("enough");
  const other = upload(TO, BODY, never, { onProgress: () => undefined });
  Request.last.onerror?.();
  await expect(other).rejects.toBeInstanceOf(TypeError);
  await expect(upload(TO, BODY, never, { signal: abort.signal })).rejects.toThrow("enough");
});
