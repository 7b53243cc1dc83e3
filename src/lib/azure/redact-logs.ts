/**
 * What Azure's SDKs log, where `AZURE_LOG_LEVEL` asks them to, without what they let through: they redact the queries of their requests, but
 * neither the signature in `x-ms-copy-source`, which is a signed URL too, nor the names of files in headers.
 */
import { EOL } from "node:os";
import { format } from "node:util";
import { AzureLogger } from "@azure/logger";

const SIGNATURE = /([?&]sig=)[^&"'\s]+/gi;
/** A member of the JSON in which headers are logged. */
const DISPOSITION = /(content-disposition": ")(?:[^"\\]|\\.)*/gi;

export function redactLogs(): void {
  AzureLogger.log = (...args: readonly unknown[]) => {
    const text = format(...args)
      .replace(SIGNATURE, "$1*****")
      .replace(DISPOSITION, "$1*****");
    process.stderr.write(text + EOL);
  };
}
