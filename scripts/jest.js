// Compiles what the child processes of the tests will run, then starts jest with ESM switched on.
import { spawn } from "node:child_process";
import path from "node:path";
import { compile, root } from "./compile.js";

await compile();
const jest = spawn(
  process.execPath,
  [
    "--experimental-vm-modules",
    "--disable-warning=ExperimentalWarning",
    path.join(root, "node_modules/jest/bin/jest.js"),
    ...process.argv.slice(2),
  ],
  { stdio: "inherit" },
);
jest.on("exit", (code, signal) => process.exit(signal === null ? code : 1));
