/** Files in Blob Storage: `staging`, to which clients upload, and `files`, from which readers read. */
import { BlobServiceClient, type ContainerClient } from "@azure/storage-blob";
import type { Config } from "../config.js";
import { DayflyError } from "../errors.js";
import type { Blobs, StoredBlob } from "../ports.js";
import { blobSigner, type Sign } from "./blob-signer.js";
import { identityOf } from "./credential.js";
import { unlessMissing } from "./tables.js";
import { calling, statusOf } from "./transient.js";

const OPTIONS = { retryOptions: { maxTries: 3, retryDelayInMs: 100, maxRetryDelayInMs: 500 } };
/** A copy within the account takes less than a second. */
const COPY_URL_MS = 5 * 60_000;
const PROBE = "probe";
/** An answer about the account's settings is good for this long. */
const PROBED_MS = 60_000;

export interface BlobStorage extends Blobs {
  /** Resolves when the service answers, and keeps nothing of what is deleted. @throws storage-keeps-deleted */
  probe(): Promise<void>;
}

export async function openBlobService(config: Config): Promise<BlobServiceClient> {
  return config.STORAGE === undefined
    ? new BlobServiceClient(String(config.STORAGE__blobServiceUri), await identityOf(config), OPTIONS)
    : BlobServiceClient.fromConnectionString(config.STORAGE, OPTIONS);
}

const callingBlobs = <Result>(call: () => Promise<Result>): Promise<Result> => calling("Blob Storage", call);

export function blobStorage(service: BlobServiceClient, now: () => number): BlobStorage {
  const sign = blobSigner(service, now);
  const staging = service.getContainerClient("staging");
  const files = service.getContainerClient("files");
  const signed = signedUrl(sign);
  return {
    uploadUrl: (staged, contentType, until) =>
      callingBlobs(async () => ({
        url: await signed(staging, staged, "c", until),
        headers: { "x-ms-blob-type": "BlockBlob", "content-type": contentType },
      })),

    stagedSize: (staged) =>
      callingBlobs(async () => {
        const properties = await unlessMissing(() => staging.getBlobClient(staged).getProperties());
        return properties?.contentLength;
      }),

    copy: (staged, blob) =>
      callingBlobs(async () => {
        const source = await signed(staging, staged, "r", new Date(now() + COPY_URL_MS));
        try {
          // Only once: a later one might find that the staging blob has been emptied.
          await files.getBlobClient(blob).syncCopyFromURL(source, { conditions: { ifNoneMatch: "*" } });
        } catch (error) {
          if (statusOf(error) === 404) return false;
          if (statusOf(error) !== 409 && statusOf(error) !== 412) throw error;
        }
        return true;
      }),

    contents: (blob) =>
      callingBlobs(async () => {
        const { readableStreamBody } = await files.getBlobClient(blob).download();
        if (readableStreamBody === undefined) throw new Error("a download without a body");
        return stepsOf(readableStreamBody as AsyncIterable<Buffer>);
      }),

    dress: (blob, { contentType, disposition }) =>
      callingBlobs(async () => {
        await files.getBlobClient(blob).setHTTPHeaders({
          blobContentType: contentType,
          blobContentDisposition: disposition,
          // A browser must not show from its cache what is gone.
          blobCacheControl: "no-store",
        });
      }),

    readUrl: (blob, until) => callingBlobs(() => signed(files, blob, "r", until)),

    remove: (blob) =>
      callingBlobs(async () => {
        // Not there any more is as good: 404 is not an error here.
        await files.getBlobClient(blob).deleteIfExists({ deleteSnapshots: "include" });
      }),

    emptyStaging: (staged) =>
      callingBlobs(async () => {
        await staging.getBlockBlobClient(staged).upload("", 0);
      }),

    removeStaging: (staged) =>
      callingBlobs(async () => {
        await staging.getBlobClient(staged).deleteIfExists({ deleteSnapshots: "include" });
      }),

    list: (container) => pages(container === "files" ? files : staging),

    probe: cached(now, () => callingBlobs(() => requireForgetful(service, staging))),
  };
}

const signedUrl =
  (sign: Sign) =>
  async (container: ContainerClient, blobName: string, permissions: "c" | "r", until: Date): Promise<string> => {
    const query = await sign({ containerName: container.containerName, blobName, permissions, until });
    return `${container.getBlobClient(blobName).url}?${query}`;
  };

/** What breaks off half-way is trouble of the same kinds as a call that fails. */
async function* stepsOf<Step>(steps: AsyncIterable<Step>): AsyncIterable<Step> {
  const iterator = steps[Symbol.asyncIterator]();
  for (;;) {
    const step = await callingBlobs(() => iterator.next());
    if (step.done === true) return;
    yield step.value;
  }
}

async function* pages(container: ContainerClient): AsyncIterable<readonly StoredBlob[]> {
  for await (const { segment } of stepsOf(container.listBlobsFlat().byPage())) {
    yield segment.blobItems
      .filter(({ name }) => name !== PROBE)
      .map(({ name, properties }) => ({ name, modifiedAt: properties.lastModified }));
  }
}

/**
 * With soft delete or versioning "deleted" would be a lie. Soft delete stands in the service's properties; of versioning the data
 * plane shows only the version id that a write answers. (The change feed, which it does not show at all, is Bicep's to keep off.)
 */
async function requireForgetful(service: BlobServiceClient, staging: ContainerClient): Promise<void> {
  const { deleteRetentionPolicy } = await service.getProperties();
  if (deleteRetentionPolicy?.enabled === true) {
    throw new DayflyError("storage-keeps-deleted", { detail: "Soft delete is on in the storage account." });
  }
  const probe = staging.getBlockBlobClient(PROBE);
  const { versionId } = await probe.upload("", 0);
  await probe.deleteIfExists();
  if (versionId !== undefined) {
    throw new DayflyError("storage-keeps-deleted", { detail: "Versioning is on in the storage account." });
  }
}

/** The route that asks is open to everybody: whoever asks often gets the same answer. */
function cached(now: () => number, ask: () => Promise<void>): () => Promise<void> {
  let last: { readonly at: number; readonly answer: Promise<void> } | undefined;
  return () => {
    if (last === undefined || now() - last.at >= PROBED_MS) {
      const asked = { at: now(), answer: ask() };
      last = asked;
      asked.answer.catch((error: unknown) => {
        // An outage may be over with the next question; a setting is not.
        const isSetting = error instanceof DayflyError && error.code === "storage-keeps-deleted";
        if (!isSetting && last === asked) last = undefined;
      });
    }
    return last.answer;
  };
}
