/**
 * Takes one user, who has left, out of one conversation: own messages and files end, others' messages that were kept by this
 * user's consent are released, and in every row that stays the alias takes the user's place. Safe to die anywhere: what is done
 * does not name the user any more, so a second run passes over it.
 */
import { minuteOf } from "../domain/deadline.js";
import type { StoredFile } from "../domain/file.js";
import { omit } from "../domain/omit.js";
import type { MessageDocument, MessageIndex } from "../domain/message.js";
import type { Ports, Trace, Versioned } from "../ports.js";
import { announce } from "./announce.js";
import { endMessages } from "./end-messages.js";
import { rejectFile } from "./end-upload.js";
import { withdrawFor } from "./keep-message.js";
import { noteEnd } from "./note-end.js";
import { abandonScheduled } from "./schedule-text.js";
import { settleAny } from "./settle-files.js";
import { deadlineOf } from "./move-expiry.js";
import { startDeletion } from "./start-deletion.js";

export interface Erased {
  readonly user: string;
  readonly alias: string;
}

export interface Scrubbed {
  readonly messages: number;
  readonly files: number;
  readonly scheduled: number;
  readonly released: number;
  /** It was too much for one step. */
  readonly hasMore: boolean;
}

const PAGE = 100;
/** Five rows each, and the head, stay below the 100 of a transaction. */
const ENDED_AT_ONCE = 16;
const RENAMED_AT_ONCE = 40;
/** Each is told to the room by a call of its own. */
const MOST_ENDED = 160;

export async function scrubConversation(
  ports: Ports,
  conversationId: string,
  erased: Erased,
  trace: Trace,
): Promise<Scrubbed> {
  const nothing = { messages: 0, files: 0, scheduled: 0, released: 0, hasMore: false };
  const { head } = await ports.conversations.look(conversationId, {});
  if (head === undefined) return nothing;
  const scheduled = await abandonAll(ports, conversationId, erased);
  // Files come first: ending their views is logged, and the log comes last.
  const files = await scrubFiles(ports, conversationId, erased, trace);
  const messages = await endOwn(ports, conversationId, erased, trace);
  if (messages >= MOST_ENDED) return { ...nothing, messages, files, scheduled, hasMore: true };
  const released = await releaseOthers(ports, conversationId, erased, trace);
  await renameEntries(ports, conversationId, erased);
  await renameCreator(ports, conversationId, erased);
  return { messages, files, scheduled, released, hasMore: false };
}

async function abandonAll(ports: Ports, conversationId: string, { user, alias }: Erased): Promise<number> {
  for (let count = 0; ;) {
    const waiting = await ports.conversations.scheduledTexts(conversationId, { author: user, limit: PAGE });
    if (waiting.length === 0) return count;
    for (const scheduled of waiting) await abandonScheduled(ports, scheduled, alias);
    count += waiting.length;
  }
}

async function scrubFiles(ports: Ports, conversationId: string, erased: Erased, trace: Trace): Promise<number> {
  let count = 0;
  for (let after: string | undefined, more = true; more;) {
    const files = await ports.conversations.files(conversationId, after, PAGE);
    for (const file of files.filter((each) => isNamedIn(each, erased))) {
      const isOwnAndAlive = file.author === erased.user && file.state !== "deleted" && file.state !== "rejected";
      await scrubFile(ports, { conversationId, fileId: file.fileId }, erased, trace);
      count += isOwnAndAlive ? 1 : 0;
    }
    after = files.at(-1)?.fileId;
    more = files.length === PAGE;
  }
  return count;
}

const isNamedIn = ({ author, views }: StoredFile, { user }: Erased): boolean =>
  author === user || views.some((view) => view.user === user);

async function scrubFile(
  ports: Ports,
  name: { readonly conversationId: string; readonly fileId: string },
  erased: Erased,
  trace: Trace,
): Promise<void> {
  for (;;) {
    const found = await ports.conversations.file(name.conversationId, name.fileId);
    if (found === undefined || !isNamedIn(found, erased)) return;
    if (found.author === erased.user && !(await endFile(ports, found))) continue;
    // Views of who is not a member are closed, and logged; a file that is over is deleted.
    await settleAny(ports, name, trace);
    const settled = await ports.conversations.file(name.conversationId, name.fileId);
    if (settled === undefined) return;
    if (await ports.conversations.saveFile(renamed(settled, erased))) return;
  }
}

/** False when its row has changed meanwhile. */
async function endFile(ports: Ports, file: Versioned<StoredFile>): Promise<boolean> {
  switch (file.state) {
    case "uploading":
    case "accepted":
      return rejectFile(ports, file, "author-left");
    case "ready":
      return startDeletion(ports, file, "unsent");
    default:
      return true;
  }
}

/** A view that is open, or of which the log does not tell yet, keeps its reader: it is somebody's until then. */
const renamed = (file: Versioned<StoredFile>, { user, alias }: Erased): Versioned<StoredFile> => ({
  ...file,
  author: file.author === user ? alias : file.author,
  views: file.views.map((view) => (view.user === user && view.isLogged ? { ...view, user: alias } : view)),
});

