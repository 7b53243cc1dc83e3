/**
 * `npm run local -- exec "<command>"`: starts a stack of its own, runs the command, stops the stack, and ends as the command did. The
 * command finds the stack by DAYFLY_DATA, and what is in stack.json as JSON in DAYFLY_STACK.
 */
import { fork, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

const NOT_STARTED = 1;
const SIGNALED = 128;

/** Resolves with the exit code: the command's, or 1 when the stack did not start or did not last. */
export async function exec(command: readonly string[]): Promise<number> {
  if (command.length === 0) {
    console.error('Say what to run: npm run local -- exec "npm run demo".');
    return NOT_STARTED;
  }
  const kept = process.env["DAYFLY_DATA"];
  const data = kept ?? (await mkdtemp(path.join(tmpdir(), "dayfly-exec-")));
  try {
    return await withStack(data, (environment) => run(command, environment));
  } finally {
    if (kept === undefined) await rm(data, { recursive: true, force: true });
  }
}

async function withStack(data: string, act: (environment: NodeJS.ProcessEnv) => Promise<number>): Promise<number> {
  // Ports of its own unless said otherwise: it may run beside another.
  const environment = { DAYFLY_PORTS: "0", ...process.env, DAYFLY_DATA: data };
  const stack = fork(path.join(import.meta.dirname, "start.js"), {
    execArgv: ["--enable-source-maps"],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    env: environment,
  });
  const ended = once(stack, "exit").then(() => false as const);
  const isReady = await Promise.race([once(stack, "message").then(() => true), ended]);
  if (!isReady) return NOT_STARTED;
  const info = await readFile(path.join(data, "stack.json"), "utf8");
  const result = await Promise.race([act({ ...environment, DAYFLY_STACK: info }), ended]);
  await stop(stack);
  if (result !== false) return result;
  console.error(`The stack ended by itself. Its logs: ${path.join(data, "logs")}`);
  return NOT_STARTED;
}

async function stop(stack: ChildProcess): Promise<void> {
  if (stack.exitCode !== null || stack.signalCode !== null) return;
  const ended = once(stack, "exit");
  stack.kill("SIGTERM");
  await ended;
}

async function run([line = "", ...args]: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  // One text is a line for the shell; several are a program and its arguments.
  const child = spawn(line, args, { stdio: "inherit", shell: args.length === 0, env });
  // The terminal sends these to the command as well: it decides, and the stack is stopped after it.
  const wait = (): void => undefined;
  process.on("SIGINT", wait);
  process.on("SIGTERM", wait);
  const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  return code ?? (signal === null ? NOT_STARTED : SIGNALED);
}
