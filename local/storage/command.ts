import path from "node:path";
import type { PartCommand } from "../part.js";
import { startAzurite } from "./azurite.js";

export const command: PartCommand = {
  name: "storage",
  summary: "Azurite, the emulator of Azure Storage, with the options that this stack needs",
  options: {
    "blob-port": { description: "port of the blob service; 0 takes any free one", default: "10000" },
    "queue-port": { description: "port of the queue service", default: "10001" },
    "table-port": { description: "port of the table service", default: "10002" },
    data: { description: "folder for the data", default: path.join(".local", "storage") },
  },
  async start(options) {
    const port = (name: string): number => Number(options[`${name}-port`]);
    const azurite = await startAzurite({
      ports: { blob: port("blob"), queue: port("queue"), table: port("table") },
      dataFolder: path.resolve(options["data"] ?? ""),
    });
    return {
      announcement: { address: `http://127.0.0.1:${azurite.ports.blob}`, connectionString: azurite.connectionString },
      stop: () => azurite.stop(),
    };
  },
};
