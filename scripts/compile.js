// Turns TypeScript into the JavaScript that runs: src/ into dist/ (what is deployed), everything else into out/.
// Types are not checked here (`npm run types` does that), so it is fast enough to run before every start.
import { mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

const source = { folders: ["src"], outbase: "src", outdir: "dist" };
const targets = [source, { folders: ["local", "client", "demo", "bench"], outbase: ".", outdir: "out" }];

/** Folders of pages: `main.ts` becomes one script and `style.css` one sheet with all that they need. */
const pages = ["demo/web", "local/dashboard"];
const isOfPage = (file) => pages.some((page) => path.relative(root, file).startsWith(page + path.sep));

/** Compiles every folder; resolves to the number of files that changed. */
export async function compile() {
  const changed = await Promise.all([...targets.map(compileTarget), ...pages.map(compilePage)]);
  return changed.reduce((sum, n) => sum + n, 0);
}

/** The functions alone, for watch mode: what else is there runs already. Resolves to the number of files that changed. */
export function compileSource() {
  return compileTarget(source);
}

async function compileTarget({ folders, outbase, outdir }) {
  const sources = (await Promise.all(folders.map((folder) => filesIn(folder, ".ts")))).flat();
  const entryPoints = sources.filter((file) => !isOfPage(file));
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints,
    outbase,
    outdir,
    bundle: false,
    format: "esm",
    platform: "node",
    target: "node20",
    sourcemap: "linked",
    sourcesContent: false,
    write: false,
    // What is wrong is in the error that this rejects with.
    logLevel: "silent",
  });
  const written = await Promise.all(outputFiles.map((file) => writeIfChanged(file.path, file.contents)));
  await removeStale(outdir, new Set(outputFiles.map((file) => file.path)));
  return written.filter(Boolean).length;
}

async function compilePage(page) {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [`${page}/main.ts`, `${page}/style.css`],
    outdir: path.join("out", page),
    bundle: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    sourcemap: "linked",
    write: false,
    logLevel: "silent",
  });
  const files = outputFiles.map((file) => [file.path, file.contents]);
  for (const source of await filesIn(page, ".html")) {
    files.push([path.join(root, "out", path.relative(root, source)), await readFile(source)]);
  }
  const written = await Promise.all(files.map(([file, contents]) => writeIfChanged(file, contents)));
  return written.filter(Boolean).length;
}

async function filesIn(folder, extension) {
  const entries = await readdir(path.join(root, folder), { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(extension) && !entry.name.endsWith(".d.ts"))
    .map((entry) => path.join(entry.parentPath, entry.name));
}

/** A process that is starting may be reading these files: replace them whole, and only when they differ. */
async function writeIfChanged(file, contents) {
  const present = await readFile(file).catch(() => undefined);
  if (present?.equals(contents)) return false;
  await mkdir(path.dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  await writeFile(temporary, contents);
  await rename(temporary, file);
  return true;
}

/** The functions host loads every file in dist/functions: one whose source is gone must not stay. */
async function removeStale(outdir, current) {
  const present = (await filesIn(outdir, ".js")).concat(await filesIn(outdir, ".js.map"));
  const stale = present.filter(
    (file) => !current.has(file) && !pages.some((page) => file.includes(path.join(outdir, page))),
  );
  await Promise.all(stale.map((file) => rm(file, { force: true })));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await compile();
