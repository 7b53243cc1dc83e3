/** The parts' own doors behind one address: `/service-bus/…`, `/web-pubsub/…`, `/storage/…` and `/functions/…` go through as they are. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { RequestError, type LocalAnswer, type LocalRequest } from "../loopback-server.js";

export interface Doors {
  /** The broker's management, the base URLs of Web PubSub, of the blob service and of the first functions host; undefined while they are not there. */
  readonly serviceBus: () => string | undefined;
  readonly webPubSub: () => string | undefined;
  readonly storage: () => string | undefined;
  readonly functions: () => string | undefined;
  /** The functions host's folder, where its keys are. */
  readonly functionsData: string;
}

interface Target {
  readonly url: string;
  readonly key?: string;
}

/** Answers what goes to a part; undefined for every other path. */
export async function passOn(request: LocalRequest, doors: Doors): Promise<LocalAnswer | undefined> {
  const { method, url, body, signal } = request;
  const [, part = "", rest = ""] = /^\/(service-bus|web-pubsub|storage|functions)\/(.*)$/.exec(url.pathname) ?? [];
  if (part === "") return undefined;
  const target = await targetOf(part, rest, doors);
  const response = await fetch(`${target.url}${url.search}`, {
    method,
    signal,
    headers: {
      "content-type": "application/json",
      ...(target.key === undefined ? {} : { "x-functions-key": target.key }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch((error: unknown) => {
    throw new RequestError(502, `${part} does not answer: ${error instanceof Error ? error.message : String(error)}`);
  });
  const content = Buffer.from(await response.arrayBuffer());
  return { status: response.status, content, headers: { "content-type": response.headers.get("content-type") ?? "" } };
}

async function targetOf(part: string, rest: string, doors: Doors): Promise<Target> {
  const there = (base: string | undefined): string => {
    if (base === undefined) throw new RequestError(502, `${part} does not run.`);
    return base;
  };
  switch (part) {
    case "service-bus":
      return { url: `${there(doors.serviceBus())}/${rest}` };
    case "web-pubsub":
      return { url: `${there(doors.webPubSub())}/_local/${rest}` };
    case "storage":
      return { url: `${there(doors.storage())}/_local/${rest}` };
    default: {
      const base = there(doors.functions());
      const run = /^run\/([\w-]+)$/.exec(rest)?.[1];
      if (run === undefined && rest !== "faults") return { url: `${base}/_local/${rest}` };
      const admin = run === undefined ? "local/faults" : `functions/${run}`;
      return { url: `${base}/admin/${admin}`, key: await masterKey(doors.functionsData) };
    }
  }
}

async function masterKey(folder: string): Promise<string> {
  const { master } = JSON.parse(await readFile(path.join(folder, "keys.json"), "utf8")) as { master: string };
  return master;
}
