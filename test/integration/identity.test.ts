/**
 * The functions as on Azure: no key, but the names of their services and a managed identity. Every service is reached over TLS with
 * access tokens, and what clients get of the storage is signed with a user delegation key.
 */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { ChatClient } from "../../client/chat-client.js";
import { person, Watch } from "../support/chat.js";
import { PICTURE, PNG } from "../support/files.js";
import { startStack, type Stack } from "../support/stack.js";
import { authorityOf, fetchTrusting } from "../support/trust.js";

const RECORDER = pathToFileURL(path.resolve(import.meta.dirname, "../support/record-environment.js")).href;

let folder: string;
let stack: Stack;
let ana: ChatClient;
let bo: ChatClient;
let trusting: typeof fetch;
const heard: string[] = [];
const watch = new Watch();

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "dayfly-environments-"));
  stack = await startStack({
    identity: true,
    env: { RECORD_ENVIRONMENT: folder, NODE_OPTIONS: `--import=${RECORDER}` },
  });
  trusting = fetchTrusting(authorityOf(stack) ?? "", fetch);
  ana = await person(stack, "ana");
  bo = await person(stack, "bo", {
    onChange: (_, { type, messageId = "", reason = "" }) => {
      heard.push(`${type} ${messageId} ${reason}`.trim());
      watch.changed();
    },
  });
  await Promise.all([ana.connect(), bo.connect()]);
});

let stopped = false;
async function stop(): Promise<void> {
  stopped = true;
  ana.close();
  bo.close();
  await stack.stop();
}

afterAll(async () => {
  if (!stopped) await stop();
  await rm(folder, { recursive: true, force: true });
});

test("a text comes to its reader's socket, and is gone a day later", async () => {
  const { id: conversation } = await ana.start(["bo"]);
  const { id } = await ana.send(conversation, "signed in, not keyed in");
  await watch.until(() => heard.includes(`message.created ${id}`));
  await stack.idle();
  // Each token is older than its lifetime then: new ones are asked for.
  await stack.advance("PT25H");
  await watch.until(() => heard.includes(`message.expired ${id}`));
  await expect(bo.api.message(conversation, id)).rejects.toMatchObject({ code: "message-expired" });
  const next = await ana.send(conversation, "and the next one");
  await watch.until(() => heard.includes(`message.created ${next.id}`));
});

test("a file goes up and down by signatures of a user delegation key, and is gone when it is closed", async () => {
  const { id: conversation } = await ana.start(["bo"]);
  const created = await ana.api.createFile(conversation, PICTURE);
  const { method, url, headers } = created.upload;
  expect(signatureOf(url)).toEqual({ protocol: "https:", permissions: "c", only: "https", delegated: true });
  expect((await trusting(url, { method, headers, body: PNG })).status).toBe(201);
  await ana.api.completeFile(conversation, created.id);
  await watch.until(() => heard.includes(`message.created ${created.id}`));
  const view = await bo.openFile(conversation, created.id);
  expect(signatureOf(view.url)).toEqual({ protocol: "https:", permissions: "r", only: "https", delegated: true });
  const read = await trusting(view.url);
  expect([read.status, new Uint8Array(await read.arrayBuffer())]).toEqual([200, PNG]);
  await view.close();
  await watch.until(() => heard.includes(`file.deleted ${created.id} closed`));
  expect((await trusting(view.url)).status).toBe(404);
});

test("there was no key in the functions' environment", async () => {
  const { serviceBus, storage, webPubSub } = stack.info;
  const keys = [serviceBus, storage, webPubSub].flatMap((text) => [...text.matchAll(/Key=([^;]{8,})/gu)]);
  expect(keys).toHaveLength(3);
  await stop();
  const files = await Promise.all((await readdir(folder)).map((name) => readFile(path.join(folder, name), "utf8")));
  const functions = files.filter((text) => (JSON.parse(text) as Recorded).arguments[0] === "functions");
  expect(functions).toHaveLength(1);
  const [text = ""] = functions;
  expect(keys.filter(([, key = ""]) => text.includes(key))).toHaveLength(0);
  const { environment } = JSON.parse(text) as Recorded;
  // That it is the environment in which the functions ran.
  expect(environment["SERVICE_BUS__fullyQualifiedNamespace"]).toMatch(/^localhost:\d+$/u);
  for (const name of ["SERVICE_BUS", "STORAGE", "WEB_PUBSUB", "AzureWebJobsStorage"])
    expect(environment[name]).toBe("");
  expect(Object.values(environment).filter((value) => /Key=|SharedAccess/iu.test(value))).toEqual([]);
});

interface Recorded {
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** What a shared access signature says of itself; `skoid` is whose delegation key it is signed with. */
function signatureOf(url: string): object {
  const { protocol, searchParams } = new URL(url);
  const [permissions, only] = [searchParams.get("sp"), searchParams.get("spr")];
  return { protocol, permissions, only, delegated: searchParams.has("skoid") };
}