/** Ends own messages, and renames what has ended. Resolves to how many it has ended. */
async function endOwn(ports: Ports, conversationId: string, erased: Erased, trace: Trace): Promise<number> {
  let count = 0;
  for (let after: string | undefined, more = true; more && count < MOST_ENDED;) {
    const indexes = await ports.conversations.indexes(conversationId, after, PAGE);
    const own = indexes.filter(({ author }) => author === erased.user);
    for (let n = 0; n < own.length; n += ENDED_AT_ONCE) {
      count += await endThese(ports, conversationId, own.slice(n, n + ENDED_AT_ONCE), erased, trace);
    }
    after = indexes.at(-1)?.messageId;
    more = indexes.length === PAGE;
  }
  return count;
}

async function endThese(
  ports: Ports,
  conversationId: string,
  own: readonly MessageIndex[],
  { user, alias }: Erased,
  trace: Trace,
): Promise<number> {
  const nameless = <Row extends { readonly author: string }>(row: Row): Row => ({ ...row, author: alias });
  // What proves who said what is no more, either.
  const emptied = (document: MessageDocument): MessageDocument => nameless(omit(document, "proof"));
  for (let count = 0; ;) {
    const { head } = await ports.conversations.look(conversationId, {});
    if (head === undefined) return count;
    // Read after the head, whose version the write depends on.
    const found = await Promise.all(
      own.map(async ({ messageId }) => {
        const { index } = await ports.conversations.look(conversationId, { messageId, headless: true });
        if (index?.author !== user) return undefined;
        const document =
          index.seq === undefined ? undefined : await ports.conversations.document(conversationId, index.seq);
        return { index, document };
      }),
    );
    const named = found.filter((each) => each !== undefined);
    const documents = named.flatMap(({ document }) => (document === undefined ? [] : [document]));
    const alive = documents.filter((document) => document.state === "delivered" && document.file === undefined);
    const past = named.filter(({ document }) => document === undefined || !alive.includes(document));
    const at = new Date(ports.clock.now());
    const { entries, ...ended } = endMessages(alive, head.headSeq, at, "deleted");
    if (alive.length > 0) {
      await noteEnd(ports, conversationId, at);
      const step = {
        ...{ head, entries, next: { ...head, headSeq: head.headSeq + entries.length } },
        ...{
          documentsChanged: ended.documentsChanged.map(emptied),
          indexesChanged: ended.indexesChanged.map(nameless),
        },
        requestsClosed: ended.requestsClosed,
        expiriesMet: alive.map((document) => expiryOf(document)),
      };
      if (!(await ports.conversations.commit(step))) continue;
      for (const entry of entries) await announce(ports, { conversationId, entry }, trace);
      count += alive.length;
      if (past.length > 0) continue;
    } else if (past.length > 0) {
      const rows = {
        indexes: past.map(({ index }) => nameless(index)),
        documents: past.flatMap(({ document }) => (document === undefined ? [] : [emptied(document)])),
      };
      if (!(await ports.conversations.rewrite(head, rows))) continue;
    }
    return count;
  }
}

const expiryOf = (document: MessageDocument) => ({
  ...{ minute: minuteOf(deadlineOf(document)), messageId: document.messageId, seq: document.seq },
});

/** What others have kept by this user's consent ends when it would have ended. */
async function releaseOthers(ports: Ports, conversationId: string, { user }: Erased, trace: Trace): Promise<number> {
  let count = 0;
  const { head } = await ports.conversations.look(conversationId, {});
  for (let upTo = head?.headSeq ?? 0; upTo > 0;) {
    const documents = await ports.conversations.documents(conversationId, { above: 0, upTo, limit: PAGE });
    for (const { seq, retention } of documents) {
      const isAsked = retention?.required.includes(user) === true;
      if (!isAsked && retention?.consents.some((consent) => consent.user === user) !== true) continue;
      count += (await withdrawFor(ports, user, conversationId, seq, trace)) ? 1 : 0;
    }
    const last = documents.at(-1);
    if (documents.length < PAGE || last === undefined) break;
    upTo = last.seq - 1;
  }
  return count;
}

async function renameEntries(ports: Ports, conversationId: string, { user, alias }: Erased): Promise<void> {
  for (let after = 0, more = true; more;) {
    const page = await ports.conversations.entries(conversationId, after, PAGE);
    const named = page.filter((entry) => entry.user === user).slice(0, RENAMED_AT_ONCE);
    if (named.length > 0) {
      const { head } = await ports.conversations.look(conversationId, {});
      if (head === undefined) return;
      await ports.conversations.rewrite(head, { entries: named.map((entry) => ({ ...entry, user: alias })) });
      // Done, or the log has moved, or what is old was forgotten meanwhile: the page says.
      continue;
    }
    after = page.at(-1)?.seq ?? after;
    more = page.length === PAGE;
  }
}

async function renameCreator(ports: Ports, conversationId: string, { user, alias }: Erased): Promise<void> {
  for (;;) {
    const { head } = await ports.conversations.look(conversationId, {});
    if (head?.createdBy !== user) return;
    const step = { head, next: { ...head, createdBy: alias }, entries: [] };
    if (await ports.conversations.commit(step)) return;
  }
}
