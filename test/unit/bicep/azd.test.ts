import { readFileSync, existsSync } from "node:fs";
import path from "node:path";
import { expect, test } from "@jest/globals";
import { hub, HUB_TYPE, hubAddress } from "../../../scripts/azd/hub.js";
import { localSettings } from "../../../scripts/azd/local-settings.js";
import { misfits, typeOfResource } from "../../support/bicep/resource-types.js";
import { shapeOfJson } from "../../support/bicep/shapes.js";

const ROOT = path.resolve(import.meta.dirname, "..", "..", "..");
const read = (file: string): string => readFileSync(path.join(ROOT, file), "utf8");

interface Section {
  readonly [key: string]: string | Section;
}

/** As much YAML as azure.yaml needs: maps by indentation, and texts. */
function parseYaml(text: string): Section {
  const root: Record<string, string | Section> = {};
  const open = [{ indent: -1, map: root }];
  for (const line of text.split("\n").filter((each) => each.trim() !== "" && !each.trimStart().startsWith("#"))) {
    const [, spaces = "", key = "", value = ""] = /^( *)([\w-]+):\s*(.*)$/.exec(line) ?? [];
    if (key === "") throw new Error(`azure.yaml: what is '${line}'?`);
    while ((open.at(-1)?.indent ?? -1) >= spaces.length) open.pop();
    const map: Record<string, string | Section> = {};
    const parent = open.at(-1)?.map ?? root;
    parent[key] = value === "" ? map : value.replaceAll('"', "");
    if (value === "") open.push({ indent: spaces.length, map });
  }
  return root;
}

/** What azd knows of azure.yaml (Azure/azure-dev, schemas/v1.0/azure.yaml.json, read November 2026), as far as we might use it. */
const STAGES = ["provision", "deploy", "package", "publish", "up", "down", "restore"];
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  "": ["name", "metadata", "requiredVersions", "infra", "services", "hooks", "pipeline", "workflows"],
  metadata: ["template"],
  requiredVersions: ["azd"],
  infra: ["provider", "path", "module"],
  hooks: STAGES.flatMap((stage) => [`pre${stage}`, `post${stage}`]),
  "services.*": ["project", "host", "language", "dist", "remoteBuild", "resourceName", "hooks"],
  "hooks.*": ["run", "shell", "kind", "dir", "continueOnError", "interactive"],
};

const azure = parseYaml(read("azure.yaml"));
const section = (of: Section, key: string): Section => {
  const value = of[key];
  if (value === undefined || typeof value === "string") throw new Error(`azure.yaml: ${key} is no section`);
  return value;
};

const textOf = (of: Section, key: string): string => {
  const value = of[key];
  if (typeof value !== "string") throw new Error(`azure.yaml: ${key} is no text`);
  return value;
};

test("azure.yaml has no field that azd does not know", () => {
  const unknown = (map: Section, where: string): string[] =>
    Object.entries(map).flatMap(([key, value]) => {
      const known = KNOWN[where];
      const wrong = known !== undefined && !known.includes(key) ? [`${where}.${key}`] : [];
      const below = where === "services" || where === "hooks" ? `${where}.*` : key;
      return typeof value === "string" ? wrong : [...wrong, ...unknown(value, below)];
    });
  expect(unknown(azure, "")).toEqual([]);
});

test("what azure.yaml names is there", () => {
  const infra = section(azure, "infra");
  expect(existsSync(path.join(ROOT, textOf(infra, "path"), `${textOf(infra, "module")}.bicep`))).toBe(true);
  const hooks = section(azure, "hooks");
  for (const hook of Object.keys(hooks))
    expect(existsSync(path.join(ROOT, textOf(section(hooks, hook), "run")))).toBe(true);
  const [service] = Object.keys(section(azure, "services"));
  expect(read("bicep/modules/functions.bicep")).toContain(`'azd-service-name': '${String(service)}'`);
});

test("the package is taken as it was built: no build on Azure, which would ask for node_modules to be left out", () => {
  const chat = section(section(azure, "services"), "chat");
  expect(chat).toMatchObject({ host: "function", remoteBuild: "false", dist: "out/package" });
  const ignored = existsSync(path.join(ROOT, ".funcignore")) ? read(".funcignore") : "";
  // azd refuses `remoteBuild: false` together with a .funcignore that leaves node_modules out.
  expect(ignored).not.toMatch(/^node_modules/m);
});

test("every parameter of main.parameters.json is one of main.bicep, and every one without a default is given", () => {
  const given = Object.keys((JSON.parse(read("bicep/main.parameters.json")) as { parameters: object }).parameters);
  const declared = [...read("bicep/main.bicep").matchAll(/^param (\w+) \w+( =)?/gm)];
  expect(declared.map(([, name]) => name)).toEqual(expect.arrayContaining(given));
  expect(given).toEqual(
    expect.arrayContaining(declared.filter(([, , value]) => value === undefined).map(([, name]) => name)),
  );
});

test("the hub that the hook sets fits its type", () => {
  const type = typeOfResource(HUB_TYPE);
  const body = shapeOfJson({ name: "chat", ...hub("https://functions.example", "api://dayfly") });
  expect(misfits(body, type ?? -1, "hub")).toEqual([]);
  expect(misfits(shapeOfJson({ name: "chat", properties: { handlers: [] } }), type ?? -1, "hub")).toHaveLength(1);
  expect(hubAddress("/subscriptions/s/x", "chat")).toMatch(
    /^https:\/\/management\.azure\.com\/subscriptions\/s\/x\/hubs\/chat\?api-version=/,
  );
});

test("local.settings.json for Azure has addresses and no secret", () => {
  const example = {
    IsEncrypted: false,
    Values: { SERVICE_BUS: "", SERVICE_BUS__fullyQualifiedNamespace: "", WEB_PUBSUB_HUB: "chat" },
  };
  expect(
    localSettings(example, { SERVICE_BUS__fullyQualifiedNamespace: "x.servicebus.windows.net", OTHER: "1" }),
  ).toEqual({
    IsEncrypted: false,
    Values: {
      SERVICE_BUS: "",
      SERVICE_BUS__fullyQualifiedNamespace: "x.servicebus.windows.net",
      WEB_PUBSUB_HUB: "chat",
    },
  });
});
