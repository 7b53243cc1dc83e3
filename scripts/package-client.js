// npm run package:client: stages the typed client as it would be published, in out/package-client: one ES module without dependencies, its
// declarations, README and licence. `npm pack` there makes the archive.
import { execFile } from "node:child_process";
import { copyFile, mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { root } from "./compile.js";

const source = path.join(root, "client");

/** Writes the package anew. */
async function makeClientPackage(folder) {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await build({
    absWorkingDir: root,
    entryPoints: ["client/chat-client.ts"],
    outfile: path.join(folder, "dist", "chat-client.js"),
    bundle: true,
    format: "esm",
    platform: "neutral",
    target: "es2022",
    sourcemap: "linked",
    logLevel: "warning",
  });
  const tsc = path.join(root, "node_modules", "typescript", "bin", "tsc");
  const outDir = path.join(folder, "types");
  await promisify(execFile)(process.execPath, [tsc, "-p", path.join(source, "tsconfig.json"), "--outDir", outDir]);
  await copyFile(path.join(source, "package.json"), path.join(folder, "package.json"));
  await copyFile(path.join(source, "README.md"), path.join(folder, "README.md"));
  await copyFile(path.join(root, "LICENSE"), path.join(folder, "LICENSE"));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await makeClientPackage(process.argv[2] ?? path.join(root, "out", "package-client"));
}
