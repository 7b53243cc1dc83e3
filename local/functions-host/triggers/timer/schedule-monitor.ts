/** What is known of each timer across restarts: a JSON file where Azure has one blob per timer (StorageScheduleMonitor.cs). */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";

export interface ScheduleStatus {
  /** The schedule that `next` was reckoned with. */
  readonly schedule: string;
  /** Milliseconds since the epoch; undefined before the first run. */
  readonly last?: number;
  readonly next: number;
  readonly lastUpdated: number;
}

export interface ScheduleMonitor {
  /** Reads what another host has written. */
  load(): Promise<void>;
  get(timer: string): ScheduleStatus | undefined;
  set(timer: string, status: ScheduleStatus): Promise<void>;
  /** Resolves when what was set is on disk. */
  flushed(): Promise<void>;
}

/** Keeps statuses in `<dataFolder>/timers.json`; a file that cannot be read counts as empty. */
export function createScheduleMonitor(dataFolder: string): ScheduleMonitor {
  const file = path.join(dataFolder, "timers.json");
  let statuses: Record<string, ScheduleStatus> = {};
  let writing = Promise.resolve();
  return {
    load: async () => {
      statuses = await read(file);
    },
    get: (timer) => statuses[timer],
    set: (timer, status) => {
      statuses[timer] = status;
      // One write at a time: they share the temporary file.
      writing = writing.catch(() => undefined).then(() => write(file, JSON.stringify(statuses, null, 2)));
      return writing;
    },
    flushed: () => writing.catch(() => undefined),
  };
}

async function read(file: string): Promise<Record<string, ScheduleStatus>> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as Record<string, ScheduleStatus>;
  } catch {
    return {};
  }
}

async function write(file: string, text: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  await writeFile(temporary, text);
  await rename(temporary, file);
}
