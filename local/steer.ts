/** Commands that speak to the running stack: its clock, its parts, its issuer. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { text } from "node:stream/consumers";
import { SEED_PROGRAM } from "./app-settings.js";
import { columns } from "./supervisor/banner.js";
import { formatOffset, parseDuration } from "./clock/duration.js";
import { dataPath, openDataFolder, readStackInfo, type StackInfo } from "./supervisor/data-folder.js";
import { load, reset, save } from "./snapshots.js";
import { FAULTS } from "./steer-faults.js";
import type { PartStatus } from "./control/parts.js";
import type { Time } from "./control/time.js";

interface Command {
  readonly usage: string;
  readonly summary: string;
  run(stack: StackInfo, args: readonly string[]): Promise<string>;
}

/** What a person typed wrongly, or what the stack refused. */
class UsageError extends Error {}

const commands: Readonly<Record<string, Command>> = {
  status: {
    usage: "status",
    summary: "every part and its state",
    async run({ control }) {
      const { parts } = await ask<{ parts: readonly PartStatus[] }>(`${control}/parts`);
      const rows = parts.map(({ name, state, pid, address }) => [name, state, String(pid ?? ""), address ?? ""]);
      return [...columns(rows), `  ${describe(await ask<Time>(`${control}/time`))}`].join("\n");
    },
  },
  time: {
    usage: "time [+24h | freeze | release | reset]",
    summary: "reads the clock of the stack, moves it on, stops it, lets it go on from there, or puts it right",
    async run({ control }, [move]) {
      if (move === undefined) return describe(await ask<Time>(`${control}/time`));
      const asked = MOVES[move];
      if (asked !== undefined) return describe(await ask<Time>(`${control}/time`, asked));
      const ms = parseDuration(move);
      if (ms === undefined) throw new UsageError(`${move} is no duration. Try +24h, 90m, PT24H, freeze, or reset.`);
      return describe(await ask<Time>(`${control}/time`, { advance: `PT${ms / 1_000}S` }));
    },
  },
  idle: {
    usage: "idle [30s]",
    summary: "waits until no message is due or locked and no function runs",
    async run({ control }, [timeout = "30s"]) {
      const { waitedMs } = await ask<{ waitedMs: number }>(`${control}/idle?timeout=${encodeURIComponent(timeout)}`);
      return `idle after ${waitedMs} ms`;
    },
  },
  token: {
    usage: "token USER [ROLE ...]",
    summary: "a token for that user, for scripts",
    async run({ issuer }, [sub, ...roles]) {
      if (sub === undefined) throw new UsageError("Say for whom: token ana.");
      const request = { sub, ...(roles.length === 0 ? {} : { roles }) };
      return (await ask<{ access_token: string }>(`${issuer}/token`, request)).access_token;
    },
  },
  seed: {
    usage: "seed SCENARIO",
    summary: "fills the stack with something to look at; without a name it says what there is",
    run: (stack, args) => seed(stack, args),
  },
  fault: {
    usage: "fault NAME …",
    summary: "trouble on demand; without a name it says what there is",
    run: (stack, args) => cause(stack, args),
  },
  kill: {
    usage: "kill PART [SIGNAL]",
    summary: "ends a part as a crash would; it stays down until it is started",
    run: ({ control }, [part = "", signal = "SIGKILL"]) => act(`${control}/parts/${part}/kill`, { signal }),
  },
  start: {
    usage: "start PART",
    summary: "starts a part that was killed, at its old address",
    run: ({ control }, [part = ""]) => act(`${control}/parts/${part}/start`, {}),
  },
  restart: {
    usage: "restart PART",
    summary: "stops a part in order and starts it again",
    run: ({ control }, [part = ""]) => act(`${control}/parts/${part}/restart`, {}),
  },
};

/** What is done to the data of a stack that is down. */
const offline: Readonly<
  Record<string, Omit<Command, "run"> & { run(data: string, args: readonly string[]): Promise<string> }>
> = {
  save: {
    usage: "save NAME",
    summary: "puts a copy of all data aside (the stack must be down)",
    run: (data, [name = ""]) => save(data, name),
  },
  load: {
    usage: "load NAME",
    summary: "brings it back, instead of what is there (the stack must be down)",
    run: (data, [name = ""]) => load(data, name),
  },
  reset: {
    usage: "reset",
    summary: "deletes all data but what was saved (the stack must be down)",
    run: (data) => reset(data),
  },
};

