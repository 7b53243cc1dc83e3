// node scripts/audit.js <file with the output of `npm audit --json`>: fails for every advisory that SECURITY.md does not argue.
import { readFileSync } from "node:fs";
import path from "node:path";

const [file] = process.argv.slice(2);
if (file === undefined) {
  console.error("Which file has the output of `npm audit --json`?");
  process.exit(2);
}
const { vulnerabilities, metadata, message } = JSON.parse(readFileSync(file, "utf8"));
if (vulnerabilities === undefined || metadata === undefined) {
  console.error(`That is no audit: ${message ?? "the registry has not answered"}`);
  process.exit(2);
}
const policy = readFileSync(path.join(import.meta.dirname, "..", "SECURITY.md"), "utf8");
const argued = new Set(policy.match(/GHSA(?:-[0-9a-z]{4}){3}/g));

// A vulnerable package names advisories, and other packages through which it is vulnerable: those are listed by themselves.
const advisories = new Map(
  Object.values(vulnerabilities)
    .flatMap(({ via }) => via.filter((each) => typeof each === "object"))
    .map(({ url, name, severity, title }) => [url.split("/").at(-1), `${severity}: ${name}: ${title} (${url})`]),
);
const open = [...advisories].filter(([id]) => !argued.has(id));
for (const [, line] of open) console.error(line);
for (const id of argued) if (!advisories.has(id)) console.log(`${id} is argued in SECURITY.md and not found any more.`);
console.log(`${advisories.size} advisories, ${open.length} of them not argued in SECURITY.md.`);
process.exit(open.length === 0 ? 0 : 1);
