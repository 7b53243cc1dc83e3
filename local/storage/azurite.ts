/**
 * Azurite's own code inside this process: its program is loaded with the options that the stack needs, on data that survive a crash
 * (`saved-lists.ts`, `tables/`), and what it prints says when it listens and when it has ended.
 */
import { createRequire } from "node:module";
import { StartError } from "../part.js";
import { storageConnectionString, type StoragePorts } from "./connection-string.js";

import { answerWhatIsSaved } from "./saved-lists.js";
import { SlowStorage } from "./slow.js";
import { useDurableTables } from "./tables/durable-tables.js";

export interface AzuriteOptions {
  readonly ports: StoragePorts;
  readonly dataFolder: string;
  /** Files in PEM. With them it speaks https, and takes access tokens; whether they are signed it does not look at. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

export interface Azurite {
  readonly address: string;
  readonly connectionString: string;
  readonly ports: StoragePorts;
  /** Resolves when the three services have ended in order. */
  stop(): Promise<void>;
}

const LISTENING = /^Azurite (Blob|Queue|Table) service is successfully listening at https?:\/\/127\.0\.0\.1:(\d+)/;
const CLOSED = /^Azurite (?:Blob|Queue|Table) service successfully closed/;

export async function startAzurite({ ports, dataFolder, tls }: AzuriteOptions): Promise<Azurite> {
  const listening: Record<string, number> = {};
  let closed = 0;
  let onProgress = (): void => undefined;
  const progress = (done: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      onProgress = () => {
        if (done()) resolve();
      };
      onProgress();
    });

  // Standard output belongs to the announcement of this part: Azurite's reports are read here and go no further.
  const print = console.log;
  console.log = (...values: unknown[]) => {
    const line = String(values[0]);
    const match = LISTENING.exec(line);
    if (match?.[1] !== undefined) listening[match[1]] = Number(match[2]);
    else if (CLOSED.test(line)) closed += 1;
    else if (!line.startsWith("Azurite ")) print(...values);
    onProgress();
  };
  const failed = failure(ports);
  const slow = new SlowStorage();
  const undo = slow.install();
  load(ports, dataFolder, tls);
  await Promise.race([progress(() => Object.keys(listening).length === 3), failed]);
  undo();

  // It would also end on these by itself, and a second end fails: `stop` is the only way.
  process.removeAllListeners("SIGINT");
  process.removeAllListeners("SIGTERM");
  const { Blob: blob = 0, Queue: queue = 0, Table: table = 0 } = listening;
  const actual = { blob, queue, table };
  const protocol = tls === undefined ? "http" : "https";
  return {
    address: `${protocol}://127.0.0.1:${blob}`,
    connectionString: storageConnectionString(actual, protocol),
    ports: actual,
    stop: () => {
      slow.end();
      process.emit("message", "shutdown", undefined);
      return progress(() => closed === 3);
    },
  };
}

function load({ blob, queue, table }: StoragePorts, dataFolder: string, tls: AzuriteOptions["tls"]): void {
  const require = createRequire(import.meta.url);
  const program = require.resolve("azurite/dist/src/azurite.js");
  const args = [
    ["--blobPort", String(blob), "--queuePort", String(queue), "--tablePort", String(table)],
    ["--location", dataFolder],
    // It would send usage data, refuse the API versions of newer SDKs, and print every request.
    ["--disableTelemetry", "--skipApiVersionCheck", "--silent"],
    tls === undefined ? [] : ["--cert", tls.cert, "--key", tls.key, "--oauth", "basic"],
  ].flat();
  process.argv = [process.execPath, program, ...args];
  answerWhatIsSaved(program);
  useDurableTables(program);
  require(program);
}

/** Azurite ends its process when a port is taken; the reason is printed just before. */
function failure({ blob, queue, table }: StoragePorts): Promise<never> {
  return new Promise((_, reject) => {
    const exit = process.exit.bind(process);
    const printError = console.error;
    console.error = (...values: unknown[]) => {
      const line = String(values[0]);
      if (!line.startsWith("Exit due to unhandled error")) {
        printError(...values);
        return;
      }
      const port = /EADDRINUSE.*:(\d+)/.exec(line)?.[1];
      // Azurite's own exit follows at once; this process has to say the reason first, and then ends by itself.
      process.exit = (() => {
        process.exit = exit;
      }) as typeof process.exit;
      reject(
        new StartError(
          port === undefined
            ? `Azurite could not start: ${line.replace(/^Exit due to unhandled error: /, "")}`
            : `port ${port} is taken. Stop what listens there, or choose other ports (${blob}, ${queue} and ${table} were asked for).`,
        ),
      );
    };
  });
}
