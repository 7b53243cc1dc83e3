// npm run test:package [-- <arguments for jest>]: makes the package as azd does, lists it, and runs the tests of the whole stack against it,
// in an empty folder where no node_modules can be found.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { root } from "./compile.js";
import { makePackage, packageFolder } from "./package.js";

const CONTENT = ["dist/main.cjs", "dist/main.cjs.map", "host.json", "package.json"];
const MOST_BYTES = 4 * 1024 * 1024;

// azd runs the build twice: once before it packages, once while it does. Both must give the same.
await makePackage();
const first = await digest(packageFolder);
await makePackage();
if ((await digest(packageFolder)) !== first) throw new Error("The same sources gave another package.");

const empty = await mkdtemp(path.join(tmpdir(), "dayfly-package-"));
try {
  await cp(packageFolder, empty, { recursive: true });
  await list(empty);
  const chosen = process.argv.slice(2);
  process.exitCode = await run([
    path.join(root, "scripts", "jest.js"),
    ...(chosen.length > 0 ? chosen : ["--selectProjects", "integration", "e2e"]),
  ]);
} finally {
  await rm(empty, { recursive: true, force: true });
}

async function filesOf(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  return files.map((file) => path.relative(folder, file).split(path.sep).join("/")).sort();
}

async function digest(folder) {
  const hash = createHash("sha256");
  for (const file of await filesOf(folder)) hash.update(file).update(await readFile(path.join(folder, file)));
  return hash.digest("hex");
}

async function list(folder) {
  const files = await filesOf(folder);
  if (files.join() !== CONTENT.join())
    throw new Error(`The package holds ${files.join(", ")}; expected ${CONTENT.join(", ")}.`);
  for (const file of files) {
    const { size } = await stat(path.join(folder, file));
    console.log(`${String(size).padStart(9)}  ${file}`);
    if (file.endsWith(".cjs") && size > MOST_BYTES) throw new Error(`${file} is larger than ${MOST_BYTES} bytes.`);
  }
}

function run(args) {
  const child = spawn(process.execPath, args, { stdio: "inherit", env: { ...process.env, DAYFLY_APP: empty } });
  return new Promise((resolve) => child.on("exit", (code) => resolve(code ?? 1)));
}
