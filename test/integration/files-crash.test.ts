import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { ProblemError } from "../../client/rest.js";
import type { ChatClient } from "../../client/chat-client.js";
import { person, Watch } from "../support/chat.js";
import { blobsIn, PICTURE, PNG } from "../support/files.js";
import { seededRandom, type Random } from "../support/random.js";
import { startStack, type Stack } from "../support/stack.js";

const FILES = 200;
const AT_ONCE = 8;
const KILLS = 6;
const CONVERSATIONS = 10;
const ACK_WITHIN_MS = 5_000;
const READERS = ["bo", "cy", "di"] as const;
/** What one reader does with one file. */
const WAYS = ["close", "close", "beacon", "socket", "vanish", "never open"] as const;
type Way = (typeof WAYS)[number];

let stack: Stack;
const clients: ChatClient[] = [];

beforeAll(async () => {
  // Without the sweeper: what it would mend must not be there. A request that dies between the quota and the row is counted
  // again when it is repeated: no quota may be reached.
  stack = await startStack({ env: { FILES_PER_DAY: String(2 * FILES), "AzureWebJobs.sweepFiles.Disabled": "true" } });
});
afterAll(async () => {
  for (const client of clients) client.close();
  await stack.stop();
});

interface Plan {
  readonly isFirstClose: boolean;
  readonly ways: readonly Way[];
}

const planOf = (random: Random): Plan => ({
  isFirstClose: random.next() < 0.3,
  ways: READERS.map(() => random.pick(WAYS)),
});

const isAlive = ({ isFirstClose, ways }: Plan): boolean =>
  isFirstClose ? ways.every((way) => way === "never open") : ways.includes("never open");

async function read(reader: ChatClient, conversation: string, id: string, way: Way): Promise<void> {
  if (way === "never open") return;
  const view = await reader.openFile(conversation, id);
  // While the storage is down, or when another reader's close was the last word.
  await fetch(view.url).then(
    (response) => response.arrayBuffer(),
    () => undefined,
  );
  view.abandon();
  switch (way) {
    case "close":
      await view.close();
      return;
    case "beacon":
      // Sent once; when it gets lost, the lease does the same.
      await fetch(view.beacon.url, { method: "POST", body: view.beacon.body }).catch(() => undefined);
      return;
    case "socket":
      await reader.socket
        ?.timeout(ACK_WITHIN_MS)
        .emitWithAck("file.close", view.name)
        .catch(() => view.close());
      return;
    case "vanish":
  }
}

test("200 files, three readers, every process killed at random moments: storage holds exactly the files that should be alive", async () => {
  const random = seededRandom();
  const watch = new Watch();
  const ana = await person(stack, "ana");
  const heard = new Set<string>();
  const readers = await Promise.all(
    READERS.map((name) =>
      person(stack, name, {
        onChange: (_, { type, messageId = "" }) => {
          if (type === "message.created") heard.add(`${name} ${messageId}`);
          watch.changed();
        },
      }),
    ),
  );
  clients.push(ana, ...readers);
  await Promise.all(readers.map((reader) => reader.connect()));
  const conversations: string[] = [];
  for (let n = 0; n < CONVERSATIONS; n++) conversations.push((await ana.start([...READERS])).id);
  const plans = new Map<string, Plan>();
  let begun = 0;
  let done = 0;

  const one = async (conversation: string): Promise<void> => {
    const plan = planOf(random);
    const deleteWhen = plan.isFirstClose ? "first-close" : "all-recipients-closed";
    const { id } = await ana.sendFile(conversation, { ...PICTURE, deleteWhen, bytes: PNG });
    plans.set(id, plan);
    await watch.until(() => READERS.every((name) => heard.has(`${name} ${id}`)));
    await Promise.all(
      readers.map((reader, n) =>
        read(reader, conversation, id, plan.ways[n] ?? "never open").catch((error: unknown) => {
          // The first reader of some closes for all.
          const isGone = error instanceof ProblemError && error.code === "file-deleted" && plan.isFirstClose;
          if (!isGone) throw error;
        }),
      ),
    );
    done += 1;
    watch.changed();
  };
  const worker = async (): Promise<void> => {
    while (begun < FILES) {
      begun += 1;
      await one(conversations[begun % CONVERSATIONS] ?? "");
    }
  };
  const havoc = async (): Promise<void> => {
    for (let n = 1; n <= KILLS; n++) {
      const moment = Math.floor((FILES * (n - random.next())) / (KILLS + 1));
      await watch.until(() => done >= moment);
      const victim = random.pick(["functions", "service-bus", "web-pubsub", "storage"]);
      await stack.kill(victim);
      await stack.start(victim);
    }
  };
  await Promise.all([...Array.from({ length: AT_ONCE }, worker), havoc()]);
  expect(plans.size).toBe(FILES);
  await stack.idle();
  // The leases of those who have vanished end, then the upload URLs.
  await stack.advance("PT11M");
  await stack.idle();
  await stack.advance("PT31M");
  await stack.idle();

  const alive = [...plans].filter(([, plan]) => isAlive(plan)).map(([id]) => id);
  const stored = [...(await blobsIn(stack, "files")).keys()].map((name) => name.split("/")[1] ?? "");
  expect(stored.sort()).toEqual(alive.sort());
  expect([...(await blobsIn(stack, "staging")).keys()]).toEqual([]);

  const types = new Map<string, string[]>();
  for (let at = 0, after = 0; at < CONVERSATIONS;) {
    const page = await ana.api.changes(conversations[at] ?? "", after);
    expect(page.items.map(({ seq }) => seq)).toEqual(page.items.map((_, n) => after + 1 + n));
    for (const { messageId = "", type } of page.items) types.set(messageId, [...(types.get(messageId) ?? []), type]);
    after = page.hasMore ? (page.items.at(-1)?.seq ?? after) : 0;
    at += page.hasMore ? 0 : 1;
  }
  for (const [id, plan] of plans) {
    const told = types.get(id) ?? [];
    expect([told[0], told.filter((type) => type === "message.created").length]).toEqual(["message.created", 1]);
    expect(told.filter((type) => type === "file.deleted")).toHaveLength(isAlive(plan) ? 0 : 1);
  }
}, 300_000);
