import type { Typed } from "rhea";
import { BrokerError } from "../../broker/error.js";
import type { Target } from "../peer.js";

export interface Request {
  readonly target: Target;
  readonly body: Readonly<Record<string, unknown>>;
  /** The body with its AMQP types, for what must keep them. */
  readonly typedBody: () => Typed;
}

export interface Answer {
  /** 200 unless it says otherwise. */
  readonly status?: number;
  readonly description?: string;
  readonly condition?: string;
  readonly body?: Readonly<Record<string, unknown>>;
}

/** One verb of `$management`; throws a `BrokerError` for a refusal. */
export type Operation = (request: Request) => Answer | Promise<Answer>;

/** A list or array of the body. */
export function listOf(request: Request, field: string): readonly unknown[] {
  const value = request.body[field];
  if (!Array.isArray(value)) throw new BrokerError("argument-error", `'${field}' must be a list.`);
  return value as unknown[];
}

/** An array of uuids. */
export function uuidsOf(request: Request, field: string): readonly Buffer[] {
  return listOf(request, field).map((value) => {
    if (!Buffer.isBuffer(value)) throw new BrokerError("argument-error", `'${field}' must hold uuids.`);
    return value;
  });
}

/** Longs above 2^53 come as bytes: there are no such sequence numbers here, so they match none. */
export function numbersOf(request: Request, field: string): readonly number[] {
  return listOf(request, field).map((value) => (typeof value === "number" ? value : NaN));
}

export function numberOf(request: Request, field: string, preset: number): number {
  const value = request.body[field];
  return typeof value === "number" ? value : preset;
}

export function textOf(request: Request, field: string): string | undefined {
  const value = request.body[field];
  return typeof value === "string" ? value : undefined;
}

export function requiredText(request: Request, field: string): string {
  const value = textOf(request, field);
  if (value === undefined) throw new BrokerError("argument-error", `'${field}' must be a text.`);
  return value;
}