/** Runs one command; resolves with the exit code. */
export async function steer(name: string, args: readonly string[], parts: readonly string[]): Promise<number> {
  const folder = dataPath(path.resolve(import.meta.dirname, "..", ".."), process.env);
  const work = offline[name];
  if (work !== undefined) return workOn(folder, () => work.run(folder, args));
  const command = commands[name];
  if (command === undefined) {
    const asked = ["help", "--help", "-h"].includes(name);
    (asked ? console.log : console.error)(help(parts));
    return asked ? 0 : 1;
  }
  const stack = await readStackInfo(folder);
  if (stack === undefined) {
    console.error(
      `No stack runs with the data folder ${folder}. Start one: npm start (DAYFLY_DATA names another folder).`,
    );
    return 1;
  }
  try {
    console.log(await command.run(stack, args));
    return 0;
  } catch (error) {
    console.error(error instanceof UsageError ? error.message : `The stack does not answer: ${String(error)}`);
    return 1;
  }
}

/** The lock keeps a stack from starting meanwhile, and this from touching the data of one that runs. */
async function workOn(folder: string, work: () => Promise<string>): Promise<number> {
  try {
    const data = await openDataFolder(folder);
    try {
      console.log(await work());
    } finally {
      data.release();
    }
    return 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

/** What `time` takes besides a duration, as the control has it. */
const MOVES: Readonly<Record<string, unknown>> = {
  freeze: { freeze: true },
  release: { freeze: false },
  reset: { reset: true },
};

function describe({ now, offsetMs, frozen }: Time): string {
  return `${now} (${frozen ? "frozen" : offsetMs === 0 ? "real time" : formatOffset(offsetMs)})`;
}

/** @throws UsageError with what the program says is wrong */
async function seed(stack: StackInfo, args: readonly string[]): Promise<string> {
  const program = path.resolve(import.meta.dirname, "..", SEED_PROGRAM);
  const child = spawn(process.execPath, ["--enable-source-maps", program, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, DAYFLY_STACK: JSON.stringify(stack) },
  });
  const [said, complained] = [text(child.stdout), text(child.stderr)];
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new UsageError((await complained).trim());
  return (await said).trim();
}

async function cause({ control }: StackInfo, [name = "", ...args]: readonly string[]): Promise<string> {
  const fault = Object.hasOwn(FAULTS, name) ? FAULTS[name] : undefined;
  const request = fault?.request(args);
  if (request === undefined) {
    const known = fault === undefined ? Object.values(FAULTS) : [fault];
    throw new UsageError(columns(known.map(({ usage, summary }) => [usage, summary])).join("\n"));
  }
  await ask(`${control}${request.path}`, request.body);
  return `${name}: done (POST ${request.path} ${JSON.stringify(request.body)})`;
}

async function act(url: string, body: unknown): Promise<string> {
  const { name, state } = await ask<PartStatus>(url, body);
  return `${name} is ${state}`;
}

async function ask<T>(url: string, body?: unknown): Promise<T> {
  const response = await fetch(url, body === undefined ? {} : { method: "POST", body: JSON.stringify(body) });
  const text = await response.text();
  const answer = (text === "" ? {} : JSON.parse(text)) as T & { readonly error?: string; readonly detail?: string };
  if (!response.ok) throw new UsageError(answer.error ?? answer.detail ?? `The stack answered ${response.status}.`);
  return answer;
}

function help(parts: readonly string[]): string {
  const rows = (of: Readonly<Record<string, Omit<Command, "run">>>): string[][] =>
    Object.values(of).map(({ usage, summary }) => [usage, summary]);
  return [
    "Usage: npm run local -- COMMAND",
    "",
    "Start one part alone (each takes --help):",
    `  ${parts.join(", ")}`,
    "",
    "Speak to the running stack:",
    ...columns(rows(commands)),
    "",
    "Without a running stack:",
    ...columns([
      ['exec "COMMAND"', "starts a stack, runs the command, stops it; ends as the command did"],
      ...rows(offline),
    ]),
  ].join("\n");
}
