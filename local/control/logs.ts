/** `GET /logs?about=…`: the lines of all parts' logs that name one of these ids. The logs hold no contents and no secrets. */
import { open, readdir } from "node:fs/promises";
import path from "node:path";
import { RequestError } from "../loopback-server.js";

/** Of each file, its end: enough for what one has just seen happen. */
const MOST_BYTES = 8 * 1024 * 1024;
const MOST_LINES = 200;
const MOST_IDS = 100;

export interface LogLine {
  readonly part: string;
  readonly line: string;
}

/**
 * The newest lines, in the order of their time as far as they tell it.
 * @throws RequestError 400 when an id is none
 */
export async function readLogs(
  folder: string,
  about: readonly string[],
): Promise<{ readonly lines: readonly LogLine[] }> {
  const areIds = about.every((id) => /^[\w-]{8,200}$/.test(id));
  if (about.length === 0 || about.length > MOST_IDS || !areIds) {
    throw new RequestError(400, `Say "about": up to ${MOST_IDS} ids of 8 characters or more.`);
  }
  const files = (await readdir(folder)).filter((file) => file.endsWith(".log"));
  const found = await Promise.all(
    files.map(async (file) => {
      const lines = (await endOf(path.join(folder, file))).split("\n");
      return lines
        .filter((line) => about.some((id) => line.includes(id)))
        .map((line) => ({ part: file.slice(0, -".log".length), line }));
    }),
  );
  const inOrder = found.flat().sort((a, b) => timeOf(a.line).localeCompare(timeOf(b.line)));
  return { lines: inOrder.slice(-MOST_LINES) };
}

async function endOf(file: string): Promise<string> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const from = Math.max(0, size - MOST_BYTES);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - from), 0, size - from, from);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await handle.close();
  }
}

const timeOf = (line: string): string => /"time":"([^"]{20,30})"/.exec(line)?.[1] ?? "";
