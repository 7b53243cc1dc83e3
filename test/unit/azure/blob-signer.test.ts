import { BlobServiceClient, type UserDelegationKey } from "@azure/storage-blob";
import { expect, test } from "@jest/globals";
import { blobSigner, type SasTarget } from "../../../src/lib/azure/blob-signer.js";

const NOW = Date.UTC(2026, 10, 24, 12);
const MINUTE = 60_000;
const target = (permissions: "c" | "r", until = NOW + 10 * MINUTE): SasTarget => ({
  ...{ containerName: "staging", blobName: "conversation/file" },
  ...{ permissions, until: new Date(until) },
});
const KEY = Buffer.from("a key that signs").toString("base64");

/** A service that one signs in to with an identity; it counts how often it is asked for a key. */
function service(failures = 0) {
  const asked: { readonly from: Date; readonly until: Date }[] = [];
  const client = new BlobServiceClient("https://account.blob.core.windows.net");
  client.getUserDelegationKey = (...[first, second]) => {
    const [from, until] = [first as Date, second as Date];
    asked.push({ from, until });
    if (asked.length <= failures) return Promise.reject(new Error("not now"));
    const key: UserDelegationKey = {
      ...{ signedObjectId: "object", signedTenantId: "tenant", signedService: "b", signedVersion: "2026-04-06" },
      ...{ signedStartsOn: from, signedExpiresOn: until, value: KEY },
    };
    return Promise.resolve(key as Awaited<ReturnType<BlobServiceClient["getUserDelegationKey"]>>);
  };
  return { client, asked };
}

test("with an identity a user delegation key signs: one blob, one right, https alone, no start", async () => {
  const { client, asked } = service();
  const query = new URLSearchParams(await blobSigner(client, () => NOW)(target("c")));
  expect(Object.fromEntries(query)).toMatchObject({
    ...{ sp: "c", sr: "b", spr: "https", se: "2026-11-24T12:10:00Z" },
    ...{ skoid: "object", sktid: "tenant", sks: "b" },
  });
  expect(query.has("st")).toBe(false);
  expect(query.get("sig")).toMatch(/^[\w+/]{43}=$/);
  // Servers' clocks differ: the key is good before it was asked for.
  expect(asked[0]?.from.getTime()).toBe(NOW - 15 * MINUTE);
});

test("the key is asked for once, and again before it ends", async () => {
  const { client, asked } = service();
  let now = NOW;
  const sign = blobSigner(client, () => now);
  await Promise.all([1, 2, 3].map(() => sign(target("r"))));
  now += 5 * 60 * MINUTE;
  await sign(target("r", now + MINUTE));
  expect(asked).toHaveLength(1);
  now += 50 * MINUTE;
  await sign(target("r", now + 10 * MINUTE));
  expect(asked).toHaveLength(2);
});

test("a key that could not be had is asked for anew", async () => {
  const { client, asked } = service(1);
  const sign = blobSigner(client, () => NOW);
  await expect(sign(target("r"))).rejects.toThrow("not now");
  await sign(target("r"));
  expect(asked).toHaveLength(2);
});

test("the account's key signs where the connection string has one; without TLS only for a store that has none", async () => {
  const connect = (endpoint: string) =>
    BlobServiceClient.fromConnectionString(
      `DefaultEndpointsProtocol=https;AccountName=account;AccountKey=${KEY};BlobEndpoint=${endpoint}`,
    );
  const query = async (endpoint: string) =>
    new URLSearchParams(await blobSigner(connect(endpoint), () => NOW)(target("r")));
  expect(Object.fromEntries(await query("https://account.example"))).toMatchObject({ sp: "r", spr: "https" });
  expect((await query("https://account.example")).has("skoid")).toBe(false);
  expect((await query("http://127.0.0.1:10000/account")).get("spr")).toBe("https,http");
});
