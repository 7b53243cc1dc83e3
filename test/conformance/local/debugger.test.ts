import { readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterEach, expect, test } from "@jest/globals";
import WebSocket from "ws";
import { fixture, Program, ROOT } from "./program.js";

const STANDBY = pathToFileURL(path.join(ROOT, "out", "local", "supervisor", "standby.js")).href;

let program: Program | undefined;
afterEach(async () => {
  await program?.end("SIGKILL");
});

interface ParsedScript {
  readonly url: string;
  readonly sourceMapURL: string;
}

/** What the debugger tells of the script at `url`, once it is loaded. */
function scriptOf(debuggerUrl: string, url: string): Promise<ParsedScript> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(debuggerUrl);
    socket.on("error", reject);
    socket.on("open", () => {
      socket.send(JSON.stringify({ id: 1, method: "Debugger.enable" }));
    });
    socket.on("message", (data: Buffer) => {
      const { method, params } = JSON.parse(data.toString()) as { method?: string; params?: ParsedScript };
      if (method !== "Debugger.scriptParsed" || params?.url !== url) return;
      socket.close();
      resolve(params);
    });
  });
}

test("a debugger attaches to what was on standby, and finds the TypeScript of each compiled line", async () => {
  const compiled = pathToFileURL(path.join(ROOT, "dist", "lib", "domain", "deadline.js")).href;
  program = new Program(["--import", STANDBY, fixture("debugged.js"), compiled], {}, true);
  program.child.send({ settings: {}, inspectPort: 0 });
  const line = await program.line((each) => each.includes("Debugger listening on "));
  const script = await scriptOf(/ws:\S+/.exec(line)?.[0] ?? "", compiled);
  const map = new URL(script.sourceMapURL, compiled);
  const { sources } = JSON.parse(await readFile(map, "utf8")) as { sources: string[] };
  expect(sources.map((source) => fileURLToPath(new URL(source, map)))).toEqual([
    path.join(ROOT, "src", "lib", "domain", "deadline.ts"),
  ]);
});
