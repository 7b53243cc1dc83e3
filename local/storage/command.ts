import path from "node:path";
import { StartError, type PartCommand } from "../part.js";
import { startAzurite } from "./azurite.js";

export const command: PartCommand = {
  name: "storage",
  summary: "Azurite, the emulator of Azure Storage, with the options that this stack needs",
  options: {
    "blob-port": { description: "port of the blob service; 0 takes any free one", default: "10000" },
    "queue-port": { description: "port of the queue service", default: "10001" },
    "table-port": { description: "port of the table service", default: "10002" },
    data: { description: "folder for the data", default: path.join(".local", "storage") },
    "tls-cert": { description: "file with a certificate (PEM): serve over https, and take access tokens as well" },
    "tls-key": { description: "file with the certificate's key (PEM)" },
  },
  async start(options) {
    const port = (name: string): number => Number(options[`${name}-port`]);
    const { "tls-cert": cert, "tls-key": key } = options;
    if ((cert === undefined) !== (key === undefined)) throw new StartError("--tls-cert and --tls-key go together.");
    const azurite = await startAzurite({
      ...(cert === undefined || key === undefined ? {} : { tls: { cert, key } }),
      ports: { blob: port("blob"), queue: port("queue"), table: port("table") },
      dataFolder: path.resolve(options["data"] ?? ""),
    });
    return {
      announcement: { address: azurite.address, connectionString: azurite.connectionString },
      stop: () => azurite.stop(),
    };
  },
};
