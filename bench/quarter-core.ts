/** A share of a core, as a small instance on Azure has: by Linux control groups, where this process may make one. */
import { mkdir, rmdir, writeFile } from "node:fs/promises";
import path from "node:path";

const PERIOD_US = 100_000;

interface Share {
  /** A command that runs what follows it with that share. */
  readonly prefix: readonly string[];
  readonly remove: () => Promise<void>;
}

/** Version 2 of control groups where the CPU controller is there, else version 1; undefined where neither may be used. */
export async function shareOfCore(share: number): Promise<Share | undefined> {
  const quota = Math.round(share * PERIOD_US);
  const name = `dayfly-bench-${String(process.pid)}`;
  const versions: readonly (readonly [folder: string, limits: readonly (readonly [file: string, value: string])[]])[] =
    [
      [path.join("/sys/fs/cgroup", name), [["cpu.max", `${String(quota)} ${String(PERIOD_US)}`]]],
      [
        path.join("/sys/fs/cgroup/cpu", name),
        [
          ["cpu.cfs_period_us", String(PERIOD_US)],
          ["cpu.cfs_quota_us", String(quota)],
        ],
      ],
    ];
  for (const [folder, limits] of versions) {
    try {
      await mkdir(folder);
    } catch {
      continue;
    }
    try {
      for (const [file, value] of limits) await writeFile(path.join(folder, file), value, { flag: "r+" });
    } catch {
      await rmdir(folder).catch(() => undefined);
      continue;
    }
    const enter = `echo $$ > ${path.join(folder, "cgroup.procs")} && exec "$@"`;
    return { prefix: ["sh", "-c", enter, "sh"], remove: () => rmdir(folder) };
  }
  return undefined;
}
