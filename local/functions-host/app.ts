/** The function app: a folder with `package.json` and `host.json`, whose `main` names the files that register its functions. */
import { readFile, readdir } from "node:fs/promises";
import path from "node:path";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { StartError } from "../part.js";
import { installCore, type Core } from "./core-shim.js";
import { globToRegExp } from "./glob.js";
import { describeError } from "./log.js";

/**
 * Loads every file that `main` matches, in order of name, then locks the registration, as the worker does
 * (azure-functions-nodejs-worker, src/startApp.ts).
 * @throws StartError naming the file that failed and why
 */
export async function loadApp(core: Core, folder: string): Promise<void> {
  const packageFile = path.join(folder, "package.json");
  const manifest = await readManifest(packageFile);
  if (manifest.main === undefined) {
    throw new StartError(
      `${packageFile} has no "main". It must name the files that register functions, e.g. "dist/*.js".`,
    );
  }
  installCore(core);
  const missing = loadLibrary(packageFile);
  const files = await entryPoints(folder, manifest.main);
  if (files.length === 0) {
    throw new StartError(
      `No file matches "main": "${manifest.main}" of ${packageFile}. Compile the app, or correct "main".`,
    );
  }
  const require = createRequire(packageFile);
  for (const file of files) {
    try {
      if (file.endsWith(".cjs") || (manifest.type !== "module" && !file.endsWith(".mjs"))) require(file);
      else await import(pathToFileURL(file).href);
    } catch (error) {
      if (missing !== undefined && describeError(error).includes("@azure/functions")) throw noLibrary(folder, missing);
      throw new StartError(`${path.relative(folder, file)} failed to load: ${describeError(error)}`);
    }
  }
  await core.runHooks("appStart", { hookData: {}, appHookData: core.appHookData });
  core.lock();
  // Nothing registered means that the library never found this core, or that `main` names the wrong files.
  if (core.functions.size === 0) {
    throw new StartError(`No function was registered by "main": "${manifest.main}" of ${packageFile}.`);
  }
  const capabilities = await core.model?.getCapabilities({});
  if (capabilities?.["HttpUri"] !== undefined) {
    throw new StartError(
      "The app calls app.setup({ enableHttpStream: true }); this host has no HTTP streaming. Remove it.",
    );
  }
}

/**
 * Loads the app's own copy of the library, so that an ES module's `import "@azure/functions"` finds it in the cache. An app that is one
 * bundle has the library in itself: then there is none to load, and what went wrong is returned.
 */
function loadLibrary(packageFile: string): unknown {
  try {
    createRequire(packageFile)("@azure/functions");
    return undefined;
  } catch (error) {
    return error;
  }
}

const noLibrary = (folder: string, cause: unknown): StartError =>
  new StartError(
    `${folder} has no @azure/functions: run \`npm install @azure/functions\` there.\n${describeError(cause)}`,
  );

interface Manifest {
  readonly main?: string;
  readonly type?: string;
}

async function readManifest(file: string): Promise<Manifest> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as Manifest;
  } catch (error) {
    throw new StartError(`${file} cannot be read as JSON: ${(error as Error).message}`);
  }
}

/** The files that a `main` matches: one file, or those that fit a pattern; sorted, so that every start is the same. */
async function entryPoints(folder: string, main: string): Promise<string[]> {
  const pattern = path.posix.normalize(main.replaceAll("\\", "/"));
  const segments = pattern.split("/");
  const firstWild = segments.findIndex((segment) => /[*?{]/.test(segment));
  if (firstWild === -1) return [path.join(folder, pattern)];
  const base = path.join(folder, ...segments.slice(0, firstWild));
  const matches = globToRegExp(pattern);
  const entries = await readdir(base, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((file) => matches.test(path.relative(folder, file).split(path.sep).join("/")))
    .sort();
}
