/** `npm run dev`: on save compile, then restart the functions alone; types are checked on the side. */
import { spawn } from "node:child_process";
import { watch } from "node:fs";
import { constants, setPriority } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

/** An editor writes a file in several steps, and a checkout writes many. */
const SETTLE_MS = 50;

interface WatchedStack {
  restartFunctions(): Promise<void>;
  show(source: string, text: string): void;
  readonly ended: Promise<number>;
}

interface Compiler {
  readonly compileSource: () => Promise<number>;
}

export async function watchSource(root: string, stack: WatchedStack): Promise<void> {
  const { compileSource } = (await import(pathToFileURL(path.join(root, "scripts", "compile.js")).href)) as Compiler;
  let timer: NodeJS.Timeout | undefined;
  let work = Promise.resolve();
  const watcher = watch(path.join(root, "src"), { recursive: true }, () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      work = work.then(() => rebuild(compileSource, stack));
    }, SETTLE_MS);
  });
  const endCheck = checkTypes(root, stack);
  void stack.ended.finally(() => {
    watcher.close();
    endCheck();
  });
  stack.show("dev", "watching src: a save restarts the functions and nothing else");
}

async function rebuild(compile: () => Promise<number>, stack: WatchedStack): Promise<void> {
  const since = performance.now();
  const passed = (): string => `${Math.round(performance.now() - since)} ms`;
  let compiledIn: string;
  try {
    if ((await compile()) === 0) return;
    compiledIn = passed();
  } catch (error) {
    stack.show("dev", `did not compile, so the functions stay as they are:\n${String(error)}`);
    return;
  }
  await stack.restartFunctions();
  stack.show("dev", `functions restarted in ${passed()}, of which compiling took ${compiledIn}`);
}

/** The compiler itself would go on for ever when the one that started it is killed. */
const END_WITH_PARENT = `--import=data:text/javascript,${encodeURIComponent('process.on("disconnect",()=>process.exit())')}`;

/** Runs the compiler beside the stack and shows what it says. Returns a function that ends it. */
function checkTypes(root: string, stack: WatchedStack): () => void {
  const compiler = path.join(root, "node_modules", "typescript", "bin", "tsc");
  const check = spawn(
    process.execPath,
    [END_WITH_PARENT, compiler, "--noEmit", "--watch", "--preserveWatchOutput", "-p", "tsconfig.json"],
    { cwd: root, stdio: ["ignore", "pipe", "inherit", "ipc"], detached: true },
  );
  // The functions that restart at the same moment go first.
  if (check.pid !== undefined) setPriority(check.pid, constants.priority.PRIORITY_LOW);
  if (check.stdout === null) return () => undefined;
  createInterface({ input: check.stdout }).on("line", (line) => {
    if (line.trim() !== "") stack.show("types", line.replace(/^\d.*? - /, ""));
  });
  return () => {
    check.kill();
  };
}
