/**
 * `npm run demo`: two people sign in at the running stack, start a conversation and chat. One of them loses the connection in
 * the middle, comes back and catches up. Exit code 0 only if every message arrived once, in order, at both.
 */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { styleText } from "node:util";
import { io } from "socket.io-client";
import { v7 as uuidv7 } from "uuid";
import { ChatClient } from "../client/chat-client.js";

const PATIENCE_MS = 30_000;

interface StackFile {
  readonly functions: string;
  readonly issuer: string;
}

class Person {
  readonly name: string;
  readonly client: ChatClient;
  readonly seen: string[] = [];
  readonly #waiting = new Map<number, () => void>();

  constructor(name: string, stack: StackFile) {
    this.name = name;
    this.client = new ChatClient(
      { baseUrl: stack.functions, token: () => signIn(stack, name), io, newId: uuidv7 },
      {
        onChange: (_, { message }) => {
          if (message?.text === undefined) return;
          this.seen.push(message.text);
          this.#waiting.get(this.seen.length)?.();
          print(this.name, message.author === this.name ? "sent" : "got", message.text);
        },
        onTrouble: (error) => print(this.name, "trouble", String(error)),
      },
    );
  }

  /** Resolves when this many messages have been seen. */
  hasSeen(count: number): Promise<void> {
    if (this.seen.length >= count) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.set(count, resolve));
  }
}

const started = performance.now();

function print(who: string, what: string, text: string): void {
  const seconds = ((performance.now() - started) / 1000).toFixed(3).padStart(7);
  const colour = who === "ana" ? "cyan" : "magenta";
  console.log(
    `${styleText("dim", `${seconds} s`)}  ${styleText(colour, who.padEnd(4))} ${styleText("dim", what.padEnd(9))} ${text}`,
  );
}

async function signIn({ issuer }: StackFile, sub: string): Promise<string> {
  const response = await fetch(`${issuer}/token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ sub }),
  });
  const { access_token: token } = (await response.json()) as { access_token: string };
  return token;
}

async function findStack(): Promise<StackFile> {
  const file = path.join(process.env["DAYFLY_DATA"] ?? ".local", "stack.json");
  try {
    return JSON.parse(await readFile(file, "utf8")) as StackFile;
  } catch {
    console.error("The local stack is not running: start it with `npm start` in another terminal, then try again.");
    process.exit(1);
  }
}

async function chat(stack: StackFile): Promise<readonly string[]> {
  const ana = new Person("ana", stack);
  const bo = new Person("bo", stack);
  await Promise.all([ana.client.connect(), bo.client.connect()]);
  print("", "", "both are connected");
  const { id } = await ana.client.start(["bo"], "Lunch");

  const lines: string[] = [];
  const say = async (person: Person, line: string, replyTo?: string): Promise<string> => {
    lines.push(line);
    const { id: messageId } = await person.client.send(id, line, replyTo);
    return messageId;
  };
  const both = (): Promise<unknown> => Promise.all([ana.hasSeen(lines.length), bo.hasSeen(lines.length)]);

  const question = await say(ana, "Lunch at one?");
  await both();
  await say(bo, "Yes! The usual place?", question);
  await both();

  const socket = bo.client.socket;
  socket?.io.engine.close();
  print("bo", "offline", "(the connection is gone)");
  await say(ana, "They are closed on Mondays.");
  await say(ana, "How about the new one on the corner?");
  await ana.hasSeen(lines.length);
  await both();
  print("bo", "back", "(caught up)");

  await say(bo, "Deal. See you there.");
  await say(ana, "👍 and tomorrow nobody will know.");
  await both();
  const complete = [ana, bo].every(({ seen }) => JSON.stringify(seen) === JSON.stringify(lines));
  for (const { client } of [ana, bo]) client.close();
  if (!complete) throw new Error("A message is missing, came twice or out of order.");
  return lines;
}

const late = setTimeout(() => {
  console.error(`The demo did not finish within ${PATIENCE_MS / 1000} s: see the log of \`npm start\`.`);
  process.exit(1);
}, PATIENCE_MS);
try {
  const lines = await chat(await findStack());
  print("", "", styleText("green", `${lines.length} messages, each once and in order, at both ends.`));
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}
clearTimeout(late);
