import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, "../../..");

/** A project of somebody else's that has installed the packed client, beside socket.io-client. */
let project: string;
let installed: string;
beforeAll(async () => {
  project = await mkdtemp(path.join(tmpdir(), "dayfly-client-"));
  const staged = path.join(project, "staged");
  await run(process.execPath, [path.join(root, "scripts/package-client.js"), staged]);
  // Packed as `npm publish` would; nothing is asked of any registry.
  await run("npm", ["pack", "--offline", "--pack-destination", project], { cwd: staged });
  const archive = (await readdir(project)).find((file) => file.endsWith(".tgz")) ?? "";
  await rm(staged, { recursive: true });
  installed = path.join(project, "node_modules", "dayfly-client");
  await mkdir(installed, { recursive: true });
  await run("tar", ["-xzf", path.join(project, archive), "--strip-components", "1", "-C", installed]);
  await writeFile(path.join(project, "package.json"), JSON.stringify({ type: "module" }));
  for (const name of ["socket.io-client", "socket.io-parser", "engine.io-client", "@socket.io", "@types"]) {
    const present = path.join(root, "node_modules", name);
    await symlink(present, path.join(project, "node_modules", name), "junction");
  }
}, 180_000);
afterAll(() => rm(project, { recursive: true, force: true }));

test("the archive has the module, its types, README and licence, and nothing of the server but shapes", async () => {
  const entries = await readdir(installed, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(installed, path.join(entry.parentPath, entry.name)).split(path.sep).join("/"))
    .sort();
  const types = ["chat-client", "file-view", "log-follower", "outbox", "patience", "receipts", "rest", "upload"];
  expect(files).toEqual(
    [
      ...["LICENSE", "README.md", "package.json", "dist/chat-client.js", "dist/chat-client.js.map"],
      ...types.map((name) => `types/client/${name}.d.ts`),
      "types/src/lib/contracts/shapes.d.ts",
    ].sort(),
  );
  const module = await readFile(path.join(installed, "dist/chat-client.js"), "utf8");
  expect(module).not.toMatch(/^import |\brequire\(|node:/m);
});

test("a program imports it by name, with the platform alone", async () => {
  const program = `
    import { ChatClient, ProblemError } from "dayfly-client";
    const answer = () => Promise.resolve(Response.json({ code: "not-allowed", title: "No." }, { status: 403 }));
    const client = new ChatClient({ baseUrl: "http://x", token: async () => "t", io: () => { throw 1; }, newId: () => "i", fetch: answer });
    const error = await client.api.negotiate().catch((caught) => caught);
    console.log(error instanceof ProblemError, error.code);`;
  await writeFile(path.join(project, "program.js"), program);
  const { stdout } = await run(process.execPath, ["program.js"], { cwd: project });
  expect(stdout.trim()).toBe("true not-allowed");
}, 60_000);

test.each([
  ["in a browser", { lib: ["es2022", "dom"], types: [], module: "preserve", moduleResolution: "bundler" }],
  ["in Node", { lib: ["es2022"], types: ["node"], module: "nodenext" }],
])(
  "a strict TypeScript program compiles against its types %s",
  async (_, more) => {
    const program = `
    import { io } from "socket.io-client";
    import { ChatClient, type MessageShape } from "dayfly-client";
    const client = new ChatClient({ baseUrl: "http://x", token: () => Promise.resolve("t"), io, newId: () => "i" }, {
      onChange: (conversationId, { message }) => { const text: string | undefined = message?.text; void [conversationId, text]; },
    });
    export const sent: Promise<MessageShape> = client.send("c", "text");
    // @ts-expect-error -- a text is no number
    export const wrong: Promise<MessageShape> = client.send("c", 1);`;
    await writeFile(path.join(project, "program.ts"), program);
    const compilerOptions = { target: "es2022", strict: true, noEmit: true, exactOptionalPropertyTypes: true, ...more };
    await writeFile(path.join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["program.ts"] }));
    const compiled = await run(
      process.execPath,
      [path.join(root, "node_modules/typescript/bin/tsc"), "-p", project, "--pretty", "false"],
      { cwd: project },
    ).catch((error: unknown) => error as { stdout: string });
    expect(compiled.stdout).toBe("");
  },
  120_000,
);
