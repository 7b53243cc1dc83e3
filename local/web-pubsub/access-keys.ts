import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { StartError } from "../part.js";
import type { AccessKeys } from "./tokens.js";

const stored = z.object({ primary: z.string().min(1), secondary: z.string().min(1) });

/**
 * The access keys of this data folder, made at the first start: tokens that were given out stay valid over a restart.
 *
 * @throws StartError when the file is there and is not what was written.
 */
export async function loadAccessKeys(dataFolder: string): Promise<AccessKeys> {
  const file = path.join(dataFolder, "access-keys.json");
  try {
    return stored.parse(JSON.parse(await readFile(file, "utf8")));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
      if ((error as NodeJS.ErrnoException).code !== undefined) throw error;
      throw new StartError(
        `${file} does not hold the access keys any more. Delete it: new keys are made at the next start.`,
      );
    }
  }
  const keys = { primary: newKey(), secondary: newKey() };
  await mkdir(dataFolder, { recursive: true });
  await writeFile(file, `${JSON.stringify(keys, undefined, 2)}\n`, { mode: 0o600 });
  return keys;
}

const newKey = (): string => randomBytes(32).toString("base64");
