/** One upload to the storage, with its progress: by XMLHttpRequest in a browser, whose `fetch` tells nothing, and by `fetch` elsewhere. */
import type { UploadShape } from "../src/lib/contracts/shapes.js";

export interface UploadOptions {
  /** Gives up: the file is never sent, and what was uploaded of it goes within the hour. */
  readonly signal?: AbortSignal;
  /** Bytes that have gone, of how many; begins again when the upload does. */
  readonly onProgress?: (sent: number, total: number) => void;
}

/** As much of the browser's class as is used: this file is compiled for Node, too. */
interface BrowserRequest {
  readonly upload: { onprogress: ((event: { readonly loaded: number }) => void) | null };
  readonly status: number;
  onload: (() => void) | null;
  onerror: (() => void) | null;
  onabort: (() => void) | null;
  open(method: string, url: string): void;
  setRequestHeader(name: string, value: string): void;
  send(body: Blob): void;
  abort(): void;
}

/**
 * Uploads `body` once.
 * @returns the status of the answer
 * @throws the signal's reason when aborted; whatever the platform throws when there is no answer
 */
export async function upload(
  to: UploadShape["upload"],
  body: Blob,
  ask: typeof fetch,
  { signal, onProgress }: UploadOptions,
): Promise<number> {
  signal?.throwIfAborted();
  onProgress?.(0, body.size);
  const { XMLHttpRequest } = globalThis as { readonly XMLHttpRequest?: new () => BrowserRequest };
  if (onProgress !== undefined && XMLHttpRequest !== undefined) {
    return byBrowser(new XMLHttpRequest(), to, body, { onProgress, ...(signal === undefined ? {} : { signal }) });
  }
  const counted = onProgress === undefined ? { body } : { body: counting(body, onProgress), duplex: "half" as const };
  const headers = { ...to.headers, ...(onProgress === undefined ? {} : { "content-length": String(body.size) }) };
  const abortable = signal === undefined ? {} : { signal };
  const response = await ask(to.url, { method: to.method, headers, ...counted, ...abortable });
  await response.arrayBuffer();
  return response.status;
}

function byBrowser(
  request: BrowserRequest,
  { method, url, headers }: UploadShape["upload"],
  body: Blob,
  { signal, onProgress }: UploadOptions,
): Promise<number> {
  return new Promise<number>((resolve, reject) => {
    const abort = (): void => request.abort();
    const over = (): void => signal?.removeEventListener("abort", abort);
    request.upload.onprogress = ({ loaded }) => onProgress?.(loaded, body.size);
    request.onload = () => {
      over();
      resolve(request.status);
    };
    request.onerror = () => {
      over();
      reject(new TypeError("The storage did not answer."));
    };
    request.onabort = () => {
      over();
      reject(
        signal?.reason instanceof Error ? signal.reason : new DOMException("The upload was aborted.", "AbortError"),
      );
    };
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    signal?.addEventListener("abort", abort);
    request.send(body);
  });
}

function counting(body: Blob, onProgress: (sent: number, total: number) => void): ReadableStream<Uint8Array> {
  let sent = 0;
  const count = new TransformStream<Uint8Array, Uint8Array>({
    transform: (chunk, controller) => {
      controller.enqueue(chunk);
      onProgress((sent += chunk.length), body.size);
    },
  });
  return body.stream().pipeThrough(count);
}
