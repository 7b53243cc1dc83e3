/**
 * What the use cases need from the world, in their own words. One real adapter each, in `azure/`.
 *
 * Every port method either did what it says, or threw: `dependency-unavailable` (DayflyError) when waiting may help, anything
 * else when it will not. Deliberately not here: transactions over two services, caching, and anything about where it runs.
 */
import type { ChangeType, NegotiationShape, ServerEventName, ServerEvents } from "./contracts/shapes.js";
import type {
  ClosedEnvelope,
  DeadlineEnvelope,
  FailureEnvelope,
  FileEnvelope,
  RetainedEnvelope,
  TextEnvelope,
} from "./contracts/queue.js";
import type { Head, Member } from "./domain/conversation.js";
import type { StoredFile } from "./domain/file.js";
import type { MessageDocument, MessageIndex } from "./domain/message.js";
import type { ScheduledText } from "./domain/schedule.js";
import type { Metrics } from "./metrics.js";
import type {
  AuditTrail,
  Blocks,
  Erasures,
  Evidence,
  Failures,
  Forgetful,
  Jobs,
  ParkedMessages,
  Reports,
} from "./ports-operations.js";

/** A row together with the version that a compare-and-swap needs. */
export type Versioned<Row> = Row & { readonly etag: string };

export interface Entry {
  readonly seq: number;
  readonly type: ChangeType;
  readonly messageId?: string;
  /** Where the message's document is: the `seq` under which it was created. */
  readonly messageSeq?: number;
  /** Whose view of a file was opened or closed. */
  readonly user?: string;
  /** Why a view of a file was closed, or the file deleted. */
  readonly reason?: string;
  readonly at: Date;
}

/** One step of a conversation's log: all of it happens, or nothing, if the head is still the one that was read. */
export interface LogStep {
  readonly head: Versioned<Head>;
  /** The head afterwards. */
  readonly next: Head;
  readonly entries: readonly Entry[];
  readonly documents?: readonly MessageDocument[];
  readonly indexes?: readonly MessageIndex[];
  /** Replaced, not new. */
  readonly documentsChanged?: readonly MessageDocument[];
  readonly indexesChanged?: readonly MessageIndex[];
  /** Which message a deadline must find: added with a document, removed with its end. */
  readonly expiriesAdded?: readonly Expiry[];
  readonly expiriesMet?: readonly Expiry[];
  /** Messages that some want to keep and not yet all. */
  readonly requestsOpened?: readonly Request[];
  readonly requestsClosed?: readonly Request[];
  /** Texts that wait for their time: written, new or not, and removed. */
  readonly scheduledPut?: readonly ScheduledText[];
  readonly scheduledRemoved?: readonly Pick<ScheduledText, "author" | "messageId">[];
  /** Each on the condition that its row has not changed since. */
  readonly filesChanged?: readonly Versioned<StoredFile>[];
  readonly membersAdded?: readonly Member[];
  readonly membersRemoved?: readonly string[];
}

export interface Expiry {
  readonly minute: string;
  readonly messageId: string;
  readonly seq: number;
}

export interface Request {
  readonly messageId: string;
  readonly seq: number;
}

/** An id whose message never came into the log. */
export interface Stray {
  readonly minute: string;
  readonly messageId: string;
}

/** What is removed for good: log entries, and of messages that have ended what is left of them. */
export interface Forgotten {
  readonly entries: readonly number[];
  readonly messages: readonly { readonly messageId: string; readonly seq: number; readonly isFile: boolean }[];
  readonly strays: readonly (Stray & { readonly isFile: boolean })[];
}

