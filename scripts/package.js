// Stages what azd deploys: out/package, with host.json and one bundle of all functions. It needs no node_modules: nothing is installed on
// Azure, what was tested is what runs, and a cold start reads one file instead of hundreds.
import { copyFile, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { root } from "./compile.js";

export const packageFolder = path.join(root, "out", "package");

/** Writes the package anew; the same sources give the same bytes. */
export async function makePackage(folder = packageFolder) {
  await rm(folder, { recursive: true, force: true });
  await mkdir(path.join(folder, "dist"), { recursive: true });
  await bundle(path.join(folder, "dist", "main.cjs"));
  const { name, version, license, engines } = JSON.parse(await readFile(path.join(root, "package.json"), "utf8"));
  const manifest = { name, version, private: true, license, engines, main: "dist/main.cjs" };
  await writeFile(path.join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  await copyFile(path.join(root, "host.json"), path.join(folder, "host.json"));
}

async function bundle(outfile) {
  const functions = (await readdir(path.join(root, "src", "functions"))).filter((file) => file.endsWith(".ts")).sort();
  await build({
    absWorkingDir: root,
    stdin: {
      contents: functions.map((file) => `import "./${file}";`).join("\n"),
      resolveDir: path.join(root, "src", "functions"),
      sourcefile: "main.ts",
      loader: "ts",
    },
    outfile,
    bundle: true,
    // CommonJS: the worker hands `@azure/functions-core` to `require` alone.
    format: "cjs",
    platform: "node",
    target: "node20",
    external: ["@azure/functions-core"],
    // The SDKs' own ES modules, which are smaller once bundled.
    mainFields: ["module", "main"],
    // A dependency calls `createRequire(import.meta.url)`.
    define: { "import.meta.url": "bundleUrl" },
    banner: { js: 'const bundleUrl = require("node:url").pathToFileURL(__filename).href;' },
    minifySyntax: true,
    minifyWhitespace: true,
    sourcemap: "linked",
    sourcesContent: false,
    legalComments: "eof",
    logLevel: "warning",
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await makePackage();
