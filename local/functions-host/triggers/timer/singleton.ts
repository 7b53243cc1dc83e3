/**
 * Timers run in one of the hosts that share a data folder. On Azure a blob lease decides which (webjobs-sdk, SingletonManager); here a
 * file does, with the process id of the host that has them.
 */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Clock, Timer } from "../../../clock/clock.js";

/** How often a host looks whether the one that runs the timers is gone; the lease on Azure lasts 15 s. */
const LOOK_EVERY_MS = 5_000;

export interface Singleton {
  /** Gives the timers up, for another host to take. */
  stop(): Promise<void>;
}

/** Calls `onAcquired` once this process is the one; resolves after the first attempt. */
export async function becomeSingleton(
  dataFolder: string,
  clock: Clock,
  onAcquired: () => Promise<void>,
): Promise<Singleton> {
  const file = path.join(dataFolder, "timers.lock");
  let timer: Timer | undefined;
  let acquired = false;
  let stopped = false;
  const attempt = async (): Promise<void> => {
    acquired = await take(file);
    if (acquired && !stopped) await onAcquired();
    else if (!stopped) timer = clock.after(LOOK_EVERY_MS, () => void attempt().catch(() => undefined));
  };
  await attempt();
  return {
    stop: async () => {
      stopped = true;
      timer?.cancel();
      if (acquired) await rm(file, { force: true });
    },
  };
}

async function take(file: string): Promise<boolean> {
  await mkdir(path.dirname(file), { recursive: true });
  const owner = Number(await readFile(file, "utf8").catch(() => "0"));
  if (owner === process.pid) return true;
  if (owner > 0 && isAlive(owner)) return false;
  // What a host left that was killed.
  if (owner > 0) await rm(file, { force: true });
  try {
    await writeFile(file, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is there, but another user's.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
