/**
 * Who calls: the bearer token alone says it. A JWT (RFC 7519) of the configured issuer, checked against the keys that its
 * discovery document names (OpenID Connect Discovery 1.0). Any provider will do.
 */
import { createRemoteJWKSet, errors, jwtVerify, type JWTVerifyGetKey } from "jose";
import { isUser } from "../domain/user.js";
import { DayflyError } from "../errors.js";

/** Signatures with a public key only: with a shared secret allowed, a public key could be used as one (RFC 8725, section 2.1). */
const ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"];
const CLOCK_TOLERANCE_S = 30;
const DISCOVERY_TIMEOUT_MS = 5_000;

export interface Caller {
  readonly user: string;
  readonly roles: readonly string[];
}

export interface AuthSettings {
  readonly issuer: string;
  readonly audience: string;
  readonly userClaim: string;
  readonly rolesClaim: string;
}

export type Authenticate = (authorization: string | null) => Promise<Caller>;

/** @returns a function that tells the caller from the `Authorization` header, or throws token-missing, token-invalid */
export function authenticator({ issuer, audience, userClaim, rolesClaim }: AuthSettings): Authenticate {
  let keys: Promise<JWTVerifyGetKey> | undefined;

  async function verify(token: string): Promise<Record<string, unknown>> {
    keys ??= discoverKeys(issuer);
    try {
      const { payload } = await jwtVerify(token, await keys, {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        clockTolerance: CLOCK_TOLERANCE_S,
        requiredClaims: ["exp"],
      });
      return payload;
    } catch (error) {
      if (error instanceof DayflyError) {
        // The issuer could not be asked: the next request asks again.
        keys = undefined;
        throw error;
      }
      throw isKeySetOutOfReach(error)
        ? issuerUnavailable(error)
        : new DayflyError("token-invalid", { detail: reasonOf(error) });
    }
  }

  return async (authorization) => {
    if (authorization === null) throw new DayflyError("token-missing");
    // RFC 6750, section 2.1; the scheme's name is case-insensitive (RFC 9110, section 11.1).
    const token = /^bearer ([\w~+/.-]+=*)$/i.exec(authorization.trim())?.[1];
    if (token === undefined)
      throw new DayflyError("token-invalid", { detail: "The Authorization header is not 'Bearer <token>'." });
    const claims = await verify(token);
    const user = claims[userClaim];
    if (typeof user !== "string" || !isUser(user)) {
      throw new DayflyError("token-invalid", {
        detail: `The claim '${userClaim}' must be 1 to 128 printable ASCII characters, without %2F, not . or ...`,
      });
    }
    return { user, roles: rolesIn(claims[rolesClaim]) };
  };
}

/** A list, or what most issuers make of one entry or of OAuth's scopes: a text with spaces (RFC 9068, section 2.2.3). */
function rolesIn(claim: unknown): readonly string[] {
  if (typeof claim === "string") return claim.split(" ");
  return Array.isArray(claim) ? claim.filter((role) => typeof role === "string") : [];
}

async function discoverKeys(issuer: string): Promise<JWTVerifyGetKey> {
  try {
    const address = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
    const response = await fetch(address, { signal: AbortSignal.timeout(DISCOVERY_TIMEOUT_MS) });
    const { jwks_uri: keysAddress } = (await response.json()) as { jwks_uri?: unknown };
    if (!response.ok || typeof keysAddress !== "string") throw new Error("no jwks_uri in the discovery document");
    return createRemoteJWKSet(new URL(keysAddress), { timeoutDuration: DISCOVERY_TIMEOUT_MS });
  } catch (error) {
    throw issuerUnavailable(error);
  }
}

const issuerUnavailable = (cause: unknown): DayflyError =>
  new DayflyError("dependency-unavailable", { detail: "The token issuer is not available.", cause });

/** Everything that is about the token has a code of its own; the rest is about fetching the keys. */
const isKeySetOutOfReach = (error: unknown): boolean =>
  error instanceof errors.JWKSTimeout || !(error instanceof errors.JOSEError) || error.code === "ERR_JOSE_GENERIC";

/** Says what is wrong with the token, never what is in it. */
function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return "The token has expired.";
  if (error instanceof errors.JWTClaimValidationFailed)
    return `The token's claim '${error.claim}' is not as it must be.`;
  if (error instanceof errors.JWKSNoMatchingKey) return "The token is signed with a key that the issuer does not have.";
  if (error instanceof errors.JOSEAlgNotAllowed) return "The token's algorithm is not allowed.";
  return "The token could not be verified.";
}