export interface Conversations {
  /** Creates head, members and the first log entry at once; false when the id is taken. */
  create(head: Head, members: readonly Member[], first: Entry): Promise<boolean>;
  /** The head with all members, in one query. */
  load(conversationId: string): Promise<{ head: Versioned<Head>; members: readonly Versioned<Member>[] } | undefined>;
  /** The head, one member and one message id, at once; `headless` leaves the head out. */
  look(
    conversationId: string,
    what: { readonly user?: string; readonly messageId?: string; readonly headless?: boolean },
  ): Promise<{ head?: Versioned<Head>; member?: Versioned<Member>; index?: MessageIndex }>;
  /** False when the head has moved: look again and decide again. */
  commit(step: LogStep): Promise<boolean>;
  /** Notes that a message's event is still to be published, or when it was; only where it was late. */
  notePublished(conversationId: string, messageId: string, at: Date | "pending"): Promise<void>;
  /** Writes a message id that never got a document; false when the id is known already. */
  addIndex(conversationId: string, index: MessageIndex): Promise<boolean>;
  /** Compare-and-swap of one member's row; false when it has changed or is gone. */
  saveMember(conversationId: string, member: Versioned<Member>): Promise<boolean>;
  entries(conversationId: string, after: number, limit: number): Promise<readonly Entry[]>;
  document(conversationId: string, seq: number): Promise<MessageDocument | undefined>;
  /** Documents with `above < seq <= upTo`, newest first. */
  documents(
    conversationId: string,
    range: { readonly above: number; readonly upTo: number; readonly limit: number },
  ): Promise<readonly MessageDocument[]>;
  /** How many of at most `limit` documents above `seq` are by others than `author`. */
  countOfOthers(conversationId: string, above: number, author: string, limit: number): Promise<number>;
  expiries(conversationId: string, minute: string, limit: number): Promise<readonly Expiry[]>;
  /** One text of the author that waits for its time. */
  scheduledText(conversationId: string, author: string, messageId: string): Promise<ScheduledText | undefined>;
  /** The author's waiting texts by id; `after` is the last id of the page before. */
  scheduledTexts(
    conversationId: string,
    options: { readonly author?: string; readonly after?: string; readonly limit: number },
  ): Promise<readonly ScheduledText[]>;
  /** Ids that lead to no place in the log and may be forgotten from this minute on. */
  strays(conversationId: string, minute: string, limit: number): Promise<readonly Stray[]>;
  /** Removes what messages have left behind, all or nothing; false when some of it was not there any more: look again. */
  forget(conversationId: string, what: Forgotten): Promise<boolean>;
  file(conversationId: string, fileId: string): Promise<Versioned<StoredFile> | undefined>;
  /** False when the id is taken by another file. */
  createFile(file: StoredFile): Promise<boolean>;
  /** Compare-and-swap of a file's row; false when it has changed. What the log tells of goes through `commit`. */
  saveFile(file: Versioned<StoredFile>): Promise<boolean>;
  /** Where ids lead, by id; `after` is the last id of the page before. */
  indexes(conversationId: string, after: string | undefined, limit: number): Promise<readonly MessageIndex[]>;
  /** The same of files, of whatever state. */
  files(conversationId: string, after: string | undefined, limit: number): Promise<readonly Versioned<StoredFile>[]>;
  /** Writes rows again that are there, all or nothing: false when the head has moved, or one of them is gone. */
  rewrite(
    head: Versioned<Head>,
    rows: {
      readonly entries?: readonly Entry[];
      readonly documents?: readonly MessageDocument[];
      readonly indexes?: readonly MessageIndex[];
    },
  ): Promise<boolean>;
  /** Messages with an open request to keep them; `after` is the last id of the page before. */
  requests(conversationId: string, after: string | undefined, limit: number): Promise<readonly Request[]>;
}

/** Which conversations a user is in. A row counts only while the conversation has the member's row. */
export interface Memberships {
  add(user: string, conversationId: string): Promise<void>;
  remove(user: string, conversationId: string): Promise<void>;
  /** Newest conversation first; `after` is the last id of the page before. */
  page(user: string, options: { readonly after?: string; readonly limit: number }): Promise<readonly string[]>;
  all(user: string): Promise<readonly string[]>;
}

/** Which conversations a user was in. Written before the membership goes. */
export interface Former {
  add(user: string, conversationId: string, at: Date): Promise<void>;
  remove(user: string, conversationId: string): Promise<void>;
  /** By id; `after` is the last id of the page before. */
  page(user: string, options: { readonly after?: string; readonly limit: number }): Promise<readonly string[]>;
}

/** One of the places that a user has for texts that wait. */
export interface Slot {
  readonly conversationId: string;
  readonly messageId: string;
}

/** The texts that a user has waiting, in all conversations. */
export interface Slots {
  add(user: string, slot: Slot, at: Date): Promise<void>;
  remove(user: string, slot: Slot): Promise<void>;
  list(user: string, limit: number): Promise<readonly (Slot & { readonly at: Date })[]>;
}

/** What must happen and when, findable without the broker: a row before the write that it is for, so that nothing is scanned. */
export interface Dues {
  add(minute: string, conversationId: string): Promise<void>;
  remove(minute: string, conversationId: string): Promise<void>;
  /** What was due in a minute before this one and is still there, oldest first. */
  before(minute: string, limit: number): Promise<readonly Due[]>;
}

export interface Due {
  readonly minute: string;
  readonly conversationId: string;
}

