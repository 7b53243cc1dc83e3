/**
 * Certificates for this machine's loopback addresses, signed by an authority that lives for one start: its key is never written.
 *
 * In JavaScript, for the `openssl` program is not on every machine. Node.js itself can make keys, but no certificates.
 */
import { generateKeyPair, randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import forge from "node-forge";

/** Files in PEM. */
export interface CertificateFiles {
  /** What clients must trust, as with NODE_EXTRA_CA_CERTS. */
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

type Name = { readonly name: "commonName"; readonly value: string }[];

const DAY_MS = 86_400_000;
const DNS = 2;
const IP = 7;

/** Makes the three files anew. */
export async function makeCertificates(folder: string): Promise<CertificateFiles> {
  const [authorityKeys, keys] = await Promise.all([newKeys(), newKeys()]);
  const issuer: Name = [{ name: "commonName", value: "Local stack" }];
  const authority = certificate(authorityKeys.publicKey, issuer, [
    { name: "basicConstraints", critical: true, cA: true },
    { name: "keyUsage", critical: true, keyCertSign: true, cRLSign: true },
  ]);
  const server = certificate(
    keys.publicKey,
    [{ name: "commonName", value: "localhost" }],
    [
      { name: "basicConstraints", critical: true, cA: false },
      { name: "keyUsage", critical: true, digitalSignature: true, keyEncipherment: true },
      { name: "extKeyUsage", serverAuth: true },
      {
        name: "subjectAltName",
        altNames: [
          { type: DNS, value: "localhost" },
          { type: IP, ip: "127.0.0.1" },
        ],
      },
    ],
  );
  const files = {
    authority: path.join(folder, "authority.pem"),
    certificate: path.join(folder, "certificate.pem"),
    key: path.join(folder, "key.pem"),
  };
  const signer = forge.pki.privateKeyFromPem(authorityKeys.privateKey);
  for (const each of [authority, server]) {
    each.setIssuer(issuer);
    each.sign(signer, forge.md.sha256.create());
  }
  await mkdir(folder, { recursive: true });
  await Promise.all([
    writeFile(files.authority, forge.pki.certificateToPem(authority)),
    writeFile(files.certificate, forge.pki.certificateToPem(server)),
    writeFile(files.key, keys.privateKey, { mode: 0o600 }),
  ]);
  return files;
}

const newKeys = (): Promise<{ publicKey: string; privateKey: string }> =>
  promisify(generateKeyPair)("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });

function certificate(publicKey: string, subject: Name, extensions: object[]): forge.pki.Certificate {
  const made = forge.pki.createCertificate();
  made.publicKey = forge.pki.publicKeyFromPem(publicKey);
  // A positive number, as RFC 5280 (4.1.2.2) asks.
  made.serialNumber = `01${randomBytes(15).toString("hex")}`;
  // The system's time, also when `Date` has been moved: TLS goes by it.
  const now = performance.timeOrigin + performance.now();
  made.validity.notBefore = new Date(now - DAY_MS);
  made.validity.notAfter = new Date(now + 365 * DAY_MS);
  made.setSubject(subject);
  made.setExtensions(extensions);
  return made;
}
