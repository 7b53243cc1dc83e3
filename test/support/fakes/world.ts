/**
 * Everything that the use cases need, in memory, with a fault that no real part can be made to show: a process that dies right
 * before or right after any one step. Everything else is tested with the real parts.
 */
import type {
  ClosedEnvelope,
  DeadlineEnvelope,
  FailureEnvelope,
  FileEnvelope,
  RetainedEnvelope,
  TextEnvelope,
} from "../../../src/lib/contracts/queue.js";
import type { Head, Member } from "../../../src/lib/domain/conversation.js";
import type { StoredFile } from "../../../src/lib/domain/file.js";
import type { MessageDocument, MessageIndex } from "../../../src/lib/domain/message.js";
import type { ScheduledText } from "../../../src/lib/domain/schedule.js";
import { atMost } from "../../../src/lib/use-cases/at-most.js";
import { forgetFrom } from "../../../src/lib/domain/forgetting.js";
import type {
  Dues,
  Entry,
  Expiry,
  Forgotten,
  LogStep,
  Ports,
  Request,
  Run,
  Slot,
  Stray,
  Versioned,
} from "../../../src/lib/ports.js";
import { metrics } from "../../../src/lib/metrics.js";
import { FakeFiles } from "./files.js";
import { Operations } from "./operations.js";

interface Row {
  head: Versioned<Head>;
  members: Map<string, Versioned<Member>>;
  entries: Entry[];
  documents: Map<number, MessageDocument>;
  indexes: Map<string, MessageIndex>;
  /** By minute and message, as the table has them. */
  expiries: Map<string, Expiry>;
  requests: Map<string, Request>;
  scheduled: Map<string, ScheduledText>;
  strays: Map<string, Stray>;
  /** The newest entry that is not kept any more. */
  forgotten: number;
  files: Map<string, Versioned<StoredFile>>;
}

export interface Published {
  readonly name: string;
  readonly event: { readonly conversationId: string; readonly seq?: number };
  readonly onlyTo?: string | undefined;
  readonly everywhere?: true | undefined;
}

/** The process died here. */
export class Death extends Error {
  override readonly name = "Death";
}

export class World {
  now = Date.UTC(2026, 10, 23, 12);
  readonly rows = new Map<string, Row>();
  readonly memberships = new Map<string, Set<string>>();
  readonly former = new Map<string, Set<string>>();
  /** By user and message. */
  readonly slots = new Map<string, Map<string, Slot & { readonly at: Date }>>();
  readonly dues = new Set<string>();
  readonly forgetting = new Set<string>();
  readonly texts: TextEnvelope[] = [];
  readonly deadlines: { envelope: DeadlineEnvelope; at: Date; key: string }[] = [];
  readonly moves: RetainedEnvelope[] = [];
  readonly runs: Run[] = [];
  readonly fileMessages: FileEnvelope[] = [];
  readonly closings: { envelope: ClosedEnvelope; key: string }[] = [];
  readonly files = new FakeFiles(
    (name, act) => this.#step(name, act),
    () => this.now,
  );
  /** What the broker holds for later, by its number. */
  readonly held = new Map<string, TextEnvelope>();
  readonly failures = new Map<string, FailureEnvelope>();
  readonly published: Published[] = [];
  readonly rooms = new Map<string, Set<string>>();
  /** How many steps have been taken. */
  steps = 0;
  /** Dies at this step: before it takes effect, or after. */
  deathAt: { readonly step: number; readonly when: "before" | "after" } | undefined;
  /** Steps that fail with this error instead of doing anything, by name. */
  readonly trouble = new Map<string, () => Error | undefined>();
  #etag = 0;

