/**
 * Loaded into the processes of a stack whose calls are counted: outgoing HTTP requests by port, retries included, written to the
 * folder `BENCH_COUNTS` on SIGUSR2.
 */
import { subscribe } from "node:diagnostics_channel";
import type { ClientRequest } from "node:http";
import { renameSync, writeFileSync } from "node:fs";
import path from "node:path";

const counts: Record<string, number> = {};

subscribe("http.client.request.start", (message) => {
  const { request } = message as { readonly request: ClientRequest };
  const port = String(request.getHeader("host")).split(":")[1] ?? "";
  counts[port] = (counts[port] ?? 0) + 1;
});

process.on("SIGUSR2", () => {
  const file = path.join(process.env["BENCH_COUNTS"] ?? "", `${String(process.pid)}.json`);
  writeFileSync(`${file}.new`, JSON.stringify(counts));
  renameSync(`${file}.new`, file);
});
