import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { HttpRequest } from "@azure/functions";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { readConfig } from "../../../src/lib/config.js";
import { acknowledgement, parseUserEvent, upstreamOf } from "../../../src/lib/http/upstream.js";

const PRINCIPAL = "the identity of this hub";
const keys = await generateKeyPair("ES256");
const issuer = createServer((request, response) => {
  void (async () => {
    const origin = `http://127.0.0.1:${String((issuer.address() as AddressInfo).port)}`;
    const answer = request.url?.endsWith("openid-configuration")
      ? { jwks_uri: `${origin}/keys` }
      : { keys: [{ ...(await exportJWK(keys.publicKey)), alg: "ES256" }] };
    response.setHeader("content-type", "application/json").end(JSON.stringify(answer));
  })();
});
let origin = "";

beforeAll(async () => {
  await new Promise<void>((resolve) => issuer.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${String((issuer.address() as AddressInfo).port)}`;
});
afterAll(() => {
  issuer.close();
});

const others = { SERVICE_BUS: "x", STORAGE: "x", AUTH_ISSUER: "https://issuer.example", AUTH_AUDIENCE: "dayfly" };
const event = (headers: Record<string, string>) =>
  new HttpRequest({ method: "POST", url: "http://localhost/api/webpubsub/events", headers });
const token = (oid: string, audience = "events") =>
  new SignJWT({ oid })
    .setProtectedHeader({ alg: "ES256" })
    .setIssuer(origin)
    .setAudience(audience)
    .setExpirationTime("5 minutes")
    .sign(keys.privateKey);

test("with an access key: any of the service's signatures of the connection's id, as documented", async () => {
  const key = "7aab239577fd4f24bc919802fb629f5f";
  const upstream = upstreamOf(readConfig({ ...others, WEB_PUBSUB: `Endpoint=https://x.example;AccessKey=${key};` }));
  const good = "sha256=7767effcb3946f3e1de039df4b986ef02c110b1469d02c0a06f41b3b727ab561";
  const connection = "0f9c97a2f0bf4706afe87a14e0797b11";
  const given = (signature: string, id = connection) =>
    upstream.verified(event({ "ce-connectionId": id, "ce-signature": signature, "ce-socketId": "s", "ce-type": "t" }));
  for (const signature of [good, good.toUpperCase().replace("SHA", "sha"), `sha256=${"0".repeat(64)},${good}`]) {
    await expect(given(signature)).resolves.toEqual({ type: "t", socketId: "s", user: undefined });
  }
  for (const signature of ["sha256=", `sha256=${"0".repeat(64)}`, good.slice(7)]) {
    await expect(given(signature)).rejects.toMatchObject({ code: "token-invalid" });
  }
  await expect(given(good, "another")).rejects.toMatchObject({ code: "token-invalid" });
  await expect(upstream.verified(event({}))).rejects.toMatchObject({ code: "token-missing" });
});

test("with an identity: the token of this hub's own, and of nobody else", async () => {
  const upstream = upstreamOf(
    readConfig({
      ...others,
      WEB_PUBSUB__endpoint: "https://x.webpubsub.azure.com",
      ...{ EVENTS_ISSUER: origin, EVENTS_AUDIENCE: "events", EVENTS_PRINCIPAL: PRINCIPAL },
    }),
  );
  const given = async (bearer: string) =>
    upstream.verified(event({ authorization: `Bearer ${bearer}`, "ce-userId": "bo" }));
  await expect(given(await token(PRINCIPAL))).resolves.toMatchObject({ user: "bo" });
  await expect(given(await token("somebody"))).rejects.toMatchObject({ code: "token-invalid" });
  await expect(given(await token(PRINCIPAL, "other"))).rejects.toMatchObject({ code: "token-invalid" });
  // A signature proves nothing where no key is configured.
  await expect(upstream.verified(event({ "ce-signature": "sha256=00" }))).rejects.toMatchObject({
    code: "token-missing",
  });
  const allowed = (host: string) =>
    upstream.allow(
      new HttpRequest({ method: "OPTIONS", url: "http://x/", headers: { "webhook-request-origin": host } }),
    );
  expect(allowed("x.webpubsub.azure.com")).toMatchObject({ status: 200 });
  expect(allowed("y.webpubsub.azure.com")).toEqual({ status: 400 });
});

test("with neither nothing is taken", async () => {
  const upstream = upstreamOf(readConfig({ ...others, WEB_PUBSUB__endpoint: "https://x.example" }));
  const bearer = await token(PRINCIPAL);
  await expect(upstream.verified(event({ authorization: `Bearer ${bearer}` }))).rejects.toMatchObject({
    code: "token-invalid",
  });
});

test.each([
  ['42["file.close",{"a":1}]', { args: [{ a: 1 }], ack: undefined }],
  ['420["file.close"]', { args: [], ack: "0" }],
  ['4217["file.close",1,2]', { args: [1, 2], ack: "17" }],
  ['42/other,["file.close"]', undefined],
  ['42["file.close"', undefined],
  ["", undefined],
  ["452-[]", undefined],
])("a client's packet %s", (payload, parsed) => {
  expect(parseUserEvent(payload)).toEqual(parsed);
});

test("an acknowledgement carries its id, also when that is 0", () => {
  expect(acknowledgement("0", { ok: true })).toMatchObject({ status: 200, body: '430[{"ok":true}]' });
  expect(acknowledgement(undefined, {})).toEqual({ status: 204 });
});
