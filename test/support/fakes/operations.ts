/** What operators' use cases need, in memory; part of the world. */
import type { Erasure } from "../../../src/lib/domain/erasure.js";
import { evidenceOf } from "../../../src/lib/evidence.js";
import { retryAt, tendAt, type Failure } from "../../../src/lib/domain/failure.js";
import type {
  AuditEntry,
  AuditTrail,
  Blocks,
  Erasures,
  Evidence,
  Forgetful,
  Failures,
  Job,
  Jobs,
  ParkedMessages,
  Report,
  Reports,
} from "../../../src/lib/ports-operations.js";
import type { Versioned } from "../../../src/lib/ports.js";

type Step = <Result>(name: string, act: () => Result) => Promise<Result>;

export interface SentBack {
  readonly queue: string;
  readonly body: unknown;
  readonly session?: string;
  readonly key: string;
  readonly lifetimeMs: number;
}

export class Operations {
  /** What lies in `failed-messages`, by number. */
  readonly inQueue = new Map<string, { body: unknown; trace: string | undefined; isDeferred: boolean }>();
  readonly failures = new Map<string, Versioned<Failure>>();
  readonly sentBack: SentBack[] = [];
  readonly jobs = new Map<string, Versioned<Job>>();
  readonly erasures = new Map<string, Versioned<Erasure>>();
  readonly reports = new Map<string, Report>();
  readonly audit: AuditEntry[] = [];
  /** Blocker and blocked. */
  readonly blocks = new Set<string>();
  #number = 0;
  #etag = 0;
  readonly #step: Step;

  constructor(step: Step) {
    this.#step = step;
  }

