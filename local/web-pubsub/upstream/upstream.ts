/**
 * Upstream: the hub's event handlers hear of its clients by HTTP, in CloudEvents' binary form
 * (learn.microsoft.com, reference-cloud-events and socket-io-serverless-protocol).
 */
import { createHmac } from "node:crypto";
import type { Clock } from "../../clock/clock.js";
import type { Connection, NamespaceSocket } from "../realtime/connection.js";
import type { EventHandler } from "../settings.js";
import type { AccessKeys } from "../tokens.js";
import { reasonOf, withoutQuery, type AbuseProtection } from "./abuse-protection.js";

export interface UpstreamOptions {
  readonly hub: string;
  readonly handlers: readonly EventHandler[];
  readonly keys: AccessKeys;
  /** Host and port of this service. */
  readonly origin: string;
  readonly protection: AbuseProtection;
  readonly clock: Clock;
  readonly log: (line: string) => void;
}

/** What a handler answered to a user event: a payload for the client, maybe empty, or the end of the connection. */
export type UserEventAnswer =
  { readonly accepted: true; readonly payload: string } | { readonly accepted: false; readonly reason: string };

/** The service's own limit is not documented; this is its emulator's. */
const TIMEOUT_MS = 30_000;

interface UpstreamEvent {
  readonly type: string;
  readonly name: string;
  readonly contentType: string;
  readonly body: string;
}

export class Upstream {
  readonly #options: UpstreamOptions;

  constructor(options: UpstreamOptions) {
    this.#options = options;
  }

  /** Asks whether the socket may connect; true where no handler wants to be asked. */
  async connect(connection: Connection, socket: NamespaceSocket): Promise<boolean> {
    const handler = this.#forSystemEvent("connect");
    if (handler === undefined) return true;
    const { claims, query, headers } = connection.handshake;
    const body = { claims: listsOf(claims), query, headers, clientCertificates: [] };
    const response = await this.#post(handler, systemEvent("connect", body), connection, socket);
    return response?.ok === true;
  }

  /** Hands over what the client emitted. An event that nobody handles ends the connection, as does any answer but 2xx. */
  async user(name: string, connection: Connection, socket: NamespaceSocket, payload: string): Promise<UserEventAnswer> {
    const handler = this.#options.handlers.find(({ userEventPattern }) => matches(userEventPattern, name));
    if (handler === undefined) return { accepted: false, reason: "No event handler is configured for the event." };
    const event = { type: `azure.webpubsub.user.${name}`, name, contentType: "text/plain", body: payload };
    const response = await this.#post(handler, event, connection, socket);
    if (response === undefined) return { accepted: false, reason: "Dispatching the event failed." };
    if (!response.ok) return { accepted: false, reason: `The event handler answered ${response.status}.` };
    return { accepted: true, payload: response.body };
  }

  /** Tells of it; nobody waits, nothing is repeated, and two of them may overtake one another. */
  notify(name: "connected" | "disconnected", connection: Connection, socket: NamespaceSocket, body: object): void {
    const handler = this.#forSystemEvent(name);
    if (handler !== undefined) void this.#post(handler, systemEvent(name, body), connection, socket);
  }

  #forSystemEvent(name: "connect" | "connected" | "disconnected"): EventHandler | undefined {
    return this.#options.handlers.find(({ systemEvents = [] }) => systemEvents.includes(name));
  }

  /** The answer, or undefined (and a line in the log) when there was none. */
  async #post(
    { urlTemplate }: EventHandler,
    event: UpstreamEvent,
    connection: Connection,
    socket: NamespaceSocket,
  ): Promise<{ readonly ok: boolean; readonly status: number; readonly body: string } | undefined> {
    const { hub, protection, log } = this.#options;
    const headers = this.#headers(event, connection, socket);
    const url = expand(urlTemplate, hub, event.name);
    try {
      if (!(await protection.allows(expand(urlTemplate, hub, "validate")))) return undefined;
      const response = await fetch(url, {
        method: "POST",
        headers,
        body: event.body,
        redirect: "manual",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const body = await response.text();
      if (!response.ok) log(`The event handler ${withoutQuery(url)} answered ${response.status}.`);
      return { ok: response.ok, status: response.status, body };
    } catch (error) {
      log(`The event handler ${withoutQuery(url)} did not answer: ${reasonOf(error)}.`);
      return undefined;
    }
  }

  #headers(event: UpstreamEvent, connection: Connection, socket: NamespaceSocket): Record<string, string> {
    const { hub, keys, origin, clock } = this.#options;
    return {
      "content-type": event.contentType,
      "webhook-request-origin": origin,
      "ce-specversion": "1.0",
      "ce-awpsversion": "1.0",
      "ce-type": headerValue(event.type),
      "ce-source": `/hubs/${hub}/client/${connection.id}`,
      "ce-id": String(connection.nextEventId()),
      "ce-time": new Date(clock.now()).toISOString().replace(/\.\d{3}Z$/, "Z"),
      "ce-signature": signatureOf(connection.id, keys),
      "ce-connectionId": connection.id,
      "ce-hub": hub,
      "ce-eventName": headerValue(event.name),
      "ce-namespace": headerValue(socket.namespace),
      "ce-socketId": socket.id,
      ...(connection.userId === null ? {} : { "ce-userId": headerValue(connection.userId) }),
    };
  }
}

/** It signs the connection's id, and nothing else of the request: one value for each key. */
export function signatureOf(connectionId: string, { primary, secondary }: AccessKeys): string {
  return [primary, secondary]
    .filter((key) => key !== undefined)
    .map((key) => `sha256=${createHmac("sha256", key).update(connectionId).digest("hex")}`)
    .join(",");
}

function systemEvent(name: string, body: object): UpstreamEvent {
  return {
    type: `azure.webpubsub.sys.${name}`,
    name,
    contentType: "application/json; charset=utf-8",
    body: JSON.stringify(body),
  };
}

function matches(pattern = "", name: string): boolean {
  return pattern
    .split(",")
    .map((each) => each.trim().toLowerCase())
    .some((each) => each === "*" || each === name.toLowerCase());
}

function expand(urlTemplate: string, hub: string, event: string): string {
  return urlTemplate
    .replaceAll(/\{hub\}/gi, () => encodeURIComponent(hub))
    .replaceAll(/\{event\}/gi, () => encodeURIComponent(event));
}

/** Header values are latin-1 at best (RFC 9110, section 5.5): anything but printable ASCII is percent-encoded. */
function headerValue(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]+/gu, (part) => encodeURIComponent(wellFormed(part)));
}

/** Half a surrogate pair becomes U+FFFD: encodeURIComponent would throw. */
const wellFormed = (text: string): string => Buffer.from(text, "utf8").toString("utf8");

/** All values of the connect event are lists of texts. */
function listsOf(claims: Readonly<Record<string, unknown>>): Record<string, string[]> {
  const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
  return Object.fromEntries(
    Object.entries(claims).map(([name, value]) => [name, (Array.isArray(value) ? value : [value]).map(text)]),
  );
}
