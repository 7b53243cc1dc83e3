/** Access tokens as Entra ID gives them (JSON Web Tokens, RFC 7519), checked by the service that they are for. */

/** Clocks may differ by this much (the default of Microsoft's token validation). */
const CLOCK_SKEW_S = 300;

/** A token that is refused. The message says why, and holds nothing of the token. */
export class AccessTokenError extends Error {
  override readonly name = "AccessTokenError";
}

/**
 * Answers until when the token holds, in milliseconds since the epoch.
 * @throws AccessTokenError
 */
export type CheckAccessToken = (token: string) => Promise<number>;

/**
 * @param keys address of the key set
 * @param audience the service, without a `/` at its end; a token may have one
 * @param now wall time in milliseconds since the epoch
 */
export function accessTokenCheck(keys: string, audience: string, now: () => number): CheckAccessToken {
  // Loaded on demand: most starts of a part are without.
  const loaded = import("jose").then((jose) => ({ ...jose, keySet: jose.createRemoteJWKSet(new URL(keys)) }));
  return async (token) => {
    const { jwtVerify, errors, keySet } = await loaded;
    try {
      const { payload } = await jwtVerify(token, keySet, {
        audience: [audience, `${audience}/`],
        requiredClaims: ["exp", "nbf", "iss"],
        clockTolerance: CLOCK_SKEW_S,
        currentDate: new Date(now()),
      });
      return Number(payload.exp) * 1_000;
    } catch (error) {
      if (error instanceof errors.JOSEError)
        throw new AccessTokenError(`The access token is refused: ${error.message}`);
      throw error;
    }
  };
}
