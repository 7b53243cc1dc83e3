/**
 * Creates the tables and containers that Bicep creates on Azure, and sets CORS as it does.
 *
 * Over plain REST with an account SAS: loading two SDKs for a handful of requests would double the time that this takes.
 */
import { createHmac } from "node:crypto";
import { request as requestPlain } from "node:http";
import { request as requestSecure } from "node:https";
import { text } from "node:stream/consumers";
import { ACCOUNT, ACCOUNT_KEY, type StoragePorts } from "./connection-string.js";

export interface StorageTopology {
  readonly tables: readonly string[];
  readonly containers: readonly string[];
  /** Who may ask the blob service from a browser, as Bicep's `cors.corsRules`. */
  readonly blobCors?: readonly CorsRule[];
}

interface CorsRule {
  readonly allowedOrigins: readonly string[];
  readonly allowedMethods: readonly string[];
  readonly allowedHeaders: readonly string[];
  readonly exposedHeaders: readonly string[];
  readonly maxAgeInSeconds: number;
}

const API_VERSION = "2019-12-12";
const SAS_LIFETIME_MS = 5 * 60_000;
const CREATED = 201;
const ACCEPTED = 202;
const EXISTS = 409;

/**
 * Resolves when all of them exist; those that are there already stay as they are.
 * @param authority who has signed its certificate (PEM), when it speaks https
 */
export async function provisionStorage(
  ports: StoragePorts,
  { tables, containers, blobCors = [] }: StorageTopology,
  authority?: Buffer,
): Promise<void> {
  const sas = accountSas();
  const protocol = authority === undefined ? "http" : "https";
  const create = (url: string, what: string, init: Init): Promise<void> => createOver(url, what, init, authority);
  const blobs = `${protocol}://127.0.0.1:${ports.blob}/${ACCOUNT}`;
  const tableService = `${protocol}://127.0.0.1:${ports.table}/${ACCOUNT}`;
  await Promise.all([
    ...tables.map((name) =>
      create(`${tableService}/Tables?${sas}`, `table ${name}`, {
        method: "POST",
        headers: { "content-type": "application/json", accept: "application/json;odata=nometadata" },
        body: JSON.stringify({ TableName: name }),
      }),
    ),
    ...containers.map((name) =>
      create(`${blobs}/${name}?restype=container&${sas}`, `container ${name}`, { method: "PUT" }),
    ),
    create(`${blobs}/?restype=service&comp=properties&${sas}`, "CORS rules", {
      method: "PUT",
      body: servicePropertiesOf(blobCors),
    }),
  ]);
}

interface Init {
  readonly method: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Not `fetch`, to which nobody can say whom to trust once the process runs. */
async function createOver(
  url: string,
  what: string,
  { method, headers = {}, body = "" }: Init,
  ca?: Buffer,
): Promise<void> {
  const { status = 0, answer } = await new Promise<{ status?: number | undefined; answer: string }>(
    (resolve, reject) => {
      const options = { method, headers: { ...headers, "content-length": Buffer.byteLength(body) } };
      const request = ca === undefined ? requestPlain(url, options) : requestSecure(url, { ...options, ca });
      request.once("error", reject).once("response", (response) => {
        text(response).then((answer) => {
          resolve({ status: response.statusCode, answer });
        }, reject);
      });
      request.end(body);
    },
  );
  if (status === CREATED || status === ACCEPTED || status === EXISTS) return;
  throw new Error(`Azurite did not create the ${what}: ${status} ${answer.slice(0, 300)}`);
}

/** https://learn.microsoft.com/rest/api/storageservices/set-blob-service-properties: only what is named is changed. */
function servicePropertiesOf(rules: readonly CorsRule[]): string {
  const element = (name: string, values: readonly string[]): string => `<${name}>${values.join(",")}</${name}>`;
  const cors = rules.map(
    (rule) =>
      `<CorsRule>${element("AllowedOrigins", rule.allowedOrigins)}${element("AllowedMethods", rule.allowedMethods)}` +
      `<MaxAgeInSeconds>${rule.maxAgeInSeconds}</MaxAgeInSeconds>` +
      `${element("ExposedHeaders", rule.exposedHeaders)}${element("AllowedHeaders", rule.allowedHeaders)}</CorsRule>`,
  );
  return `<?xml version="1.0" encoding="utf-8"?><StorageServiceProperties><Cors>${cors.join("")}</Cors></StorageServiceProperties>`;
}

/** https://learn.microsoft.com/rest/api/storageservices/create-account-sas: the string to sign of versions before 2020-12-06. */
function accountSas(): string {
  const fields = {
    sp: "rwdlacu",
    ss: "bt",
    srt: "sco",
    st: "",
    se: new Date(Date.now() + SAS_LIFETIME_MS).toISOString().replace(/\.\d+Z$/, "Z"),
    sip: "",
    spr: "",
    sv: API_VERSION,
  };
  const toSign = `${[ACCOUNT, ...Object.values(fields)].join("\n")}\n`;
  const sig = createHmac("sha256", Buffer.from(ACCOUNT_KEY, "base64")).update(toSign).digest("base64");
  return new URLSearchParams({
    ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== "")),
    sig,
  }).toString();
}
