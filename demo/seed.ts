/**
 * `npm run local -- seed <scenario>`: fills the running stack with something to look at. Everything goes over the public API; what is
 * there already stays.
 */
import { v7 as newId } from "uuid";
import { io } from "socket.io-client";
import { ChatClient, ProblemError, type MessageShape } from "../client/chat-client.js";

interface StackFile {
  readonly functions: string;
  readonly issuer: string;
}

interface Scenario {
  readonly summary: string;
  /** Answers what was made. */
  run(person: (user: string) => ChatClient): Promise<string>;
}

const LOOK_AGAIN_MS = 200;
const CROWD = 12;
const CROWD_TEXTS = 40;

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  lunch: {
    summary: "ana, bo and cy plan a lunch: replies, receipts, an edit, a text for later, somebody asks to keep one",
    async run(person) {
      const [ana, bo, cy] = [person("ana"), person("bo"), person("cy")];
      const { id } = await ana.start(["bo", "cy"], "Lunch");
      const question = await said(ana, id, "Lunch at one?");
      await said(bo, id, "One is fine.", question.id);
      const place = await said(cy, id, "The place at the corner has soup today.", question.id);
      const last = await said(ana, id, "Then the corner, at noon.");
      await ana.api.edit(id, last.id, { text: "Then the corner, at one." });
      await bo.api.consent(id, place.id);
      const { headSeq } = await ana.api.conversation(id);
      await bo.api.receipts(id, { readSeq: headSeq });
      await cy.api.receipts(id, { deliveredSeq: headSeq });
      // By the stack's clock, which may be days ahead of this machine's.
      const sendAt = new Date(Date.parse(last.sentAt) + 10 * 60_000).toISOString();
      await ana.api.send(id, { id: newId(), text: "I am on my way.", sendAt });
      return `conversation ${id} of ana, bo and cy`;
    },
  },
  keeping: {
    summary: "one text of ana and bo in each state of being kept: not asked, asked, kept, let go again",
    async run(person) {
      const [ana, bo] = [person("ana"), person("bo")];
      const { id } = await ana.start(["bo"], "What we keep");
      await said(ana, id, "This one goes with its day.");
      const asked = await said(ana, id, "Bo would like to keep this.");
      const kept = await said(bo, id, "Both of us keep this.");
      const released = await said(bo, id, "We kept this, until ana let it go.");
      await bo.api.consent(id, asked.id);
      for (const { id: message } of [kept, released]) {
        for (const each of [ana, bo]) await each.api.consent(id, message);
      }
      await ana.api.withdrawConsent(id, released.id);
      return `conversation ${id} of ana and bo`;
    },
  },
  crowd: {
    summary: `${CROWD} people, ${CROWD_TEXTS} texts, all at once: for the dashboard`,
    async run(person) {
      const people = Array.from({ length: CROWD }, (_, n) => (n === 0 ? "ana" : `user-${n}`));
      const [first = "", ...others] = people;
      const { id } = await person(first).start(others, "A crowd");
      const texts = Array.from({ length: CROWD_TEXTS }, (_, n) => ({ n, user: people[n % CROWD] ?? first }));
      await Promise.all(texts.map(({ n, user }) => person(user).send(id, `Text ${n + 1}, from ${user}`)));
      // Its own beginning is the first entry of its log.
      while ((await person(first).api.conversation(id)).headSeq <= CROWD_TEXTS) await pause();
      return `conversation ${id} of ${people.length}`;
    },
  },
};

async function said(client: ChatClient, conversation: string, text: string, replyTo?: string): Promise<MessageShape> {
  return delivered(client, await client.send(conversation, text, replyTo));
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));

/** What is accepted is delivered soon. */
async function delivered(client: ChatClient, { conversationId, id }: MessageShape): Promise<MessageShape> {
  for (;;) {
    try {
      return await client.api.message(conversationId, id);
    } catch (error) {
      if (!(error instanceof ProblemError) || error.code !== "message-unknown-or-not-yet") throw error;
      await pause();
    }
  }
}

async function signIn({ issuer }: StackFile, sub: string): Promise<string> {
  const response = await fetch(`${issuer}/token`, { method: "POST", body: JSON.stringify({ sub }) });
  return ((await response.json()) as { access_token: string }).access_token;
}

const [name = ""] = process.argv.slice(2);
const scenario = Object.hasOwn(SCENARIOS, name) ? SCENARIOS[name] : undefined;
if (scenario === undefined) {
  const lines = Object.entries(SCENARIOS).map(([each, { summary }]) => `  ${each.padEnd(8)} ${summary}`);
  console.error(["Say which: npm run local -- seed SCENARIO", ...lines].join("\n"));
  process.exitCode = 1;
} else {
  const stack = JSON.parse(process.env["DAYFLY_STACK"] ?? "{}") as StackFile;
  const clients = new Map<string, ChatClient>();
  const person = (user: string): ChatClient => {
    const known = clients.get(user);
    if (known !== undefined) return known;
    const token = signIn(stack, user);
    const client = new ChatClient({ baseUrl: stack.functions, token: () => token, io, newId });
    clients.set(user, client);
    return client;
  };
  console.log(`${name}: ${await scenario.run(person)}`);
}