/** One run of a job that nobody asked for: what an operator may want to know of it. */
export interface Run {
  readonly job: "sweep" | "clean-up" | "sweep-files";
  readonly startedAt: Date;
  readonly tookMs: number;
  /**
   * How many minutes of conversations were due: `sweep` sets their deadlines again, `clean-up` forgets what has ended. How many
   * blobs and files were wrong: `sweep-files`.
   */
  readonly lookedAt: number;
  /** How many messages it has removed for good. A sweep leaves that to the deadlines. */
  readonly purged: number;
  /** How late the oldest was, in milliseconds; 0 with none. */
  readonly lateByMs: number;
}

export interface Runs {
  add(run: Run): Promise<void>;
  /** Newest first. */
  page(options: { readonly limit: number; readonly before?: Date }): Promise<readonly Run[]>;
  /** Removes a few of those that are older; the rest later. */
  forget(olderThan: Date): Promise<void>;
}

export interface FileName {
  readonly conversationId: string;
  readonly fileId: string;
}

/**
 * Which files are not over yet, by conversation. Written before a file's row, removed when nothing of it is left to do: a name
 * without a row says nothing.
 */
export interface LiveFiles {
  add(file: FileName): Promise<void>;
  remove(file: FileName): Promise<void>;
  of(conversationId: string): Promise<readonly string[]>;
  /** All of them; `after` is the last one of the page before. */
  page(after: FileName | undefined, limit: number): Promise<readonly (FileName & { readonly addedAt: Date })[]>;
}

export interface SocketView extends FileName {
  readonly viewId: string;
}

/** Which views a socket has, so that its end is theirs. Only a hint: a view that is missing here ends with its lease. */
export interface SocketViews {
  add(socketId: string, view: SocketView): Promise<void>;
  remove(socketId: string, view: SocketView): Promise<void>;
  of(socketId: string): Promise<readonly SocketView[]>;
}

export interface Usage {
  readonly files: number;
  readonly bytes: number;
}

/** How much a user has sent on a day (UTC, `2026-11-24`). */
export interface Usages {
  /** Adds to it, unless that would be more than `most`; answers what there was before. */
  take(user: string, day: string, more: Usage, most: Usage): Promise<Usage & { readonly taken: boolean }>;
  /** Removes what is known of all days. */
  remove(user: string): Promise<void>;
}

export interface StoredBlob {
  readonly name: string;
  readonly modifiedAt: Date;
}

/**
 * The bytes of files: a container to which clients upload, and one from which readers read. Names start with
 * `{conversation}/{file}`.
 */
export interface Blobs {
  /** A URL with which one request may create this staging blob, and no more, until then. */
  uploadUrl(
    staged: string,
    contentType: string,
    until: Date,
  ): Promise<{ readonly url: string; readonly headers: Readonly<Record<string, string>> }>;
  stagedSize(staged: string): Promise<number | undefined>;
  /** Copies what is staged, unless the copy is there already. False when nothing is staged. */
  copy(staged: string, blob: string): Promise<boolean>;
  /** The copy's bytes. */
  contents(blob: string): Promise<AsyncIterable<Uint8Array>>;
  /** Sets what readers' browsers go by. */
  dress(blob: string, headers: { readonly contentType: string; readonly disposition: string }): Promise<void>;
  /** A URL with which the copy may be read until then. */
  readUrl(blob: string, until: Date): Promise<string>;
  /** Resolves when the copy is gone for certain. */
  remove(blob: string): Promise<void>;
  /** Puts an empty blob there, so that an upload URL that still is good cannot put anything. */
  emptyStaging(staged: string): Promise<void>;
  removeStaging(staged: string): Promise<void>;
  /** All blobs of a container, page by page. */
  list(container: "staging" | "files"): AsyncIterable<readonly StoredBlob[]>;
}

export type Verdict = "clean" | "malicious" | "pending";

/** Says whether a file is harmless. What has no verdict is not delivered. */
export interface Scanner {
  verdictOn(blob: string): Promise<Verdict>;
}

/** W3C trace context of the work that a message belongs to. */
export type Trace = string | undefined;

export interface Queues {
  /** Sends one text: session = conversation, TTL = until `endsAt`, broker id = what makes it the same text. */
  sendText(envelope: TextEnvelope, trace: Trace): Promise<void>;
  /** Has the broker hold a text until `at`; answers the broker's number for it. */
  scheduleText(envelope: TextEnvelope, at: Date, trace: Trace): Promise<string>;
  /** Takes back what is held, if it still is. */
  cancelText(sequenceNumber: string): Promise<void>;
  /** Moves a text whose agreement is complete; the broker drops a repetition. */
  sendRetained(envelope: RetainedEnvelope, trace: Trace): Promise<void>;
  /** Sends a file that is complete and checked, at `at` or now; the broker drops a repetition of the same attempt. */
  sendFile(envelope: FileEnvelope, trace: Trace, at?: Date): Promise<void>;
  /** Has the file's deletion decided; `key` tells duplicates, which the broker drops. */
  sendClosed(envelope: ClosedEnvelope, key: string, trace: Trace): Promise<void>;
  /** Sends a deadline to be handled at `at`; `key` tells duplicates, which the broker drops. */
  scheduleDeadline(envelope: DeadlineEnvelope, at: Date, key: string, trace: Trace): Promise<void>;
  sendFailure(failure: FailureEnvelope, lifetimeMs: number, trace: Trace): Promise<void>;
}

