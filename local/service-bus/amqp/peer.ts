import type { Clock } from "../../clock/clock.js";
import type { CheckAccessToken } from "../../identity/access-tokens.js";
import type { Broker } from "../broker/broker.js";
import { entityNotFound } from "../broker/error.js";
import type { Queue } from "../broker/queue.js";
import type { Place } from "../broker/shelf.js";
import { parseAddress } from "./address.js";
import type { Authorization } from "./authorization.js";
import { amqpErrorOf } from "./conditions.js";
import type { Faults } from "./faults.js";
import type { Delivered } from "./waiting-spans.js";
import type { RheaConnection, RheaLink, RheaSender, RheaSession } from "./rhea.js";

/** What all connections share. */
export interface Namespace {
  readonly broker: Broker;
  readonly clock: Clock;
  /** As clients see it: host and port. */
  readonly host: string;
  readonly keyName: string;
  readonly key: string;
  /** Where access tokens are taken as well. */
  readonly checkAccessToken?: CheckAccessToken;
  readonly faults: Faults;
  readonly delivered: Delivered;
}

/** A link of the peer, as far as its connection must know it. */
export interface LinkEnd {
  /** The link is gone: detached, or its connection is lost. Called once. */
  closed(): void;
  /** The peer may take more now. */
  wake?(): void;
  /** Calls back when the peer's settlements on it are answered: at once when none is under way. */
  whenAnswered?(callback: () => void): void;
}

/** One client connection. */
export interface Peer {
  readonly namespace: Namespace;
  readonly connection: RheaConnection;
  /** Nothing but `$cbs` may be used without it. */
  readonly authorization: Authorization;
  readonly ends: Map<RheaLink, LinkEnd>;
  /** Links on which answers go back, by the address that requests name in reply-to. */
  readonly replyLinks: Map<string, RheaSender>;
}

export interface Target {
  readonly queue: Queue;
  readonly place: Place;
  readonly entity: string;
}

/** The queue that an address stands for. */
export function resolve(namespace: Namespace, address: string): Target {
  const { entity, queue: name, place } = parseAddress(address);
  const queue = namespace.broker.queue(name);
  if (queue === undefined) throw entityNotFound(namespace.host, entity);
  return { queue, place, entity };
}

/** Refuses a link: attached and at once detached (AMQP 1.0, 2.6.3); a detach alone makes the client throw. */
export function refuse(link: RheaLink, error: unknown): void {
  link.close(amqpErrorOf(error));
}

/** Remembers a link until it is closed, by whomever. */
export function register(peer: Peer, link: RheaLink, end: LinkEnd): void {
  peer.ends.set(link, end);
}

/** Tells the links of a session that its window has moved: rhea raises no event for that. */
export function wakeSession(peer: Peer, session: RheaSession): void {
  for (const [link, end] of peer.ends) if (link.session === session) end.wake?.();
}

export function closeEnd(peer: Peer, link: RheaLink): void {
  const end = peer.ends.get(link);
  peer.ends.delete(link);
  end?.closed();
}
