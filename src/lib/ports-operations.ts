/** What the use cases of operators and their jobs need from the world; like ports.ts. */
import type { ErrorCode } from "./errors.js";
import type { Erasure } from "./domain/erasure.js";
import type { Failure, FailureState } from "./domain/failure.js";

/** A row together with the version that a compare-and-swap needs; as in ports.ts, which imports this. */
type Versioned<Row> = Row & { readonly etag: string };
type Trace = string | undefined;

export interface FailureFilter {
  readonly messageId?: string | undefined;
  readonly queue?: string | undefined;
  readonly reason?: string | undefined;
  readonly state?: FailureState | undefined;
  readonly from?: Date | undefined;
  readonly before?: Date | undefined;
}

export interface Failures {
  get(id: string): Promise<Versioned<Failure> | undefined>;
  /** Writes a failure; `known` is what was read. False when it has changed since, or is there already. */
  save(failure: Failure, known: Versioned<Failure> | undefined): Promise<boolean>;
  forget(failure: Versioned<Failure>): Promise<boolean>;
  /** Newest first; `after` is the last one of the page before. */
  page(
    filter: FailureFilter,
    options: { readonly limit: number; readonly after?: Pick<Failure, "id" | "at"> },
  ): Promise<readonly Failure[]>;
  /** What must be looked at by now: ended, left half done, or old. */
  toTend(now: Date, limit: number): Promise<readonly string[]>;
  /** What is to be redriven by itself by now. */
  toRetry(now: Date, limit: number): Promise<readonly string[]>;
}

export interface ParkedMessage {
  readonly sequenceNumber: string;
  readonly body: unknown;
  readonly trace: Trace;
}

/** The messages of `failed-messages`: nobody but these receive there. */
export interface ParkedMessages {
  /** Takes at most `most` that nobody has seen yet; `see` says what is done with each. Resolves to how many there were. */
  receive(most: number, see: (message: ParkedMessage) => Promise<"defer" | "complete">): Promise<number>;
  /** Locks one that is deferred. `gone` is for ever; `busy` passes. */
  take(
    sequenceNumber: string,
  ): Promise<(ParkedMessage & { complete(): Promise<void>; release(): Promise<void> }) | "gone" | "busy">;
  /** Its body, without touching it. */
  look(sequenceNumber: string): Promise<ParkedMessage | undefined>;
  /** Sends one that had failed back to its queue. The same `key` again is dropped by the broker. */
  sendBack(
    message: {
      readonly queue: string;
      readonly body: unknown;
      readonly session?: string;
      readonly key: string;
      readonly lifetimeMs: number;
    },
    trace: Trace,
  ): Promise<void>;
}

export interface Job {
  readonly id: string;
  readonly kind: "redrive-failures" | "discard-failures";
  readonly by: string;
  readonly state: "running" | "done";
  readonly createdAt: Date;
  readonly changedAt: Date;
  /** What it is about. */
  readonly filter: FailureFilter;
  /** How far it has come. */
  readonly place?: string;
  readonly found: number;
  readonly done: number;
  /** How many could not be done, by code. */
  readonly refused: Readonly<Partial<Record<ErrorCode, number>>>;
}

export interface Jobs {
  get(id: string): Promise<Versioned<Job> | undefined>;
  save(job: Job, known: Versioned<Job> | undefined): Promise<boolean>;
}

/** Accounts that are being erased, or have been: one row for each user. */
export interface Erasures extends Forgetful {
  get(user: string): Promise<Versioned<Erasure> | undefined>;
  save(erasure: Erasure, known: Versioned<Erasure> | undefined): Promise<boolean>;
  /** Some of those that run and have not come on since. */
  idleSince(before: Date, limit: number): Promise<readonly Erasure[]>;
}

/** Who did what to which id, and how it went. No content, ever. */
export interface AuditEntry {
  readonly at: Date;
  readonly actor: string;
  readonly action: string;
  /** Ids only. */
  readonly target: Readonly<Record<string, string>>;
  readonly outcome: string;
  readonly traceId?: string;
}

/** Who wants nothing of whom. */
export interface Blocks {
  add(blocker: string, blocked: string): Promise<void>;
  remove(blocker: string, blocked: string): Promise<void>;
  blockersOf(user: string): Promise<readonly string[]>;
  blockedBy(user: string): Promise<readonly string[]>;
}

/** Who said what where. `content` is the text, or of a file its SHA-256, hexadecimal. */
export interface Said {
  readonly conversationId: string;
  readonly messageId: string;
  readonly author: string;
  readonly content: string;
}

export interface Evidence {
  /** Undefined where there is no key. */
  proofOf(said: Said): string | undefined;
  proves(proof: string, said: Said): boolean;
}

/** A member's report of a message, without what the message said. */
export interface Report {
  /** The same for the same reporter and message: its inverted time, and a hash. */
  readonly id: string;
  readonly conversationId: string;
  readonly messageId: string;
  readonly author: string;
  readonly reporter: string;
  readonly reason: "spam" | "harassment" | "illegal" | "other";
  readonly kind: "text" | "file";
  readonly sentAt: Date;
  readonly at: Date;
  /** Absent when nothing can prove what it said. */
  readonly proof?: string;
}

export interface Reports extends Forgetful {
  /** False when it is there already. */
  add(report: Report): Promise<boolean>;
  get(id: string): Promise<Report | undefined>;
  /** By the time of their messages, newest first; `after` is the last id of the page before. */
  page(options: { readonly limit: number; readonly after?: string }): Promise<readonly Report[]>;
}

/** What is only kept for a while. */
export interface Forgetful {
  /** Removes some of what is older; the rest later. */
  forget(olderThan: Date): Promise<void>;
}

export interface AuditTrail extends Forgetful {
  add(entry: AuditEntry): Promise<void>;
  /** Newest first. */
  page(options: {
    readonly limit: number;
    readonly after?: string;
  }): Promise<readonly (AuditEntry & { readonly key: string })[]>;
}
