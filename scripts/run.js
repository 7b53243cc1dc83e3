// node scripts/run.js <file below out/> [arguments]: compiles what changed, then runs the file in this process.
import path from "node:path";
import { pathToFileURL } from "node:url";

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Dayfly needs Node.js 20.19 or newer; this is ${process.version}. Install a newer one and try again.`);
  process.exit(1);
}

// Loaded only now: an older Node could fail on these modules before it had read the line above.
const { compile, root } = await import("./compile.js");
await compile().catch((error) => {
  console.error(`Nothing was started, for it does not compile. ${error.message}`);
  process.exit(1);
});
process.setSourceMapsEnabled(true);
const file = path.join(root, "out", process.argv[2]);
process.argv.splice(1, 2, file);
await import(pathToFileURL(file).href);