  readonly #recent = new Set<string>();
  readonly operations = new Operations((name, act) => this.#step(name, act));

  readonly ports: Ports = {
    ...this.operations.ports,
    metrics: metrics(),
    ...this.files.ports,
    policy: {
      textLifetimeMs: 24 * 3_600_000,
      retentionMs: 30 * 24 * 3_600_000,
      hookAfterMs: 30_000,
      auditMs: 365 * 24 * 3_600_000,
      fileLifetimeMs: 24 * 3_600_000,
      fileTypes: ["text/plain", "image/png"],
      filesPerDay: { files: 5, bytes: 1_000_000 },
    },
    hook: undefined,
    recent: { has: (key) => this.#recent.has(key), add: (key) => void this.#recent.add(key) },
    clock: { now: () => this.now, random: () => 0.5, wait: (ms) => Promise.resolve(void (this.now += ms)) },
    conversations: {
      create: (head, members, first) =>
        this.#step("create", () => {
          if (this.rows.has(head.conversationId)) return false;
          this.rows.set(head.conversationId, {
            head: this.#versioned(head),
            members: new Map(members.map((member) => [member.user, this.#versioned(member)])),
            entries: [first],
            documents: new Map(),
            indexes: new Map(),
            expiries: new Map(),
            requests: new Map(),
            scheduled: new Map(),
            strays: new Map(),
            forgotten: 0,
            files: new Map(),
          });
          return true;
        }),
      load: (id) =>
        this.#step("load", () => {
          const row = this.rows.get(id);
          return row === undefined ? undefined : { head: row.head, members: [...row.members.values()] };
        }),
      look: (id, { user, messageId, headless = false }) =>
        this.#step("look", () => {
          const row = this.rows.get(id);
          const member = user === undefined ? undefined : row?.members.get(user);
          const index = messageId === undefined ? undefined : row?.indexes.get(messageId);
          return {
            ...(row === undefined || headless ? {} : { head: row.head }),
            ...(member === undefined ? {} : { member }),
            ...(index === undefined ? {} : { index }),
          };
        }),
      commit: (step) => this.#step("commit", () => this.#commit(step)),
      addIndex: (id, index) =>
        this.#step("addIndex", () => {
          const row = this.rows.get(id);
          if (row?.indexes.has(index.messageId) !== false) return false;
          addIndex(row, index);
          return true;
        }),
      notePublished: (id, messageId, published) =>
        this.#step("notePublished", () => {
          const index = this.rows.get(id)?.indexes.get(messageId);
          if (index !== undefined) this.rows.get(id)?.indexes.set(messageId, { ...index, published });
        }),
      saveMember: (id, member) =>
        this.#step("saveMember", () => {
          const row = this.rows.get(id);
          if (row?.members.get(member.user)?.etag !== member.etag) return false;
          row.members.set(member.user, this.#versioned(member));
          return true;
        }),
      entries: (id, after, limit) =>
        this.#step("entries", () =>
          (this.rows.get(id)?.entries ?? []).filter(({ seq }) => seq > after).slice(0, limit),
        ),
      document: (id, seq) => this.#step("document", () => this.rows.get(id)?.documents.get(seq)),
      documents: (id, { above, upTo, limit }) =>
        this.#step("documents", () =>
          [...(this.rows.get(id)?.documents.values() ?? [])]
            .filter(({ seq }) => seq > above && seq <= upTo)
            .sort((a, b) => b.seq - a.seq)
            .slice(0, limit),
        ),
      countOfOthers: (id, above, author, limit) =>
        this.#step("countOfOthers", () =>
          Math.min(
            limit,
            [...(this.rows.get(id)?.documents.values() ?? [])].filter(
              (each) => each.seq > above && each.author !== author,
            ).length,
          ),
        ),
      expiries: (id, minute, limit) =>
        this.#step("expiries", () =>
          [...(this.rows.get(id)?.expiries.values() ?? [])].filter((each) => each.minute === minute).slice(0, limit),
        ),
      scheduledText: (id, author, messageId) =>
        this.#step("scheduledText", () => this.rows.get(id)?.scheduled.get(`${author} ${messageId}`)),
      scheduledTexts: (id, { author, limit }) =>
        this.#step("scheduledTexts", () =>
          [...(this.rows.get(id)?.scheduled.values() ?? [])]
            .filter((each) => author === undefined || each.author === author)
            .slice(0, limit),
        ),
      strays: (id, minute, limit) =>
        this.#step("strays", () =>
          [...(this.rows.get(id)?.strays.values() ?? [])].filter((each) => each.minute === minute).slice(0, limit),
        ),
      forget: (id, what) => this.#step("forget", () => forget(this.rows.get(id), what)),
      file: (id, fileId) => this.#step("file", () => this.rows.get(id)?.files.get(fileId)),
      createFile: (file) =>
        this.#step("createFile", () => {
          const row = this.rows.get(file.conversationId);
          if (row?.files.has(file.fileId) !== false) return false;
          row.files.set(file.fileId, this.#versioned(file));
          return true;
        }),
      saveFile: (file) =>
        this.#step("saveFile", () => {
          const row = this.rows.get(file.conversationId);
          if (row?.files.get(file.fileId)?.etag !== file.etag) return false;
          row.files.set(file.fileId, this.#versioned(file));
          return true;
        }),
      indexes: (id, after, limit) =>
        this.#step("indexes", () => pageById(this.rows.get(id)?.indexes, ({ messageId }) => messageId, after, limit)),
      files: (id, after, limit) =>
        this.#step("files", () => pageById(this.rows.get(id)?.files, ({ fileId }) => fileId, after, limit)),
      rewrite: (head, { entries = [], documents = [], indexes = [] }) =>
        this.#step("rewrite", () => {
          const row = this.rows.get(head.conversationId);
          if (row?.head.etag !== head.etag) return false;
          const isThere = [
            ...entries.map(({ seq }) => row.entries.some((each) => each.seq === seq)),
            ...documents.map(({ seq }) => row.documents.has(seq)),
            ...indexes.map(({ messageId }) => row.indexes.has(messageId)),
          ];
          if (!isThere.every(Boolean)) return false;
          row.head = this.#versioned(head);
          row.entries = row.entries.map((each) => entries.find(({ seq }) => seq === each.seq) ?? each);
          for (const document of documents) row.documents.set(document.seq, document);
          for (const index of indexes) row.indexes.set(index.messageId, index);
          return true;
        }),
      requests: (id, after, limit) =>
        this.#step("requests", () => pageById(this.rows.get(id)?.requests, ({ messageId }) => messageId, after, limit)),
    },
    memberships: {
      add: (user, id) => this.#step("membership.add", () => void this.#idsOf(user).add(id)),
      remove: (user, id) => this.#step("membership.remove", () => void this.#idsOf(user).delete(id)),
      page: (user, { limit }) => this.#step("membership.page", () => [...this.#idsOf(user)].slice(0, limit)),
      all: (user) => this.#step("membership.all", () => [...this.#idsOf(user)]),
    },
    former: {
      add: (user, id) => this.#step("former.add", () => void entry(this.former, user).add(id)),
      remove: (user, id) => this.#step("former.remove", () => void entry(this.former, user).delete(id)),
      page: (user, { after = "", limit }) =>
        this.#step("former.page", () =>
          [...entry(this.former, user)]
            .filter((id) => id > after)
            .sort((a, b) => (a < b ? -1 : 1))
            .slice(0, limit),
        ),
    },
    slots: {
      add: (user, slot, at) =>
        this.#step("slot.add", () => void this.#slotsOf(user).set(slot.messageId, { ...slot, at })),
      remove: (user, { messageId }) => this.#step("slot.remove", () => void this.#slotsOf(user).delete(messageId)),
      list: (user, limit) => this.#step("slot.list", () => [...this.#slotsOf(user).values()].slice(0, limit)),
    },
    dues: this.#duesIn(this.dues, "due"),
    purging: atMost(4),
    forgetting: this.#duesIn(this.forgetting, "forgetting"),
    runs: {
      add: (run) => this.#step("run.add", () => void this.runs.push(run)),
      page: ({ limit }) => this.#step("run.page", () => [...this.runs].reverse().slice(0, limit)),
      forget: () => this.#step("run.forget", () => undefined),
    },
    queues: {
      scheduleText: (envelope) =>
        this.#step("scheduleText", () => {
          const number = String(this.steps);
          this.held.set(number, envelope);
          return number;
        }),
      cancelText: (number) => this.#step("cancelText", () => void this.held.delete(number)),
      sendRetained: (envelope) =>
        this.#step("sendRetained", () => {
          const isKnown = this.moves.some(
            ({ message, version }) => message === envelope.message && version === envelope.version,
          );
          if (!isKnown) this.moves.push(envelope);
        }),
      sendFile: (envelope) =>
        this.#step("sendFile", () => {
          const isKnown = this.fileMessages.some(
            ({ id, attempt }) => id === envelope.id && attempt === envelope.attempt,
          );
          if (!isKnown) this.fileMessages.push(envelope);
        }),
      sendClosed: (envelope, key) =>
        this.#step("sendClosed", () => {
          if (!this.closings.some((closing) => closing.key === key)) this.closings.push({ envelope, key });
        }),
      sendText: (envelope) => this.#step("sendText", () => void this.texts.push(envelope)),
      scheduleDeadline: (envelope, at, key) =>
        this.#step("scheduleDeadline", () => {
          // The broker drops what it has seen.
          if (!this.deadlines.some((deadline) => deadline.key === key)) this.deadlines.push({ envelope, at, key });
        }),
      sendFailure: (failure, _lifetimeMs, trace) =>
        this.#step("sendFailure", () => {
          this.failures.set(failure.id, failure);
          this.operations.park(failure, trace);
        }),
    },
    realtime: {
      negotiate: () => Promise.reject(new Error("nobody connects here")),
      publish: (name, event, options) =>
        this.#step("publish", () => void this.published.push({ name, event, ...options })),
      admit: (id, users) =>
        this.#step("admit", () => {
          for (const user of users) this.#room(id).add(user);
        }),
      evict: (id, user) => this.#step("evict", () => void this.#room(id).delete(user)),
      disconnect: () => this.#step("disconnect", () => undefined),
      joinSocket: () => this.#step("joinSocket", () => undefined),
      leaveSocket: () => this.#step("leaveSocket", () => undefined),
    },
  };

  /** Throws unless the log of every conversation is gap-free and holds each message once, with document and index. */
  check(): void {
    for (const { head, entries, documents, indexes, forgotten } of this.rows.values()) {
      const seqs = entries.map(({ seq }) => seq);
      // What was forgotten was at the beginning.
      if (seqs.some((seq, n) => seq !== forgotten + n + 1) || seqs.length !== head.headSeq - forgotten)
        throw new Error(`a gap: ${seqs.join(" ")}`);
      const created = entries.filter(({ type }) => type === "message.created").map(({ messageId }) => messageId);
      if (new Set(created).size !== created.length) throw new Error("a message was logged twice");
      for (const [seq, { messageId }] of documents) {
        if (indexes.get(messageId)?.seq !== seq) throw new Error("an index and its document part ways");
      }
    }
  }

  #slotsOf(user: string): Map<string, Slot & { readonly at: Date }> {
    let slots = this.slots.get(user);
    if (slots === undefined) this.slots.set(user, (slots = new Map<string, Slot & { readonly at: Date }>()));
    return slots;
  }

  #duesIn(rows: Set<string>, name: string): Dues {
    return {
      add: (minute, id) => this.#step(`${name}.add`, () => void rows.add(`${minute} ${id}`)),
      remove: (minute, id) => this.#step(`${name}.remove`, () => void rows.delete(`${minute} ${id}`)),
      before: (minute, limit) =>
        this.#step(`${name}.before`, () =>
          [...rows]
            .map((due) => ({ minute: due.slice(0, 12), conversationId: due.slice(13) }))
            .filter((due) => due.minute < minute)
            .sort((a, b) => (a.minute < b.minute ? -1 : 1))
            .slice(0, limit),
        ),
    };
  }

  #step<Result>(name: string, act: () => Result): Promise<Result> {
    this.steps += 1;
    const dies = this.deathAt?.step === this.steps ? this.deathAt.when : undefined;
    // A process takes what it remembers with it.
    if (dies !== undefined) this.#recent.clear();
    if (dies === "before") return Promise.reject(new Death());
    const trouble = this.trouble.get(name)?.();
    if (trouble !== undefined) return Promise.reject(trouble);
    const result = act();
    return dies === "after" ? Promise.reject(new Death()) : Promise.resolve(result);
  }

  #commit(step: LogStep): boolean {
    const row = this.rows.get(step.head.conversationId);
    if (row?.head.etag !== step.head.etag) return false;
    if (!canApply(row, step)) return false;
    row.head = this.#versioned(step.next);
    row.entries.push(...step.entries);
    applyMessages(row, step);
    for (const file of step.filesChanged ?? []) row.files.set(file.fileId, this.#versioned(file));
    for (const member of step.membersAdded ?? []) row.members.set(member.user, this.#versioned(member));
    for (const user of step.membersRemoved ?? []) row.members.delete(user);
    return true;
  }

  #versioned<Of>(row: Of): Versioned<Of> {
    this.#etag += 1;
    return { ...row, etag: String(this.#etag) };
  }

  #idsOf(user: string): Set<string> {
    return entry(this.memberships, user);
  }

  #room(id: string): Set<string> {
    return entry(this.rooms, id);
  }
}

