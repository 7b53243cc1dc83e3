/**
 * A month of 50 conversations: texts, consents, releases, scheduled texts, people who leave; and the functions host killed again and
 * again, in the middle of the work and over the nights. At the end storage holds exactly what should be alive, and nothing else.
 */
import { TableClient } from "@azure/data-tables";
import { ServiceBusClient } from "@azure/service-bus";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { ChatClient } from "../../client/chat-client.js";
import { ProblemError } from "../../client/rest.js";
import type { MessageShape } from "../../src/lib/contracts/shapes.js";
import { newId, person } from "../support/chat.js";
import { seededRandom } from "../support/random.js";
import { startStack, type Stack } from "../support/stack.js";

const CONVERSATIONS = 50;
/** Long ones: the clock goes on by more than a day for each. */
const DAYS = 26;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const USERS = ["ana", "bo", "cy", "di", "eve"] as const;
/** Kept for ten days, so that a month sees agreements of all fates. */
const RETENTION_DAYS = "10";

interface Text {
  readonly id: string;
  readonly conversation: string;
  readonly members: readonly string[];
  /** When it ends, as the last answer about it said; for a waiting text when it will. */
  endsAt: number;
  /** A request of one member is open. */
  asked?: boolean;
  kept?: boolean;
  waitsUntil?: number;
}

let stack: Stack;
const people = new Map<string, ChatClient>();
const random = seededRandom();
const texts = new Map<string, Text>();
let restarting: Promise<void> = Promise.resolve();

beforeAll(async () => {
  stack = await startStack({ env: { RETENTION_DAYS } });
  for (const user of USERS) people.set(user, await person(stack, user));
});
afterAll(async () => {
  await stack.stop();
});

function clientOf(user: string): ChatClient {
  const client = people.get(user);
  if (client === undefined) throw new Error(`nobody is called '${user}'`);
  return client;
}
const pick = <Item>(items: readonly Item[]): Item | undefined => items[Math.floor(random.next() * items.length)];
const between = (from: number, to: number): number => from + Math.floor(random.next() * (to - from + 1));

/** Does it again when the host was killed under it. Everything here may be done twice. */
async function surely<Answer>(act: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    try {
      return await act();
    } catch (error) {
      if (error instanceof ProblemError && error.status < 500) throw error;
      await restarting;
    }
  }
}

const killHost = (): void => {
  restarting = stack.kill("functions").then(() => stack.start("functions"));
};

const note = (members: readonly string[], { id, conversationId, expiresAt }: MessageShape): Text => {
  const text = { id, conversation: conversationId, members, endsAt: Date.parse(expiresAt) };
  texts.set(id, text);
  return text;
};

async function say(conversation: string, members: readonly string[]): Promise<void> {
  const author = clientOf(pick(members) ?? "");
  const input = { id: newId(), text: `text ${newId()}` };
  note(members, await surely(() => author.api.send(conversation, input)));
}

/** A text to come, of which some are changed and some are canceled. */
async function plan(conversation: string, members: readonly string[], now: number): Promise<void> {
  const { api } = clientOf(pick(members) ?? "");
  const ahead = (): string => new Date(now + between(1, 96) * HOUR_MS).toISOString();
  const input = { id: newId(), text: `text ${newId()}`, sendAt: ahead() };
  let planned = await surely(() => api.send(conversation, input));
  const fate = random.next();
  if (fate < 0.3) {
    await surely(() => api.cancelScheduled(conversation, input.id));
    return;
  }
  const sendAt = ahead();
  if (fate < 0.6) planned = await surely(() => api.changeScheduled(conversation, input.id, { sendAt }));
  note(members, planned).waitsUntil = Date.parse(planned.sendAt ?? "");
}

async function agree(text: Text): Promise<void> {
  for (const user of text.members) {
    const { expiresAt } = await surely(() => clientOf(user).api.consent(text.conversation, text.id));
    text.endsAt = Date.parse(expiresAt);
  }
  text.kept = true;
}

async function ask(text: Text): Promise<void> {
  await surely(() => clientOf(pick(text.members) ?? "").api.consent(text.conversation, text.id));
  text.asked = true;
}

async function release(text: Text): Promise<void> {
  const { api } = clientOf(pick(text.members) ?? "");
  const ended = await surely(() => api.withdrawConsent(text.conversation, text.id)).catch((error: unknown) => {
    // The answer to the first try was lost with the host, and it ended at once.
    if (error instanceof ProblemError && error.code === "message-expired") return undefined;
    throw error;
  });
  // What has outlived its day ends with the release.
  text.endsAt = Math.max(await stack.now(), ended === undefined ? 0 : Date.parse(ended.expiresAt));
  text.kept = false;
}

/** All rows of a table, without the service's own fields. */
async function rowsOf(name: string): Promise<{ partitionKey: string; rowKey: string; text?: string }[]> {
  const table = TableClient.fromConnectionString(stack.info.storage, name, { allowInsecureConnection: true });
  const rows: { partitionKey: string; rowKey: string; text?: string }[] = [];
  for await (const { partitionKey = "", rowKey = "", text } of table.listEntities<{ text?: string }>()) {
    rows.push({ partitionKey, rowKey, ...(text === undefined ? {} : { text }) });
  }
  return rows;
}

