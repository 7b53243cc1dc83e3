/** Two processes that write to one log would ruin it: the first holds a lock file with its process id. */
import { readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { StartError } from "../part.js";

/** @throws StartError while another process that is alive holds the folder */
export async function lockFolder(directory: string): Promise<() => Promise<void>> {
  const file = path.join(directory, "lock");
  for (;;) {
    try {
      await writeFile(file, String(process.pid), { flag: "wx" });
      return () => rm(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = Number(await readFile(file, "utf8").catch(() => ""));
    if (holder !== process.pid && isAlive(holder)) {
      throw new StartError(
        `the data in ${directory} is in use by process ${String(holder)}. Stop it, or choose another folder (--data). ` +
          `If that process is something else (its id was given again), delete ${file}.`,
      );
    }
    await rm(file, { force: true });
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
