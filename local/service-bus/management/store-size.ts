import { readdir, stat } from "node:fs/promises";
import path from "node:path";

/** Bytes of all files in a folder; one that goes meanwhile does not count. */
export async function folderBytes(directory: string): Promise<number> {
  const names = await readdir(directory);
  const sizes = await Promise.all(
    names.map((name) =>
      stat(path.join(directory, name)).then(
        (found) => found.size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
