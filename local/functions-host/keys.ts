/** Function keys: who may call a function whose `authLevel` is not anonymous. */
import { randomBytes, timingSafeEqual, createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";

export type AuthLevel = "anonymous" | "function" | "admin";

export interface Keys {
  /** Opens everything, and alone the admin API. */
  readonly master: string;
  /** Opens every function. */
  readonly host: string;
  /** Opens one function: names in lower case. */
  readonly functions: Readonly<Record<string, string>>;
}

const FUNCTION_KEY = /^LOCAL_FUNCTIONS_KEY_(.+)$/i;

/**
 * The keys from the settings `LOCAL_FUNCTIONS_MASTER_KEY`, `LOCAL_FUNCTIONS_HOST_KEY` and `LOCAL_FUNCTIONS_KEY_<function>`; a master or host
 * key that is not set is made once and kept in `<dataFolder>/keys.json`.
 */
export async function loadKeys(dataFolder: string, environment: NodeJS.ProcessEnv): Promise<Keys> {
  const kept = await keptKeys(path.join(dataFolder, "keys.json"));
  const given = (name: string): string | undefined => (environment[name] === "" ? undefined : environment[name]);
  const functions: Record<string, string> = {};
  for (const [name, key] of Object.entries(environment)) {
    const functionName = FUNCTION_KEY.exec(name)?.[1];
    if (functionName !== undefined && key !== undefined && key !== "") functions[functionName.toLowerCase()] = key;
  }
  return {
    master: given("LOCAL_FUNCTIONS_MASTER_KEY") ?? kept.master,
    host: given("LOCAL_FUNCTIONS_HOST_KEY") ?? kept.host,
    functions,
  };
}

async function keptKeys(file: string): Promise<{ master: string; host: string }> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as { master: string; host: string };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" && !(error instanceof SyntaxError)) throw error;
  }
  const keys = { master: randomBytes(30).toString("base64url"), host: randomBytes(30).toString("base64url") };
  await mkdir(path.dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  await writeFile(temporary, JSON.stringify(keys), { mode: 0o600 });
  await rename(temporary, file);
  return keys;
}

/** Whether `key` opens a function of this level (or, without a function, the admin API). */
export function isAllowed(keys: Keys, level: AuthLevel, key: string | undefined, functionName?: string): boolean {
  if (level === "anonymous") return true;
  if (key === undefined || key === "") return false;
  const accepted = [keys.master];
  if (level === "function") {
    accepted.push(keys.host);
    const own = functionName === undefined ? undefined : keys.functions[functionName.toLowerCase()];
    if (own !== undefined) accepted.push(own);
  }
  return accepted.map((each) => isSame(each, key)).includes(true);
}

/** Compares hashes, which have one length, in a time that tells nothing. */
function isSame(a: string, b: string): boolean {
  const hash = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(a), hash(b));
}
