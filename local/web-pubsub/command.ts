import path from "node:path";
import { readSecureDoor, SECURE_DOOR_OPTIONS } from "../identity/secure-door.js";
import { StartError, type PartCommand } from "../part.js";
import { loadAccessKeys } from "./access-keys.js";
import { startWebPubSub } from "./server.js";
import { loadSettings } from "./settings.js";

export const command: PartCommand = {
  name: "web-pubsub",
  summary: "a stand-in for Azure Web PubSub for Socket.IO, serverless mode",
  options: {
    port: { description: "port for clients and for the REST API; 0 takes any free one", default: "8080" },
    data: { description: "folder for the generated access keys", default: path.join(".local", "web-pubsub") },
    "access-key": { description: "primary access key, instead of the generated ones" },
    "secondary-key": { description: "secondary access key, with --access-key" },
    settings: { description: 'JSON file with hub settings: {"hubs": {"chat": {"eventHandlers": […]}}}' },
    "token-groups": {
      description: "yes: a client's token may name groups to join (webpubsub.group); unknown in Azure",
      default: "no",
    },
    ...SECURE_DOOR_OPTIONS,
  },
  async start(options) {
    const { port = "", data = "", "access-key": primary, "secondary-key": secondary, settings } = options;
    if (primary === undefined && secondary !== undefined) {
      throw new StartError("--secondary-key goes with --access-key: give both, or neither to have keys generated.");
    }
    const keys = primary === undefined ? await loadAccessKeys(path.resolve(data)) : { primary, secondary };
    const server = await startWebPubSub({
      port: Number(port),
      keys,
      tokenGroups: options["token-groups"] === "yes",
      secure: await readSecureDoor(options),
      ...(settings === undefined ? {} : { settings: await loadSettings(path.resolve(settings)) }),
    });
    return {
      announcement: {
        address: server.url,
        connectionString: server.connectionString,
        ...(server.tlsUrl === undefined ? {} : { tls: server.tlsUrl }),
      },
      stop: () => server.stop(),
    };
  },
};
