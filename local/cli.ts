/** `npm run local -- <command>`: starts one part of the stack alone, or speaks to a running stack. */
import { runPart, type PartCommand } from "./part.js";

/** Loaded on demand: a part must not pay for the others' imports. */
const parts: Readonly<Record<string, () => Promise<{ readonly command: PartCommand }>>> = {
  "service-bus": () => import("./service-bus/command.js"),
  "web-pubsub": () => import("./web-pubsub/command.js"),
  functions: () => import("./functions-host/command.js"),
  storage: () => import("./storage/command.js"),
  issuer: () => import("./issuer/command.js"),
};

const [name = "", ...args] = process.argv.slice(2);
const load = parts[name];
if (load !== undefined) {
  const { command } = await load();
  await runPart(command, args);
} else if (name === "exec") {
  const { exec } = await import("./exec.js");
  process.exitCode = await exec(args);
} else {
  const { steer } = await import("./steer.js");
  process.exitCode = await steer(name, args, Object.keys(parts));
}
