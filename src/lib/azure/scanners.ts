/** Who says whether a file is harmless. */
import type { BlobServiceClient } from "@azure/storage-blob";
import type { Config } from "../config.js";
import type { Scanner, Verdict } from "../ports.js";
import { calling } from "./transient.js";

/** The string that every scanner agrees to take for malicious (EICAR, 2003): at a file's very start, in at most 128 bytes. */
const EICAR = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*";
const EICAR_BYTES = 128;

/** The index tag that Microsoft Defender for Storage sets when it has scanned an upload (learn.microsoft.com, on-upload scanning). */
const DEFENDER_TAG = "Malware Scanning scan result";
const DEFENDER_VERDICTS: Readonly<Record<string, Verdict>> = {
  "No threats found": "clean",
  Malicious: "malicious",
};

const callingBlobs = <Result>(call: () => Promise<Result>): Promise<Result> => calling("Blob Storage", call);

export function scanner(service: BlobServiceClient, kind: Config["FILE_SCANNER"]): Scanner {
  const files = service.getContainerClient("files");
  switch (kind) {
    case "signature":
      return {
        verdictOn: (blob) =>
          callingBlobs(async () => {
            const { readableStreamBody } = await files.getBlobClient(blob).download(0, EICAR_BYTES);
            const start = readableStreamBody === undefined ? "" : await textOf(readableStreamBody);
            return start.startsWith(EICAR) ? "malicious" : "clean";
          }),
      };
    case "defender":
      return {
        verdictOn: (blob) =>
          callingBlobs(async () => {
            const { tags } = await files.getBlobClient(blob).getTags();
            // What it could not scan ("Not scanned", an error) never gets a verdict, and is refused when the time is over.
            return DEFENDER_VERDICTS[tags[DEFENDER_TAG] ?? ""] ?? "pending";
          }),
      };
  }
}

async function textOf(body: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString("latin1");
}