export interface Realtime {
  negotiate(user: string): Promise<NegotiationShape>;
  /**
   * One event to everyone in the conversation's room, or to one user's sockets there, or in whatever room: that is a broadcast, of
   * which the service takes few. Accepted is not delivered.
   */
  publish<Name extends ServerEventName>(
    name: Name,
    event: ServerEvents[Name],
    options?: { readonly onlyTo?: string; readonly everywhere?: true; readonly trace?: Trace },
  ): Promise<void>;
  /** Puts every socket of the users into the conversation's room. */
  admit(conversationId: string, users: readonly string[]): Promise<void>;
  /** Takes every socket of the user out of the conversation's room. */
  evict(conversationId: string, user: string): Promise<void>;
  /** Closes every connection of the user. */
  disconnect(user: string): Promise<void>;
  /** Puts one socket into the rooms, if it is the user's; takes it out of them. */
  joinSocket(user: string, socketId: string, conversationIds: readonly string[]): Promise<void>;
  leaveSocket(user: string, socketId: string, conversationIds: readonly string[]): Promise<void>;
}

/** Ids only: who waits for which message. */
export interface HookNotice {
  readonly conversationId: string;
  readonly messageId: string;
  readonly seq: number;
  readonly author: string;
  /** Its recipients who have not acknowledged it. */
  readonly users: readonly string[];
  readonly expiresAt: string;
}

/** The app's own push service. Never throws. */
export interface Hook {
  /** `later`: it did not take it, try again. `gone`: it wants no more of this. @param id the same for each try */
  tell(id: string, notice: HookNotice): Promise<"taken" | "later" | "gone">;
}

export interface Clock {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Resolves after `ms`. */
  readonly wait: (ms: number) => Promise<void>;
  /** At least 0, below 1: for jitter. */
  readonly random: () => number;
}

/**
 * What this process has done lately, so as not to do it again at once. Only for what is harmless to repeat and never undone
 * while it is remembered; forgetting is always allowed.
 */
export interface Recent {
  readonly has: (key: string) => boolean;
  readonly add: (key: string) => void;
}

/** One thing that the backend cannot do without. `probe` resolves when it answers. */
export interface Dependency {
  readonly name: string;
  readonly probe: () => Promise<void>;
}

/** What the people who run it have decided. */
export interface Policy {
  /** How long a text lives that not all agree to keep, in milliseconds: a day at most. */
  readonly textLifetimeMs: number;
  /** How long a text is kept that all have agreed to keep, in milliseconds. */
  readonly retentionMs: number;
  /** How long the audit trail is kept. */
  readonly auditMs: number;
  /** How long after its delivery a message counts as not heard of, in milliseconds. */
  readonly hookAfterMs: number;
  /** How long a file lives that nobody closes, in milliseconds. */
  readonly fileLifetimeMs: number;
  /** Media types of which files are taken. */
  readonly fileTypes: readonly string[];
  /** What one user may send on one day. */
  readonly filesPerDay: Usage;
}

export interface Ports {
  readonly conversations: Conversations;
  readonly memberships: Memberships;
  readonly former: Former;
  readonly slots: Slots;
  readonly dues: Dues;
  /** What has ended, by the minute from which on it may be forgotten. */
  readonly forgetting: Dues;
  /** Runs a purge when it is its turn: many texts that end together must not be in the way of those who write. */
  readonly purging: <Result>(purge: () => Promise<Result>) => Promise<Result>;
  readonly runs: Runs;
  readonly failures: Failures;
  readonly parked: ParkedMessages;
  readonly jobs: Jobs;
  readonly erasures: Erasures;
  readonly reports: Reports;
  readonly evidence: Evidence;
  readonly audit: AuditTrail;
  readonly blocks: Blocks;
  readonly buckets: Forgetful;
  readonly liveFiles: LiveFiles;
  readonly socketViews: SocketViews;
  readonly usages: Usages;
  readonly blobs: Blobs;
  readonly scanner: Scanner;
  readonly queues: Queues;
  readonly realtime: Realtime;
  /** Undefined when nobody is to be told. */
  readonly hook: Hook | undefined;
  readonly recent: Recent;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly policy: Policy;
}
