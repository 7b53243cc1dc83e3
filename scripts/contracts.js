// Writes docs/openapi.json and docs/asyncapi.json from the schemas that validate. A test fails when they are not up to date.
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { format, resolveConfig } from "prettier";
import { compile, root } from "./compile.js";

await compile();
const { openApi, asyncApi } = await import(pathToFileURL(path.join(root, "dist/lib/contracts/describe.js")).href);
for (const [name, document] of Object.entries({ openapi: openApi(), asyncapi: asyncApi() })) {
  const file = path.join(root, "docs", `${name}.json`);
  const options = { ...(await resolveConfig(file)), filepath: file };
  await writeFile(file, await format(JSON.stringify(document), options));
}