function applyMessages(row: Row, step: LogStep): void {
  const { documents = [], documentsChanged = [], indexes = [], indexesChanged = [] } = step;
  for (const document of [...documents, ...documentsChanged]) row.documents.set(document.seq, document);
  for (const index of indexes) addIndex(row, index);
  for (const index of indexesChanged) row.indexes.set(index.messageId, index);
  const { scheduledPut = [], scheduledRemoved = [] } = step;
  for (const { author, messageId } of scheduledRemoved) row.scheduled.delete(`${author} ${messageId}`);
  for (const text of scheduledPut) row.scheduled.set(`${text.author} ${text.messageId}`, text);
  const { expiriesMet = [], expiriesAdded = [], requestsClosed = [], requestsOpened = [] } = step;
  for (const expiry of expiriesMet) row.expiries.delete(keyOf(expiry));
  for (const expiry of expiriesAdded) row.expiries.set(keyOf(expiry), expiry);
  for (const request of requestsClosed) row.requests.delete(request.messageId);
  for (const request of requestsOpened) row.requests.set(request.messageId, request);
}

function addIndex(row: Row, index: MessageIndex): void {
  row.indexes.set(index.messageId, index);
  if (index.seq === undefined)
    row.strays.set(index.messageId, { minute: forgetFrom(index.at), messageId: index.messageId });
}

