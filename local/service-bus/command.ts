import path from "node:path";
import { SystemClock } from "../clock/clock.js";
import { readSecureDoor, SECURE_DOOR_OPTIONS } from "../identity/secure-door.js";
import { StartError, type PartCommand } from "../part.js";
import { LOG_LEVELS, setLogLevel, type LogLevel } from "./log.js";
import { startServiceBus } from "./server.js";
import { readTopology } from "./topology.js";

const HOST = "127.0.0.1";
const HIGHEST_PORT = 65_535;

export const command: PartCommand = {
  name: "service-bus",
  summary: "a stand-in for Azure Service Bus that speaks AMQP 1.0 to the Azure SDKs",
  options: {
    port: { description: "port for AMQP; 0 takes any free one", default: "5672" },
    "management-port": { description: "port for JSON over HTTP; 0 takes any free one", default: "5673" },
    data: { description: "folder for the data", default: path.join(".local", "service-bus") },
    topology: { description: "file that describes the queues", default: path.join("config", "topology.json") },
    "log-level": { description: `lowest level that is logged: ${LOG_LEVELS.join(", ")}`, default: "info" },
    sync: { description: "on: each write survives a loss of power, not only a crash", default: "off" },
    ...SECURE_DOOR_OPTIONS,
  },
  async start(options) {
    setLogLevel(levelOf(options));
    const bus = await startServiceBus({
      host: HOST,
      port: portOf(options, "port"),
      managementPort: portOf(options, "management-port"),
      topology: await readTopology(options["topology"] ?? ""),
      dataDirectory: options["data"] ?? "",
      clock: new SystemClock(),
      sync: switchOf(options, "sync"),
      secure: await readSecureDoor(options),
    });
    return {
      announcement: {
        address: `sb://${HOST}:${bus.port}`,
        connectionString: bus.connectionString,
        management: bus.managementUrl,
        ...(bus.tlsPort === undefined ? {} : { tls: `${HOST}:${bus.tlsPort}` }),
      },
      stop: () => bus.stop(),
    };
  },
};

function portOf(options: Readonly<Record<string, string | undefined>>, name: string): number {
  const port = Number(options[name]);
  if (options[name] === "" || !Number.isInteger(port) || port < 0 || port > HIGHEST_PORT) {
    throw new StartError(`--${name} must be a port between 0 and ${HIGHEST_PORT}, but is "${options[name] ?? ""}".`);
  }
  return port;
}

function levelOf(options: Readonly<Record<string, string | undefined>>): LogLevel {
  const level = LOG_LEVELS.find((each) => each === options["log-level"]);
  if (level !== undefined) return level;
  throw new StartError(`--log-level must be one of ${LOG_LEVELS.join(", ")}, but is "${options["log-level"] ?? ""}".`);
}

function switchOf(options: Readonly<Record<string, string | undefined>>, name: string): boolean {
  if (options[name] === "on") return true;
  if (options[name] === "off") return false;
  throw new StartError(`--${name} must be on or off, but is "${options[name] ?? ""}".`);
}
