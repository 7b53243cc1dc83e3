/**
 * Shared access signatures for single blobs (learn.microsoft.com, create-service-sas and create-user-delegation-sas). With an
 * identity they are signed with a user delegation key; an account's key signs only where the connection string has one.
 */
import {
  BlobSASPermissions,
  generateBlobSASQueryParameters,
  SASProtocol,
  StorageSharedKeyCredential,
  type BlobServiceClient,
  type SASQueryParameters,
  type UserDelegationKey,
} from "@azure/storage-blob";

export interface SasTarget {
  readonly containerName: string;
  readonly blobName: string;
  /** `c` creates, and cannot overwrite; `r` reads. */
  readonly permissions: "c" | "r";
  readonly until: Date;
}

/** Answers the query string that permits it. */
export type Sign = (target: SasTarget) => Promise<string>;

/**
 * What is signed differs from version to version (create-user-delegation-sas, "Specify the signature"), and the SDK's default is its
 * newest: this one has been seen to be accepted, by Azurite with a user delegation key.
 */
const SAS_VERSION = "2025-07-05";
const HOUR_MS = 3_600_000;
/** A key may live seven days; a short one bounds what a leaked one is good for. */
const KEY_MS = 6 * HOUR_MS;
/** Servers' clocks may be this far apart (learn.microsoft.com, SAS best practices). */
const SKEW_MS = 15 * 60_000;

export function blobSigner(service: BlobServiceClient, now: () => number): Sign {
  const protocol = service.url.startsWith("http:") ? SASProtocol.HttpsAndHttp : SASProtocol.Https;
  const values = ({ containerName, blobName, permissions, until }: SasTarget) => ({
    ...{ containerName, blobName, protocol, version: SAS_VERSION },
    permissions: BlobSASPermissions.parse(permissions),
    // Without a start: a server whose clock is behind would refuse it at first.
    expiresOn: until,
  });
  const { credential } = service;
  if (credential instanceof StorageSharedKeyCredential) {
    return (target) => Promise.resolve(queryOf(generateBlobSASQueryParameters(values(target), credential)));
  }
  const delegated = delegationKey(service, now);
  return async (target) =>
    queryOf(generateBlobSASQueryParameters(values(target), await delegated(target.until), service.accountName));
}

const queryOf = (parameters: SASQueryParameters): string => parameters.toString();

/** A key that outlives what it signs; fetched once for many. */
function delegationKey(service: BlobServiceClient, now: () => number): (until: Date) => Promise<UserDelegationKey> {
  let current: { readonly key: Promise<UserDelegationKey>; readonly endsAt: number } | undefined;
  return (until) => {
    if (current === undefined || current.endsAt < until.getTime() + SKEW_MS) {
      const endsAt = now() + KEY_MS;
      const fetched = service.getUserDelegationKey(new Date(now() - SKEW_MS), new Date(endsAt));
      const fetching = { key: fetched, endsAt };
      current = fetching;
      // A failure is not kept.
      fetched.catch(() => {
        if (current === fetching) current = undefined;
      });
    }
    return current.key;
  };
}