async function day(conversations: ReadonlyMap<string, readonly string[]>, n: number): Promise<void> {
  const now = await stack.now();
  const chats = Array.from({ length: 9 }, () => pick([...conversations])).filter((each) => each !== undefined);
  const before = new Set(texts.keys());
  const work = chats.flatMap(([id, members], at) => [say(id, members), ...(at < 2 ? [plan(id, members, now)] : [])]);
  if (n % 8 === 1) killHost();
  await Promise.all(work);
  await restarting;
  await stack.idle();

  const fresh = [...texts.values()].filter(({ id, waitsUntil }) => !before.has(id) && waitsUntil === undefined);
  const old = [...texts.values()].filter(({ kept, endsAt }) => kept === true && endsAt > now + HOUR_MS);
  const released = random.next() < 0.5 ? pick(old) : undefined;
  const decisions = [
    ...fresh.slice(0, 4).map(agree),
    ...fresh.slice(4, 7).map(ask),
    ...(released === undefined ? [] : [release(released)]),
  ];
  if (n % 8 === 5) killHost();
  await Promise.all(decisions);
  await restarting;
  await stack.idle();
}

test("a month later storage holds exactly what should be alive", async () => {
  const begun = performance.now();
  const conversations = new Map<string, readonly string[]>();
  await Promise.all(
    Array.from({ length: CONVERSATIONS }, async () => {
      const members = USERS.slice(0, between(2, USERS.length));
      conversations.set((await clientOf("ana").start(members.slice(1))).id, members);
    }),
  );
  for (let n = 0; n < DAYS; n++) {
    await day(conversations, n);
    // Some nights nobody is there when texts end.
    const isDown = n % 10 === 2;
    if (isDown) await stack.kill("functions");
    await stack.advance(`PT${String(between(29, 35))}H`);
    if (isDown) await stack.start("functions");
    await stack.idle();
  }
  // The sweeper and the clean-up have had their turn. All ends lie whole hours and some seconds apart: none is just being worked on.
  await stack.advance("PT2H30M");
  await stack.idle();
  console.info(`${String(texts.size)} texts in ${((performance.now() - begun) / 1000).toFixed(1)} s`);

  const now = await stack.now();
  const alive = [...texts.values()].filter(({ endsAt }) => endsAt > now);
  const waiting = alive.filter(({ waitsUntil = 0 }) => waitsUntil > now);
  const delivered = alive.filter(({ waitsUntil = 0 }) => waitsUntil <= now);
  const ids = (list: readonly Text[]): readonly string[] => list.map(({ id }) => id).sort();
  expect(delivered.length).toBeGreaterThan(0);

  const rows = await rowsOf("conversations");
  const family = (prefix: string): readonly string[] =>
    rows
      .filter(({ rowKey }) => rowKey.startsWith(prefix))
      .map(({ rowKey }) => rowKey.split("|").at(-1) ?? "")
      .sort();
  const withText = rows.filter(({ text }) => text !== undefined);
  expect(withText).toHaveLength(alive.length);
  expect(family("s|")).toEqual(ids(waiting));
  expect(family("x|")).toEqual(ids(delivered));
  expect(family("r|")).toEqual(ids(delivered.filter(({ asked }) => asked === true)));
  for (const { id, conversation, members } of delivered) {
    expect(await clientOf(members[0] ?? "").api.message(conversation, id)).toMatchObject({ state: "delivered" });
  }
  // Of what ended a month ago not even that it was there. An end counts from the purge, and the nights are up to 35 hours long.
  const known = new Set(family("i|"));
  const forgotten = [...texts.values()].filter(({ endsAt }) => endsAt < now - 31.75 * DAY_MS);
  expect(forgotten.length).toBeGreaterThan(0);
  expect(forgotten.filter(({ id }) => known.has(id))).toEqual([]);

  const slots = (await rowsOf("memberships")).filter(({ partitionKey }) => partitionKey.endsWith("|scheduled"));
  expect(slots.map(({ rowKey }) => rowKey.split("|")[1]).sort()).toEqual(ids(waiting));
  const minute = new Date(now - 10 * 60_000).toISOString().replace(/[-T:]/g, "").slice(0, 12);
  const overdue = (await rowsOf("due")).filter(({ partitionKey }) => partitionKey < minute);
  expect(overdue).toEqual([]);

  const client = new ServiceBusClient(stack.info.serviceBus);
  for (const queue of ["text-messages", "deadlines", "retained-messages", "failed-messages"]) {
    const deadLetters = await client.createReceiver(queue, { subQueueType: "deadLetter" }).peekMessages(1);
    expect([queue, deadLetters]).toEqual([queue, []]);
  }
  expect(await client.createReceiver("failed-messages").peekMessages(1)).toEqual([]);
  await client.close();
}, 180_000);
