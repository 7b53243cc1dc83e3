/**
 * `npm start`, and with `--watch` `npm run dev`: the whole stack in one terminal. With `--identity` the functions sign in to their
 * services as on Azure.
 */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { commandsToTry, PAGES, SAMPLE_USERS } from "./app-settings.js";
import { installMovableDate } from "./clock/date.js";
import { Stack, type ReadyStack } from "./stack.js";
import { banner } from "./supervisor/banner.js";
import { dataPath } from "./supervisor/data-folder.js";
import { interruptHandler } from "./supervisor/interrupts.js";
import { choosePorts } from "./supervisor/ports.js";
import { stylesFor } from "./supervisor/styles.js";

const TOKEN_DAYS = 30;
const INSPECT_PORT = 9229;

installMovableDate();
process.exitCode = await main(path.resolve(import.meta.dirname, "..", ".."), {
  watch: process.argv.includes("--watch"),
  identity: process.argv.includes("--identity"),
});
process.exit();

async function main(root: string, { watch, identity }: { watch: boolean; identity: boolean }): Promise<number> {
  const styles = stylesFor(process.stdout, process.env);
  const data = dataPath(root, process.env);
  const inspect = watch ? await choosePorts({ inspect: INSPECT_PORT }, process.env) : undefined;
  const program = process.env["DAYFLY_PROGRAM"];
  const stack = new Stack({
    ...{ root, data, environment: process.env, styles, watch, identity },
    ...(program === undefined ? {} : { program }),
    ...(inspect === undefined ? {} : { inspectPort: inspect.inspect.port }),
    print: (line) => {
      console.log(line);
    },
    printError: (line) => {
      console.error(line);
    },
  });
  endOnSignals(stack);
  const ready = await stack.start();
  if (ready !== undefined) {
    // Whoever started this as a child waits for the stack, not for the banner.
    process.send?.("ready");
    // Counted from the start of the process: compiling is part of the wait.
    const readyMs = performance.now();
    console.log(banner(await content(ready, { root, data, readyMs }), styles));
    if (watch) {
      const { watchSource } = await import("./supervisor/watch.js");
      await watchSource(root, stack);
      if (inspect !== undefined) stack.show("functions", `debugger: 127.0.0.1:${inspect.inspect.port}`);
    }
  }
  return stack.ended;
}

function endOnSignals(stack: Stack): void {
  const end = interruptHandler(
    {
      stop: () => void stack.stop(),
      kill: () => {
        stack.kill();
      },
    },
    () => performance.now(),
  );
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, end);
  // Whoever read the output is gone, as in `npm start | head`, or as `tee` is after Ctrl-C.
  for (const output of [process.stdout, process.stderr]) output.on("error", () => void stack.stop());
  // Started by a program (a test): it must not be outlived.
  process.on("disconnect", () => {
    end("disconnect");
  });
}

async function content(
  { info, ports, management, hub, clock, issuer, functions }: ReadyStack,
  { root, data, readyMs }: { root: string; data: string; readyMs: number },
): Promise<Parameters<typeof banner>[0]> {
  const tokens = await Promise.all(
    SAMPLE_USERS.map(async (sub) => {
      const { access_token } = await issuer.token({ sub, expiresIn: TOKEN_DAYS * 24 * 3_600 });
      return [sub, access_token] as const;
    }),
  );
  const moved = (...names: (keyof typeof ports)[]): string =>
    names
      .map((name) => ports[name].insteadOf)
      .filter((port) => port !== undefined)
      .map((port) => `(${port} was taken)`)
      .join(" ");
  const { blob, queue, table } = ports;
  return {
    readyMs,
    node: process.versions.node,
    clock,
    parts: [
      ["functions", info.functions, moved("functions")],
      ["service bus", `sb://127.0.0.1:${ports.serviceBus.port}`, `management ${management} ${moved("serviceBus")}`],
      ["web pubsub", `http://127.0.0.1:${ports.webPubSub.port}`, `hub ${hub} ${moved("webPubSub")}`],
      [
        "storage",
        `http://127.0.0.1:${blob.port}`,
        `blobs; queues ${queue.port}, tables ${table.port} ${moved("blob", "queue", "table")}`,
      ],
      ...(info.authority === undefined
        ? []
        : [["identity", "TLS is signed by", info.authority] as [string, string, string]]),
      ["issuer", info.issuer, moved("issuer")],
      ["control", info.control, moved("control")],
      ...Object.keys(PAGES).map((page): [string, string] => [page, `${info.control}/${page}/`]),
      ["data", data, "logs of each part in logs/"],
    ],
    functions,
    routePrefix: await routePrefix(root),
    tokens,
    tokenLifetime: `${TOKEN_DAYS} days`,
    commands: commandsToTry(info.functions, tokens[0]?.[1] ?? ""),
  };
}

async function routePrefix(root: string): Promise<string> {
  const host = JSON.parse(await readFile(path.join(root, "host.json"), "utf8")) as {
    extensions?: { http?: { routePrefix?: string } };
  };
  return host.extensions?.http?.routePrefix ?? "api";
}
