import path from "node:path";
import { StartError, type PartCommand } from "../part.js";
import { startHost } from "./host.js";

export const command: PartCommand = {
  name: "functions",
  summary: "a host for Azure Functions v4 apps for Node.js: HTTP, timer and Service Bus triggers",
  options: {
    port: { description: "HTTP port; 0 takes any free one", default: "7071" },
    app: { description: "folder of the function app (package.json, host.json)", default: "." },
    data: { description: "folder for keys and timer schedules", default: path.join(".local", "functions") },
    settings: { description: "local.settings.json; the environment wins over it" },
    cors: { description: "origins that may call from a browser besides Host.CORS of the settings, comma separated" },
    "log-format": { description: "text or json, on standard error", default: "text" },
  },
  async start(options) {
    const logFormat = options["log-format"];
    if (logFormat !== "text" && logFormat !== "json") throw new StartError("--log-format must be text or json.");
    const host = await startHost({
      port: Number(options["port"]),
      appFolder: path.resolve(options["app"] ?? ""),
      dataFolder: path.resolve(options["data"] ?? ""),
      settingsFile: options["settings"] === undefined ? undefined : path.resolve(options["settings"]),
      logFormat,
      cors: options["cors"],
    });
    return { announcement: { address: host.address }, stop: () => host.stop() };
  },
};
