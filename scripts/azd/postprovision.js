// azd runs this after `azd provision`. For who asked to run local code against this environment (DEVELOPER_PRINCIPAL_ID), it
// writes local.settings.json; a file that is there is left alone.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { localSettings } from "./local-settings.js";

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const file = path.join(root, "local.settings.json");

if (!process.env.DEVELOPER_PRINCIPAL_ID) {
  console.log(
    "No DEVELOPER_PRINCIPAL_ID: local.settings.json is not written (docs/operations.md, 'Local code against Azure').",
  );
} else if (existsSync(file)) {
  console.log("local.settings.json is there already: it is left as it is.");
} else {
  const example = JSON.parse(readFileSync(path.join(root, "local.settings.example.json"), "utf8"));
  writeFileSync(file, `${JSON.stringify(localSettings(example, process.env), null, 2)}\n`, { mode: 0o600 });
  console.log("local.settings.json written.");
}
