/** `save`, `load` and `reset`: the stack's data as a folder that can be put aside and brought back. The stack must be down. */
import { cp, mkdir, readdir, rename, rm } from "node:fs/promises";
import path from "node:path";

const FOLDER = "saved";
/** Of this run alone, or not data. */
const LEFT_OUT = ["stack.json", "stack.lock", "logs", FOLDER];
const NAME = /^[\w][\w.-]{0,63}$/;

/** @throws Error that says what to do */
export async function save(data: string, name: string): Promise<string> {
  const target = folderOf(data, name);
  // Whole or not at all: a copy that is interrupted must not be loaded.
  const half = `${target}.half`;
  await rm(half, { recursive: true, force: true });
  await mkdir(half, { recursive: true });
  for (const entry of await entriesOf(data))
    await cp(path.join(data, entry), path.join(half, entry), { recursive: true });
  await rm(target, { recursive: true, force: true });
  await rename(half, target);
  return `saved as ${name}`;
}

/** @throws Error that says which there are */
export async function load(data: string, name: string): Promise<string> {
  const source = folderOf(data, name);
  const saved = await entriesOf(source).catch(() => undefined);
  if (saved === undefined) {
    const all = await readdir(path.join(data, FOLDER)).catch(() => []);
    throw new Error(`Nothing was saved as ${name}. There is: ${all.join(", ") || "nothing"}.`);
  }
  await reset(data);
  for (const entry of saved) await cp(path.join(source, entry), path.join(data, entry), { recursive: true });
  return `loaded ${name}`;
}

/** Everything goes but what was saved. */
export async function reset(data: string): Promise<string> {
  for (const entry of await entriesOf(data)) await rm(path.join(data, entry), { recursive: true, force: true });
  await rm(path.join(data, "logs"), { recursive: true, force: true });
  return "empty";
}

function folderOf(data: string, name: string): string {
  if (!NAME.test(name)) throw new Error("A name has letters, digits, dots, dashes and underscores: save friday.");
  return path.join(data, FOLDER, name);
}

const entriesOf = async (folder: string): Promise<readonly string[]> =>
  (await readdir(folder)).filter((entry) => !LEFT_OUT.includes(entry));
