// `node --import=<URL of this file>`: at its end a process writes down its arguments and what was in its environment.
import { writeFileSync } from "node:fs";
import path from "node:path";

const folder = process.env.RECORD_ENVIRONMENT;

process.on("exit", () => {
  const seen = { arguments: process.argv.slice(2), environment: process.env };
  if (folder !== undefined) writeFileSync(path.join(folder, `${process.pid}.json`), JSON.stringify(seen));
});
