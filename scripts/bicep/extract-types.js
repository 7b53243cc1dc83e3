// node scripts/bicep/extract-types.js <clone of github.com/Azure/bicep-types-az>: writes test/support/bicep/types.json anew.
//
// It holds the type of every resource that bicep/ names, down to the properties that bicep/ uses: those that are not used keep their
// names, so that a wrong name is still found, but not their types. Descriptions are left out. To be run after a resource, an API version or
// a property was added; the checker says so. A blobless clone is enough: git clone --filter=blob:none --no-checkout <repository>
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));

const clone = process.argv[2];
if (clone === undefined) {
  console.error("Which clone of github.com/Azure/bicep-types-az? Give its folder.");
  process.exit(1);
}
const git = (...args) =>
  execFileSync("git", ["-C", path.resolve(clone), ...args], { encoding: "utf8", maxBuffer: 1 << 28 });

const sources = ["bicep", "scripts/azd"]
  .flatMap((folder) => readdirSync(path.join(root, folder), { recursive: true }).map((file) => path.join(folder, file)))
  .filter((file) => /\.(bicep|js)$/.test(file))
  .map((file) => readFileSync(path.join(root, file), "utf8"))
  .join("\n");
const named = sources.matchAll(/['"](Microsoft\.\w+(?:\/\w+)+@[\w-]+)['"]/g);
const resources = [...new Set([...named].map(([, name]) => name))].sort();
const words = new Set(sources.match(/[\w.-]+/g)?.flatMap((word) => [word, ...word.split(".")]));

const listing = git("ls-tree", "-r", "--name-only", "HEAD", "generated").split("\n");
const extract = { source: { repository: "https://github.com/Azure/bicep-types-az" }, resources: {}, types: [] };
extract.source.commit = git("rev-parse", "HEAD").trim();
extract.source.licence = "MIT, Copyright (c) Microsoft Corporation";

for (const resource of resources) {
  const [name, version] = resource.split("@");
  const folder = `/${name.split("/")[0].toLowerCase()}/${version}/types.json`;
  const found = listing
    .filter((file) => file.endsWith(folder))
    .map((file) => JSON.parse(git("show", `HEAD:${file}`)))
    .flatMap((types) =>
      types
        .filter((type) => type.$type === "ResourceType" && type.name.toLowerCase() === resource.toLowerCase())
        .map((type) => ({ types, body: type.body.$ref })),
    );
  if (found.length !== 1) throw new Error(`${resource}: ${found.length} types in the clone`);
  extract.resources[resource] = copier(found[0].types)(found[0].body);
}

/** Copies one type after another out of one file, with all that they refer to; gives the number of the copy. */
function copier(types) {
  const copies = new Map();
  return function copy(reference) {
    const number = Number(reference.slice("#/".length));
    if (copies.has(number)) return copies.get(number);
    const type = types[number];
    const index = extract.types.length;
    copies.set(number, index);
    extract.types.push(undefined);
    extract.types[index] = slim(type, copy);
    return index;
  };
}

function slim(type, copy) {
  const { $type } = type;
  switch ($type) {
    case "ObjectType":
      return {
        $type,
        properties: slimProperties(type.properties, copy),
        ...(type.additionalProperties === undefined
          ? {}
          : { additionalProperties: copy(type.additionalProperties.$ref) }),
      };
    case "DiscriminatedObjectType":
      return {
        $type,
        discriminator: type.discriminator,
        baseProperties: slimProperties(type.baseProperties, copy),
        elements: Object.fromEntries(Object.entries(type.elements).map(([key, { $ref }]) => [key, copy($ref)])),
      };
    case "UnionType":
      return { $type, elements: type.elements.map(({ $ref }) => copy($ref)) };
    case "ArrayType":
      return { $type, itemType: copy(type.itemType.$ref) };
    default: {
      const { description: _, ...rest } = type;
      return rest;
    }
  }
}

function slimProperties(properties, copy) {
  return Object.fromEntries(
    Object.entries(properties).map(([name, { type, flags }]) => [
      name,
      words.has(name) ? { flags, type: copy(type.$ref) } : { flags },
    ]),
  );
}

const file = path.join(root, "test", "support", "bicep", "types.json");
writeFileSync(file, `${JSON.stringify(extract).replaceAll('{"$type"', '\n{"$type"')}\n`);
console.log(`${file}: ${resources.length} resource types, ${extract.types.length} types`);
