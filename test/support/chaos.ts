/** People who chat while everything around them fails, and a monkey that makes it fail. */
import type { ChatClient } from "../../client/chat-client.js";
import { ProblemError } from "../../client/rest.js";
import { newId, person } from "./chat.js";
import { get, PICTURE, PNG, put } from "./files.js";
import type { Random } from "./random.js";
import type { Stack } from "./stack.js";

/** What has been promised, to be held against what there is at the end. */
export class Promises {
  /** Accepted texts, by id. */
  readonly texts = new Map<string, { readonly conversation: string; readonly text: string }>();
  /** Texts that all have agreed to keep. */
  readonly kept = new Set<string>();
  /** URLs of files whose only reader has closed them. */
  readonly closed: string[] = [];
  readonly done = new Map<string, number>();

  count(what: string): void {
    this.done.set(what, (this.done.get(what) ?? 0) + 1);
  }
}

/** What may fail meanwhile: it is tried once, and what was not answered was not promised. */
async function attempt<Result>(act: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof ProblemError && error.status < 500 && ![404, 408, 409, 410, 429].includes(error.status))
      throw error;
    return undefined;
  }
}

/** Ana and Bo in one conversation, until `isOver`. */
export async function chat(
  { stack, random, promises, isOver }: { stack: Stack; random: Random; promises: Promises; isOver: () => boolean },
  step: () => Promise<void>,
): Promise<string> {
  const [ana, bo] = [await person(stack, "ana"), await person(stack, "bo")];
  const { id: conversation } = await ana.start(["bo"]);
  const unread: string[] = [];
  for (let n = 0; !isOver(); n++) {
    const dice = random.next();
    if (dice < 0.03) unread.push(...(await shareFile(ana, conversation)));
    else if (dice < 0.07) await readFile(bo, conversation, unread, promises);
    else if (dice < 0.15) await schedule(stack, ana, conversation, promises);
    else {
      const text = `marzipan ${String(n)}`;
      const message = await attempt(() => ana.send(conversation, text));
      if (message !== undefined) {
        promises.texts.set(message.id, { conversation, text });
        promises.count("texts");
        if (dice > 0.9) await keep(ana, bo, conversation, message.id, promises);
      }
    }
    await step();
  }
  for (const client of [ana, bo]) client.close();
  return conversation;
}

async function schedule(stack: Stack, ana: ChatClient, conversation: string, promises: Promises): Promise<void> {
  const [id, text] = [newId(), "marzipan, later"];
  const sendAt = new Date((await stack.now()) + 60_000).toISOString();
  if ((await attempt(() => ana.api.send(conversation, { id, text, sendAt }))) === undefined) return;
  promises.texts.set(id, { conversation, text });
  promises.count("scheduled");
}

async function keep(
  ana: ChatClient,
  bo: ChatClient,
  conversation: string,
  id: string,
  promises: Promises,
): Promise<void> {
  await attempt(() => ana.api.consent(conversation, id));
  const message = await attempt(() => bo.api.consent(conversation, id));
  if (message?.retention.state !== "retained") return;
  promises.kept.add(id);
  promises.count("kept");
}

/** The file's id, once it is complete. */
async function shareFile(ana: ChatClient, conversation: string): Promise<readonly string[]> {
  const id = await attempt(async () => {
    const file = await ana.api.createFile(conversation, PICTURE);
    await put(file, PNG);
    await ana.api.completeFile(conversation, file.id);
    return file.id;
  });
  return id === undefined ? [] : [id];
}

/** The one that waits longest; what has not been delivered yet, or could not be opened, is tried again later. */
async function readFile(bo: ChatClient, conversation: string, unread: string[], promises: Promises): Promise<void> {
  const fileId = unread.shift();
  if (fileId === undefined) return;
  const url = await attempt(async () => {
    const view = await bo.api.openView(conversation, fileId);
    await get(view.url);
    await bo.api.closeView({ conversationId: conversation, fileId, viewId: view.id });
    return view.url;
  });
  if (url === undefined) {
    unread.push(fileId);
    return;
  }
  promises.closed.push(url);
  promises.count("files");
}

/** One bad thing, and its end where it has one. */
export async function havoc(stack: Stack, random: Random, hosts: readonly [string, ...string[]]): Promise<string> {
  const restart = async (part: string): Promise<string> => {
    await stack.kill(part);
    await stack.start(part);
    return `SIGKILL ${part}`;
  };
  const fault = async (body: Readonly<Record<string, unknown>>): Promise<string> => {
    await fetch(`${await stack.management()}/faults`, { method: "POST", body: JSON.stringify(body) });
    return JSON.stringify(body);
  };
  const queue = random.pick(["text-messages", "deadlines", "retained-messages", "url-closed", "file-messages"]);
  switch (
    random.pick(["host", "broker", "realtime", "storage", "throttle", "lock", "drop", "refuse", "slow", "time"])
  ) {
    case "host":
      return restart(random.pick(hosts));
    case "broker":
      return restart("service-bus");
    case "realtime":
      return restart("web-pubsub");
    case "storage":
      return restart("storage");
    case "throttle":
      return fault({ queue, fault: "throttle", times: 5 });
    case "lock":
      return fault({ queue, fault: random.pick(["lose-lock", "deliver-twice"]), times: 3 });
    case "drop":
      return fault({ queue, fault: "drop-connection", at: "stored" });
    case "slow": {
      const slow = { delayMs: 200, forMs: 3_000 };
      await fetch(`${stack.info.control}/storage/faults`, { method: "POST", body: JSON.stringify({ slow }) });
      return `storage slow ${JSON.stringify(slow)}`;
    }
    case "refuse": {
      const refuse = { times: 6, status: random.pick([429, 500, 503]) };
      const address = stack.info.webPubSub.replace(/^Endpoint=([^;]+);.*$/u, "$1");
      await fetch(`${address}/_local/faults`, { method: "POST", body: JSON.stringify({ refuse }) });
      return `web-pubsub ${JSON.stringify(refuse)}`;
    }
    default:
      await stack.advance("PT20S");
      return "20 s on";
  }
}
