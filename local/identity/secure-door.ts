/** What a part needs to be reached as in Azure: over TLS, by whoever has an access token. */
import { readFile } from "node:fs/promises";
import { StartError, type PartOption } from "../part.js";

export interface SecureDoor {
  /** 0 takes any free one. */
  readonly port: number;
  /** In PEM. */
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Address of the JSON Web Key Set of those whose access tokens are taken. */
  readonly tokenKeys: string;
}

const NAMES = ["tls-port", "tls-cert", "tls-key", "token-keys"] as const;

export const SECURE_DOOR_OPTIONS: Readonly<Record<(typeof NAMES)[number], PartOption>> = {
  "tls-port": { description: "one more port, with TLS, where access tokens are taken as well" },
  "tls-cert": { description: "file with its certificate (PEM)" },
  "tls-key": { description: "file with the certificate's key (PEM)" },
  "token-keys": { description: "address of the JSON Web Key Set that signs access tokens" },
};

/** @throws StartError when only some of the options are given */
export async function readSecureDoor(
  options: Readonly<Record<string, string | undefined>>,
): Promise<SecureDoor | undefined> {
  const { "tls-port": port, "tls-cert": cert, "tls-key": key, "token-keys": tokenKeys } = options;
  if (NAMES.every((name) => options[name] === undefined)) return undefined;
  if (port === undefined || cert === undefined || key === undefined || tokenKeys === undefined) {
    throw new StartError(`${NAMES.map((name) => `--${name}`).join(", ")} go together: give all of them, or none.`);
  }
  return { port: Number(port), cert: await readFile(cert), key: await readFile(key), tokenKeys };
}
