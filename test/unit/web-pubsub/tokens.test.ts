import { createHmac } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { jwtVerify, SignJWT } from "jose";
import { isClientAudience, isRequestAudience } from "../../../local/web-pubsub/audience.js";
import { hubNameOf, namespaceGroup, roomGroup } from "../../../local/web-pubsub/names.js";
import { signToken, TokenError, verifyToken } from "../../../local/web-pubsub/tokens.js";
import { signatureOf } from "../../../local/web-pubsub/upstream/upstream.js";

const now = Date.UTC(2026, 0, 1);
const check = { keys: { primary: "one", secondary: "two" }, isAudience: (aud: string) => aud === "here", now };
const exp = now / 1000 + 60;
const secret = (key: string): Uint8Array => new TextEncoder().encode(key);

describe("tokens", () => {
  test("are those that a library makes and reads", async () => {
    const token = await new SignJWT({ sub: "ünï" })
      .setProtectedHeader({ alg: "HS256" })
      .setAudience(["there", "here"])
      .setExpirationTime(exp)
      .sign(secret("two"));
    expect(verifyToken(token, check)).toMatchObject({ sub: "ünï", exp });
    const own = signToken({ sub: "ünï", aud: "here", exp }, "one");
    expect((await jwtVerify(own, secret("one"), { currentDate: new Date(now) })).payload.sub).toBe("ünï");
  });

  test.each<[string, object, string]>([
    ["expired", { exp: now / 1000 - 301 }, "expired"],
    ["without expiry", { exp: undefined }, "exp"],
    ["with an expiry that is no number", { exp: "9999999999" }, "exp"],
    ["not valid yet", { nbf: now / 1000 + 301 }, "nbf"],
    ["with a begin that is no number", { nbf: "0" }, "nbf"],
    ["for somebody else", { aud: "there" }, "aud"],
    ["for nobody", { aud: undefined }, "aud"],
  ])("%s are refused", (_, claims, reason) => {
    expect(() => verifyToken(signToken({ aud: "here", exp, ...claims }, "one"), check)).toThrow(reason);
  });

  test("expire to the second, five minutes late", () => {
    expect(verifyToken(signToken({ aud: "here", exp: now / 1000 - 300 }, "one"), check)).toBeDefined();
    expect(verifyToken(signToken({ aud: "here", exp, nbf: now / 1000 + 300 }, "one"), check)).toBeDefined();
  });

  test("of no other algorithm, with critical extensions, or broken in any way are refused", () => {
    const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const token = (header: unknown, payload: unknown, key = "one"): string => {
      const signed = `${part(header)}.${part(payload)}`;
      return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
    };
    const claims = { aud: "here", exp };
    expect(verifyToken(token({ alg: "HS256" }, claims), check)).toEqual(claims);
    const [header, payload, signature] = token({ alg: "HS256" }, claims).split(".");
    const refused = [
      token({ alg: "none" }, claims),
      token({ alg: "hs256" }, claims),
      token({ alg: "RS256" }, claims),
      token({}, claims),
      token({ alg: "HS256", crit: ["x"] }, claims),
      token({ alg: "HS256" }, claims, "three"),
      token({ alg: "HS256" }, [claims]),
      token({ alg: "HS256" }, null),
      `${header}.${payload}.`,
      `${header}.${payload}`,
      `${header}.${payload}.${signature}.x`,
      `${header}.${part({ ...claims, sub: "root" })}.${signature}`,
      "",
      "..",
      "a.b.c",
    ];
    for (const each of refused) expect(() => verifyToken(each, check)).toThrow(TokenError);
  });

  test("need the one key where there is no second", () => {
    expect(() => verifyToken(signToken({ aud: "here", exp }, "two"), { ...check, keys: { primary: "one" } })).toThrow(
      "signed",
    );
    const empty = signToken({ aud: "here", exp }, "");
    expect(() => verifyToken(empty, check)).toThrow("signed");
  });
});

describe("audiences", () => {
  const host = "127.0.0.1:8080";

  test.each([
    ["http://127.0.0.1:8080/clients/socketio/hubs/chat", true],
    ["http://localhost:8080/clients/socketio/hubs/Chat", true],
    ["http://127.0.0.1:8081/clients/socketio/hubs/chat", false],
    ["http://chat.example:8080/clients/socketio/hubs/chat", false],
    ["http://127.0.0.1:8080/clients/socketio/hubs/chat2", false],
    ["http://127.0.0.1:8080/clients/socketio/hubs/chat?x", false],
    ["ws://127.0.0.1:8080/clients/socketio/hubs/chat", false],
    ["chat", false],
  ])("of a client: %s", (audience, expected) => {
    expect(isClientAudience(audience, host, "chat")).toBe(expected);
  });

  test.each([
    ["http://127.0.0.1:8080/api/hubs/chat/:send?a=b%27c", true],
    ["http://127.0.0.1:8080/api/hubs/chat/:send", true],
    ["http://localhost:8080/api/hubs/chat/:send", true],
    ["http://127.0.0.1:8080/api/hubs/chat/:send?a=b", false],
    ["http://127.0.0.1:8080/api/hubs/chat", false],
    ["http://127.0.0.1/api/hubs/chat/:send", false],
    ["", false],
  ])("of a request: %s", (audience, expected) => {
    expect(isRequestAudience(audience, host, "/api/hubs/chat/:send?a=b%27c")).toBe(expected);
  });
});

describe("names", () => {
  test.each([
    [namespaceGroup("/"), "0~Lw~"],
    [namespaceGroup("/ns"), "0~L25z~"],
    [roomGroup("/", "rm"), "0~Lw~cm0"],
    [roomGroup("/ns", "rm"), "0~L25z~cm0"],
    [roomGroup("/ns", "socket1"), "0~L25z~c29ja2V0MQ"],
  ])("%s is the documented %s", (name, documented) => {
    expect(name).toBe(documented);
  });

  test("of hubs", () => {
    expect(hubNameOf("Chat_1.[`,]")).toBe("chat_1.[`,]");
    expect(hubNameOf(`a${"b".repeat(127)}`)).toBeDefined();
    for (const none of ["", "my-hub", "1a", "_a", "a b", `a${"b".repeat(128)}`, "a\n"])
      expect(hubNameOf(none)).toBeUndefined();
  });
});

test("an event is signed as Microsoft's own handler expects it", () => {
  // From the tests of Microsoft.Azure.WebJobs.Extensions.WebPubSubForSocketIO.
  const connectionId = "0f9c97a2f0bf4706afe87a14e0797b11";
  const primary = "7aab239577fd4f24bc919802fb629f5f";
  const expected = "sha256=7767effcb3946f3e1de039df4b986ef02c110b1469d02c0a06f41b3b727ab561";
  expect(signatureOf(connectionId, { primary })).toBe(expected);
  expect(signatureOf(connectionId, { primary, secondary: primary })).toBe(`${expected},${expected}`);
});
