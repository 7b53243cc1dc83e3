/** Files in tests: what is uploaded, and what the storage account really holds. */
import { createHash } from "node:crypto";
import { BlobServiceClient } from "@azure/storage-blob";
import type { UploadShape } from "../../src/lib/contracts/shapes.js";
import type { Stack } from "./stack.js";

/** A picture of one pixel. */
export const PNG = Uint8Array.from(
  Buffer.from(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    "base64",
  ),
);

export const PICTURE = { name: "a picture.png", contentType: "image/png", size: PNG.length };

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** As a browser uploads: one request to the storage, with what the API has answered and nothing else. */
export async function put({ upload }: UploadShape, bytes: Uint8Array<ArrayBuffer>): Promise<number> {
  const response = await fetch(upload.url, { method: upload.method, headers: upload.headers, body: bytes });
  await response.arrayBuffer();
  return response.status;
}

export async function get(url: string, headers: Record<string, string> = {}): Promise<number> {
  const response = await fetch(url, { headers });
  await response.arrayBuffer();
  return response.status;
}

/** The names and sizes of all blobs in a container. */
export async function blobsIn(stack: Stack, container: "staging" | "files"): Promise<ReadonlyMap<string, number>> {
  const blobs = new Map<string, number>();
  const client = BlobServiceClient.fromConnectionString(stack.info.storage).getContainerClient(container);
  for await (const { name, properties } of client.listBlobsFlat()) blobs.set(name, properties.contentLength ?? 0);
  return blobs;
}
