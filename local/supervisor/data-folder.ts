/** The stack's folder: one running stack at a time, its address for others to read, its clock's setting. */
import { chmodSync, existsSync, rmSync, statSync } from "node:fs";
import { mkdir, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { ClockSetting } from "../clock/date.js";
import { StartError } from "../part.js";

/** What `stack.json` says: connection strings where Azure has them, base URLs else. */
export interface StackInfo {
  readonly functions: string;
  readonly serviceBus: string;
  readonly storage: string;
  readonly webPubSub: string;
  readonly issuer: string;
  readonly control: string;
  readonly pid: number;
  /** File with what signs the certificates of those that speak TLS, if any does (PEM). */
  readonly authority?: string;
}

export interface DataFolder {
  readonly path: string;
  readClock(): Promise<ClockSetting>;
  writeClock(setting: ClockSetting): Promise<void>;
  /** Tells others where everything is; only this user may read it. */
  publish(info: StackInfo): Promise<void>;
  unpublish(): void;
  /** Lets the next stack in. Synchronous, for it is the last thing that a process does. */
  release(): void;
}

const STACK_FILE = "stack.json";
const LOCK_FILE = "stack.lock";
const CLOCK_FILE = "clock.json";

/** Where the stack's data is: `DAYFLY_DATA`, or `.local` below the given folder. */
export function dataPath(root: string, environment: Readonly<Record<string, string | undefined>>): string {
  const set = environment["DAYFLY_DATA"];
  return set === undefined || set === "" ? path.join(root, ".local") : path.resolve(set);
}

/** Reads what a running stack says of itself; undefined when none runs there. */
export async function readStackInfo(folder: string): Promise<StackInfo | undefined> {
  const text = await readFile(path.join(folder, STACK_FILE), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const info = JSON.parse(text) as StackInfo;
  return isAlive(info.pid) ? info : undefined;
}

/** @throws StartError when the folder cannot be written, or when another stack uses it */
export async function openDataFolder(folder: string): Promise<DataFolder> {
  try {
    await makeFolder(folder);
    await lock(folder);
  } catch (error) {
    if (error instanceof StartError) throw error;
    const { code = "error" } = error as NodeJS.ErrnoException;
    throw new StartError(`the data folder ${folder} cannot be written (${code}). Set DAYFLY_DATA to one that can.`);
  }
  const file = (name: string): string => path.join(folder, name);
  const remove = (name: string): void => {
    rmSync(file(name), { force: true });
  };
  // Left by a stack that was killed.
  remove(STACK_FILE);
  return {
    path: folder,
    async readClock() {
      const text = await readFile(file(CLOCK_FILE), "utf8").catch(() => "{}");
      try {
        const { offsetMs = 0, frozenAt } = JSON.parse(text) as { offsetMs?: number; frozenAt?: number };
        return frozenAt === undefined ? { offsetMs } : { frozenAt };
      } catch {
        throw new StartError(`${file(CLOCK_FILE)} is damaged. Delete it to start with the real time.`);
      }
    },
    writeClock: (setting) => replaceFile(file(CLOCK_FILE), setting, 0o644),
    publish: (info) => replaceFile(file(STACK_FILE), info, 0o600),
    unpublish: () => {
      remove(STACK_FILE);
    },
    release: () => {
      remove(LOCK_FILE);
    },
  };
}

/** Not `recursive`: where nothing can be made, as below /proc, Node.js would try for ever. */
async function makeFolder(folder: string): Promise<void> {
  if (isFolder(folder)) return;
  const parent = path.dirname(folder);
  if (parent !== folder && !existsSync(parent)) await makeFolder(parent);
  try {
    await mkdir(folder);
  } catch (error) {
    // Another process may have made it meanwhile.
    if (!isFolder(folder)) throw error;
  }
}

function isFolder(folder: string): boolean {
  return statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** A lock file with the owner's process id. One whose process is gone is taken over. */
async function lock(folder: string): Promise<void> {
  const file = path.join(folder, LOCK_FILE);
  for (;;) {
    try {
      const handle = await open(file, "wx");
      await handle.writeFile(String(process.pid));
      await handle.close();
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const owner = Number(await readFile(file, "utf8").catch(() => "0"));
    if (owner !== process.pid && isAlive(owner)) {
      throw new StartError(
        `another stack (process ${owner}) uses ${folder}. Stop it, or set DAYFLY_DATA to another folder; ` +
          `if that process is something else, delete ${file}.`,
      );
    }
    await rm(file, { force: true });
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** A reader sees the old content or the new one, never half of it. */
async function replaceFile(file: string, content: unknown, mode: number): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  await writeFile(temporary, `${JSON.stringify(content, null, 2)}\n`, { mode });
  chmodSync(temporary, mode);
  await rename(temporary, file);
}
