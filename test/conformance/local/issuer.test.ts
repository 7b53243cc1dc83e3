import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { createRemoteJWKSet, errors, jwtVerify, type JWTVerifyResult } from "jose";
import { CLI, get, post, Program } from "./program.js";

let data: string;
let issuer: Program;
let url: string;

beforeAll(async () => {
  data = await mkdtemp(path.join(tmpdir(), "issuer-"));
});
afterAll(() => rm(data, { recursive: true, force: true }));

const start = async (port = "0"): Promise<void> => {
  issuer = new Program([CLI, "issuer", "--port", port, "--data", data]);
  url = (await issuer.json<{ address: string }>()).address;
};
beforeEach(() => start());
afterEach(async () => {
  expect(await issuer.end()).toEqual({ code: 0, signal: null });
});

async function tokenFor(body: unknown): Promise<string> {
  const answer = await post(`${url}/token`, body);
  expect(answer).toMatchObject({ status: 200, body: { token_type: "Bearer" } });
  return String(answer.body["access_token"]);
}

async function verify(token: string, audience = "api://local"): Promise<JWTVerifyResult> {
  // As a verifier does that knows the issuer's URL alone (OpenID Connect Discovery 1.0, section 4).
  const { body } = await get(`${url}/.well-known/openid-configuration`);
  expect(body["issuer"]).toBe(url);
  return jwtVerify(token, createRemoteJWKSet(new URL(String(body["jwks_uri"]))), { issuer: url, audience });
}

test("a verifier that knows the issuer's URL accepts its tokens and finds what was asked for", async () => {
  const { payload, protectedHeader } = await verify(
    await tokenFor({ sub: "user-1", roles: ["operator"], team: "blue" }),
  );
  expect(payload).toMatchObject({ iss: url, sub: "user-1", roles: ["operator"], team: "blue", aud: "api://local" });
  expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(3_600);
  expect(protectedHeader).toMatchObject({ alg: "ES256", typ: "JWT" });
});

test("audience and lifetime can be chosen; an expired token is refused as such", async () => {
  await expect(verify(await tokenFor({ sub: "a", audience: "other" }))).rejects.toThrow(
    errors.JWTClaimValidationFailed,
  );
  await verify(await tokenFor({ sub: "a", audience: "other" }), "other");
  await expect(verify(await tokenFor({ sub: "a", expiresIn: -60 }))).rejects.toThrow(errors.JWTExpired);
});

test("the key survives a restart, only its owner can read it, and only its public part is shown", async () => {
  const token = await tokenFor({ sub: "a" });
  const port = new URL(url).port;
  const before = await get(`${url}/jwks`);
  await issuer.end();
  await start(port);
  expect(await get(`${url}/jwks`)).toEqual(before);
  await verify(token);

  const file = path.join(data, "key.json");
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const { d } = JSON.parse(await readFile(file, "utf8")) as { d: string };
  expect(d).toMatch(/^[\w-]{43}$/);
  expect(JSON.stringify(before.body)).not.toContain(d);
});

test.each([
  [{}, '"sub"'],
  [{ sub: 5 }, '"sub"'],
  [{ sub: "" }, '"sub"'],
  [{ sub: "a", roles: "operator" }, '"roles"'],
  [{ sub: "a", expiresIn: "1h" }, '"expiresIn"'],
  [{ sub: "a", audience: 1 }, '"audience"'],
])("%j is refused with the field that is wrong", async (body, field) => {
  const answer = await post(`${url}/token`, body);
  expect(answer.status).toBe(400);
  expect(String(answer.body["error"])).toContain(field);
});

test("what is not JSON, and what is not served, is said to be so", async () => {
  expect((await fetch(`${url}/token`, { method: "POST", body: "sub=user-1" })).status).toBe(400);
  expect((await fetch(`${url}/token`, { method: "POST", body: "x".repeat(100_000) })).status).toBe(413);
  expect((await get(`${url}/authorize`)).status).toBe(404);
});

test("pages of this machine may ask, pages from elsewhere may not, whatever they call their host", async () => {
  const preflight = await fetch(`${url}/token`, { method: "OPTIONS", headers: { origin: "http://localhost:5173" } });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get("access-control-allow-origin")).toBe("http://localhost:5173");
  expect((await post(`${url}/token`, { sub: "a" }, { origin: "https://evil.example" })).status).toBe(403);
  expect((await post(`${url}/token`, { sub: "a" }, { origin: "null" })).status).toBe(403);
  // `fetch` would not let the host be set.
  const status = await new Promise((resolve) => {
    request(`${url}/jwks`, { headers: { host: "evil.example" } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).end();
  });
  expect(status).toBe(403);
});