/** All or nothing: what is to be removed must be there. */
function forget(row: Row | undefined, { entries, messages, strays }: Forgotten): boolean {
  if (row === undefined) return false;
  const isThere =
    entries.every((seq) => row.entries.some((each) => each.seq === seq)) &&
    messages.every(({ messageId, seq, isFile }) =>
      [row.documents.has(seq), row.indexes.has(messageId), !isFile || row.files.has(messageId)].every(Boolean),
    ) &&
    strays.every(({ messageId, isFile }) =>
      [row.strays.has(messageId), row.indexes.has(messageId), !isFile || row.files.has(messageId)].every(Boolean),
    );
  if (!isThere) return false;
  row.entries = row.entries.filter(({ seq }) => !entries.includes(seq));
  row.forgotten = Math.max(row.forgotten, ...entries);
  for (const { seq, messageId } of messages) {
    row.documents.delete(seq);
    row.files.delete(messageId);
  }
  for (const { messageId } of [...messages, ...strays]) row.indexes.delete(messageId);
  for (const { messageId, isFile } of strays) {
    row.strays.delete(messageId);
    if (isFile) row.files.delete(messageId);
  }
  return true;
}

const keyOf = ({ minute, messageId }: Expiry): string => `${minute}|${messageId}`;

/** A transaction fails whole: on what is there already, and on what is to be deleted and is not. */
function canApply(row: Row, step: LogStep): boolean {
  const { documents = [], indexes = [], expiriesAdded = [], requestsOpened = [], filesChanged = [] } = step;
  if (filesChanged.some(({ fileId, etag }) => row.files.get(fileId)?.etag !== etag)) return false;
  const isTaken =
    documents.some(({ seq }) => row.documents.has(seq)) ||
    indexes.some(({ messageId }) => row.indexes.has(messageId)) ||
    expiriesAdded.some((expiry) => row.expiries.has(keyOf(expiry))) ||
    requestsOpened.some(({ messageId }) => row.requests.has(messageId));
  const { expiriesMet = [], requestsClosed = [], scheduledRemoved = [] } = step;
  const isMissing =
    expiriesMet.some((expiry) => !row.expiries.has(keyOf(expiry))) ||
    requestsClosed.some(({ messageId }) => !row.requests.has(messageId)) ||
    scheduledRemoved.some(({ author, messageId }) => !row.scheduled.has(`${author} ${messageId}`));
  return !isTaken && !isMissing;
}

function pageById<Of>(
  rows: ReadonlyMap<string, Of> | undefined,
  idOf: (row: Of) => string,
  after: string | undefined,
  limit: number,
): readonly Of[] {
  return [...(rows?.values() ?? [])]
    .sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1))
    .filter((each) => after === undefined || idOf(each) > after)
    .slice(0, limit);
}

function entry(map: Map<string, Set<string>>, key: string): Set<string> {
  let set = map.get(key);
  if (set === undefined) map.set(key, (set = new Set()));
  return set;
}