  park(body: unknown, trace?: string): string {
    const number = String(++this.#number);
    this.inQueue.set(number, { body, trace, isDeferred: false });
    return number;
  }

  readonly ports: {
    failures: Failures;
    parked: ParkedMessages;
    jobs: Jobs;
    erasures: Erasures;
    reports: Reports;
    evidence: Evidence;
    audit: AuditTrail;
    buckets: Forgetful;
    blocks: Blocks;
  } = {
    failures: {
      get: (id) => this.#step("failure.get", () => this.failures.get(id)),
      save: (failure, known) => this.#step("failure.save", () => this.#swap(this.failures, failure, known)),
      forget: ({ id, etag }) =>
        this.#step("failure.forget", () => this.failures.get(id)?.etag === etag && this.failures.delete(id)),
      page: (filter, { limit, after }) =>
        this.#step("failure.page", () =>
          [...this.failures.values()]
            .sort((a, b) => b.at.getTime() - a.at.getTime() || (a.id < b.id ? -1 : 1))
            .filter(
              (each) =>
                (filter.messageId === undefined || each.messageId === filter.messageId) &&
                (filter.state === undefined || each.state === filter.state) &&
                (filter.queue === undefined || each.queue === filter.queue) &&
                (filter.reason === undefined || each.reason === filter.reason) &&
                (after === undefined || each.at < after.at || (+each.at === +after.at && each.id > after.id)),
            )
            .slice(0, limit),
        ),
      toTend: (now, limit) => this.#step("failure.toTend", () => this.#due(tendAt, now, limit)),
      toRetry: (now, limit) => this.#step("failure.toRetry", () => this.#due(retryAt, now, limit)),
    },
    parked: {
      receive: async (most, see) => {
        let count = 0;
        for (const [sequenceNumber, message] of [...this.inQueue].slice(0, most)) {
          if (message.isDeferred) continue;
          const fate = await see({ sequenceNumber, body: message.body, trace: message.trace });
          await this.#step("parked.settle", () => {
            if (fate === "defer") message.isDeferred = true;
            else this.inQueue.delete(sequenceNumber);
          });
          count += 1;
        }
        return count;
      },
      take: (sequenceNumber) =>
        this.#step("parked.take", () => {
          const message = this.inQueue.get(sequenceNumber);
          if (message === undefined) return "gone";
          if (!message.isDeferred) return "busy";
          return {
            sequenceNumber,
            body: message.body,
            trace: message.trace,
            complete: () => this.#step("parked.complete", () => void this.inQueue.delete(sequenceNumber)),
            release: () => Promise.resolve(),
          };
        }),
      look: (sequenceNumber) =>
        this.#step("parked.look", () => {
          const message = this.inQueue.get(sequenceNumber);
          return message === undefined ? undefined : { sequenceNumber, body: message.body, trace: message.trace };
        }),
      sendBack: (message) =>
        this.#step("parked.sendBack", () => {
          // The broker drops what it has seen.
          if (!this.sentBack.some(({ key }) => key === message.key)) this.sentBack.push(message);
        }),
    },
    jobs: {
      get: (id) => this.#step("job.get", () => this.jobs.get(id)),
      save: (job, known) => this.#step("job.save", () => this.#swap(this.jobs, job, known)),
    },
    erasures: {
      get: (user) => this.#step("erasure.get", () => this.erasures.get(user)),
      save: (erasure, known) =>
        this.#step("erasure.save", () => {
          if (this.erasures.get(erasure.user)?.etag !== known?.etag) return false;
          this.erasures.set(erasure.user, { ...erasure, etag: String(++this.#etag) });
          return true;
        }),
      idleSince: (before) =>
        this.#step("erasure.idleSince", () =>
          [...this.erasures.values()].filter(({ state, changedAt }) => state === "running" && changedAt < before),
        ),
      forget: (olderThan) =>
        this.#step("erasure.forget", () => {
          for (const { user, state, changedAt } of [...this.erasures.values()])
            if (state === "done" && changedAt < olderThan) this.erasures.delete(user);
        }),
    },
    evidence: evidenceOf(["a key for tests, as long as it must be"]),
    reports: {
      add: (report) =>
        this.#step("report.add", () => {
          if (this.reports.has(report.id)) return false;
          this.reports.set(report.id, report);
          return true;
        }),
      get: (id) => this.#step("report.get", () => this.reports.get(id)),
      page: ({ limit }) => this.#step("report.page", () => [...this.reports.values()].slice(0, limit)),
      forget: () => this.#step("report.forget", () => undefined),
    },
    blocks: {
      add: (by, of) => this.#step("block.add", () => void this.blocks.add(`${by} ${of}`)),
      remove: (by, of) => this.#step("block.remove", () => void this.blocks.delete(`${by} ${of}`)),
      blockersOf: (user) =>
        this.#step("block.blockersOf", () => [...this.blocks].filter((pair) => pair.endsWith(` ${user}`)).map(first)),
      blockedBy: (user) =>
        this.#step("block.blockedBy", () => [...this.blocks].filter((pair) => first(pair) === user).map(second)),
    },
    buckets: { forget: () => this.#step("bucket.forget", () => undefined) },
    audit: {
      add: (entry) => this.#step("audit.add", () => void this.audit.push(entry)),
      page: ({ limit }) =>
        this.#step("audit.page", () => this.audit.slice(0, limit).map((entry, n) => ({ ...entry, key: String(n) }))),
      forget: () => this.#step("audit.forget", () => undefined),
    },
  };

  #swap<Row extends { readonly id: string }>(
    rows: Map<string, Versioned<Row>>,
    row: Row,
    known: Versioned<Row> | undefined,
  ): boolean {
    if (rows.get(row.id)?.etag !== known?.etag) return false;
    rows.set(row.id, { ...row, etag: String(++this.#etag) });
    return true;
  }

  #due(at: (failure: Failure) => Date | undefined, now: Date, limit: number): readonly string[] {
    return [...this.failures.values()]
      .filter((failure) => (at(failure)?.getTime() ?? Infinity) <= now.getTime())
      .slice(0, limit)
      .map(({ id }) => id);
  }
}

const first = (pair: string): string => pair.split(" ")[0] ?? "";
const second = (pair: string): string => pair.split(" ")[1] ?? "";
