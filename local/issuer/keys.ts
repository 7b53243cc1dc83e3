/** The issuer's signing key: made once, kept between starts, so that tokens survive a restart of the stack. */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type CryptoKey, type JWK } from "jose";

/** Common to all OpenID Connect providers and far quicker to make than an RSA key. */
export const ALGORITHM = "ES256";

export interface SigningKey {
  readonly privateKey: CryptoKey | Uint8Array;
  /** What the JWKS shows: never the private part. */
  readonly publicJwk: JWK;
  readonly kid: string;
}

export async function loadSigningKey(folder: string): Promise<SigningKey> {
  const file = path.join(folder, "key.json");
  const stored = await readFile(file, "utf8").catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  });
  const jwk = stored === undefined ? await makeKey(file) : (JSON.parse(stored) as JWK);
  const kid = await calculateJwkThumbprint(jwk);
  const { kty, crv, x, y } = jwk as JWK & { kty: string; crv: string; x: string; y: string };
  return {
    privateKey: await importJWK(jwk, ALGORITHM),
    publicJwk: { kty, crv, x, y, kid, alg: ALGORITHM, use: "sig" },
    kid,
  };
}

async function makeKey(file: string): Promise<JWK> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  const jwk = await exportJWK(privateKey);
  await mkdir(path.dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  await writeFile(temporary, JSON.stringify(jwk), { mode: 0o600 });
  await rename(temporary, file);
  return jwk;
}
