/** What operators send, and what they get. */
import { z } from "zod";
import { FAILURE_STATES, type FailureState } from "../domain/failure.js";
import type { LifeEventShape, ReportShape, RunShape } from "./shapes.js";
import { id, sha256 } from "./fields.js";
import { Page } from "./http.js";

const name = z.string({ error: "must be a string" }).regex(/^[\w-]{1,100}$/, { error: "must be a name" });
const time = z.iso
  .datetime({ offset: true, error: "must be a time in ISO 8601 with its offset, like 2026-11-24T08:00:00Z" })
  .transform((value) => new Date(value));

const filter = { queue: name.optional(), reason: name.optional(), from: time.optional(), before: time.optional() };

export const FailuresQuery = Page.extend({
  ...filter,
  state: z.enum(FAILURE_STATES, { error: `must be one of ${FAILURE_STATES.join(", ")}` }).optional(),
});
export type FailuresQuery = z.infer<typeof FailuresQuery>;

/** Which parked failures a job is about; with `dryRun` they are only counted. */
export const FailuresJob = z.object({ ...filter, dryRun: z.boolean({ error: "must be true or false" }).optional() });
export type FailuresJob = z.infer<typeof FailuresJob>;

export const FailurePath = z.object({
  failure: z.string().regex(/^[0-9a-f]{32}$/, { error: "must be 32 hexadecimal digits" }),
});
/** `content=true` also shows what the message says, and is audited. */
export const FailureQuery = z.object({
  content: z.enum(["true", "false"], { error: "must be true or false" }).optional(),
});
export const JobPath = z.object({ job: id });

export interface FailureShape {
  readonly id: string;
  readonly queue: string;
  /** A code of docs/errors.md. */
  readonly reason: string;
  readonly detail: string;
  readonly messageId?: string;
  readonly conversationId?: string;
  readonly state: FailureState;
  /** Since when it is in this state. */
  readonly stateAt: string;
  /** When it failed first, and last. */
  readonly at: string;
  readonly lastAt: string;
  /** Deliveries that failed, over all redrives. */
  readonly attempts: number;
  readonly redrives: number;
  /** When the message's time is over: a text expires then, a command is dropped. */
  readonly endsAt: string;
  /** Redriven by itself when the trouble is over. */
  readonly isTransient: boolean;
  readonly traceId?: string;
  /** The message's life so far; of one failure alone. */
  readonly events?: readonly LifeEventShape[];
  /** The message as it came; only when asked for. */
  readonly content?: unknown;
}

export const MessageQuery = z.object({ conversation: id });
export const OperatorMessagePath = z.object({ message: id });

/** One message's life for an operator: never what it says. */
export interface OperatorMessageShape {
  readonly id: string;
  readonly conversationId: string;
  readonly author?: string;
  readonly state?: string;
  readonly traceId?: string;
  readonly events: readonly LifeEventShape[];
  readonly failures: readonly FailureShape[];
}

export interface MeasuredShape {
  /** One that stays; its unit ends it, `_total` is a count. */
  readonly name: string;
  readonly label?: string;
  readonly value?: number;
  readonly count?: number;
  readonly sum?: number;
  readonly max?: number;
  readonly p99Below?: number;
}

export interface StatusShape {
  readonly ready: boolean;
  readonly dependencies: readonly { readonly name: string; readonly available: boolean }[];
  readonly at: string;
  /** How many failures wait for an operator, or for their trouble to pass; counted up to 1,000. */
  readonly failuresParked?: number;
  readonly lastRun?: RunShape;
  /** Of the process that answers, since its start. */
  readonly metrics: readonly MeasuredShape[];
}

export const ReportPath = z.object({
  report: z.string().regex(/^\d{1,14}-[0-9a-f]{32}$/, { error: "must be the id of a report" }),
});
/** What somebody shows as what a reported message said: its text exactly, or of a file its SHA-256. */
export const VerifyReport = z
  .object({ text: z.string({ error: "must be a string" }).optional(), sha256: sha256.optional() })
  .refine(({ text, sha256 }) => (text === undefined) !== (sha256 === undefined), { error: "must have text or sha256" });
export type VerifyReport = z.infer<typeof VerifyReport>;

export interface OperatorReportShape extends ReportShape {
  readonly conversationId: string;
  readonly author: string;
  readonly reporter: string;
  readonly kind: "text" | "file";
  readonly sentAt: string;
}

export const AuditQuery = Page;
export interface AuditShape {
  readonly at: string;
  readonly actor: string;
  /** `subject.verb`. */
  readonly action: string;
  /** Ids. */
  readonly target: Readonly<Record<string, string>>;
  /** `tried` is written before it is done; then `done`, or the code of the error. */
  readonly outcome: string;
  readonly traceId?: string;
}

export interface JobShape {
  readonly id: string;
  readonly kind: string;
  readonly by: string;
  readonly state: "running" | "done";
  readonly createdAt: string;
  readonly changedAt: string;
  readonly found: number;
  readonly done: number;
  /** How many could not be done, by code. */
  readonly refused: Readonly<Record<string, number>>;
}

export interface DryRunShape {
  readonly dryRun: true;
  /** Counted up to 10,000. */
  readonly found: number;
}
