import type { IncomingMessage } from "node:http";
import { FilterError } from "../odata/lexer.js";
import { filterOf } from "../odata/filter.js";
import type { Filter } from "../odata/compiler.js";
import { isGroupName } from "../names.js";
import type { Connection } from "../realtime/connection.js";
import type { Hub } from "../realtime/hub.js";
import type { AccessKeys } from "../tokens.js";
import { badRequest } from "./problem.js";

/** What the operations need of the service. */
export interface Service {
  readonly keys: AccessKeys;
  readonly now: () => number;
  readonly log: (line: string) => void;
  /** Whether this message is to be lost, as the next ones are after `POST /_local/faults`. */
  readonly loses: () => boolean;
  /** Told what is sent, for those who look. */
  readonly sent: (event: Sent) => void;
}

export interface Sent {
  readonly hub: string;
  /** What the address named: a group, a user, a connection. */
  readonly to: Readonly<Record<string, string>>;
  readonly filter?: string;
  /** The payload as text. */
  readonly payload: string;
  readonly reached: number;
  readonly lost?: true;
  /** The caller's, as it came. */
  readonly traceParent?: string | undefined;
  /** When the call came, in milliseconds since the epoch. */
  readonly since: number;
}

/** One call of a data-plane operation, signed and addressed to a hub. */
export interface Call {
  readonly service: Service;
  readonly hub: Hub;
  readonly request: IncomingMessage;
  /** Host and port that the caller used. */
  readonly host: string;
  readonly path: string;
  /** The decoded segments of the path that its template names. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
}

export interface Answer {
  readonly status: number;
  readonly body?: unknown;
}

export type Operation = (call: Call) => Answer | Promise<Answer>;

export function param({ params }: Call, name: string): string {
  return params[name] ?? "";
}

/** @throws RestProblem (400) for a name that no group can have. */
export function groupParam(call: Call): string {
  const group = param(call, "group");
  if (!isGroupName(group)) throw badRequest("Invalid group name.");
  return group;
}

/** @throws RestProblem (400) for a filter that is wrong, with the reason. */
export function filterOrProblem(text: string | null | undefined): Filter {
  try {
    return filterOf(text);
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    throw badRequest(`Invalid syntax for '${text ?? ""}': ${error.message} (Parameter 'filter')`, "InvalidFilter");
  }
}

/** A whole number of the query within its bounds, or undefined without it. */
export function integerParam({ query }: Call, name: string, least: number, most: number): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const value = Number(text);
  if (!/^\d{1,10}$/.test(text) || value < least || value > most) throw badRequest(`Invalid ${name}.`);
  return value;
}

export function without(excluded: readonly string[], connections: Iterable<Connection>): Connection[] {
  const ids = new Set(excluded);
  return [...connections].filter(({ id }) => !ids.has(id));
}
