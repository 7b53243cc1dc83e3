/**
 * The JSON Web Tokens of Web PubSub (RFC 7519): signed with an access key, HS256, the key's UTF-8 bytes being the secret.
 *
 * Checked synchronously with node:crypto: one is checked with every REST call, and a fan-out waits for it.
 */
import { createHmac, timingSafeEqual } from "node:crypto";

export interface AccessKeys {
  readonly primary: string;
  readonly secondary?: string | undefined;
}

export type Claims = Readonly<Record<string, unknown>>;

export interface TokenCheck {
  readonly keys: AccessKeys;
  /** Whether one of the token's audiences is this resource. */
  readonly isAudience: (audience: string) => boolean;
  /** Wall time in milliseconds since the epoch. */
  readonly now: number;
}

/** A token that is refused. The message says why, and holds nothing of the token. */
export class TokenError extends Error {
  override readonly name = "TokenError";
}

/** Clocks may differ by this much (the default of ASP.NET's token validation, which the service uses). */
const CLOCK_SKEW_S = 300;

export function signToken(claims: Claims, key: string): string {
  const signed = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
  return `${signed}.${hmac(key, signed).toString("base64url")}`;
}

/**
 * The claims of a valid token.
 *
 * @throws TokenError for any other algorithm than HS256, a wrong signature or audience, a missing or past `exp`, a future `nbf`.
 */
export function verifyToken(token: string, { keys, isAudience, now }: TokenCheck): Claims {
  const [header = "", payload = "", signature = "", ...more] = token.split(".");
  if (more.length > 0) throw new TokenError("The token is not a JSON Web Token.");
  const { alg, crit } = decode(header);
  if (alg !== "HS256" || crit !== undefined) throw new TokenError("The token's algorithm is not HS256.");
  if (!isSigned(`${header}.${payload}`, Buffer.from(signature, "base64url"), keys)) {
    throw new TokenError("The token is not signed with an access key of this resource.");
  }
  const claims = decode(payload);
  const { aud, exp, nbf } = claims;
  const nowS = now / 1000;
  if (typeof exp !== "number") throw new TokenError("The token has no expiry (exp).");
  if (nowS > exp + CLOCK_SKEW_S) throw new TokenError("The token has expired.");
  if (nbf !== undefined && !(typeof nbf === "number" && nbf <= nowS + CLOCK_SKEW_S)) {
    throw new TokenError("The token is not valid yet (nbf).");
  }
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (!audiences.some((audience) => typeof audience === "string" && isAudience(audience))) {
    throw new TokenError("The token's audience (aud) is another address than the one that was called.");
  }
  return claims;
}

/** Whether it says of itself that an access key has signed it. @throws TokenError for what is no token */
export function isKeyToken(token: string): boolean {
  return decode(token.split(".", 1)[0] ?? "")["alg"] === "HS256";
}

function isSigned(signed: string, signature: Buffer, { primary, secondary }: AccessKeys): boolean {
  return [primary, secondary].some((key) => {
    if (key === undefined) return false;
    const expected = hmac(key, signed);
    return expected.length === signature.length && timingSafeEqual(expected, signature);
  });
}

const hmac = (key: string, text: string): Buffer => createHmac("sha256", key).update(text).digest();

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

function decode(part: string): Claims {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Claims;
  } catch {
    // Falls through: whatever it was, it was no token.
  }
  throw new TokenError("The token is not a JSON Web Token.");
}
