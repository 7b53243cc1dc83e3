/** A link on which a client receives a session: named, or the next one that has work. */
import { BrokerError, sessionLockLost } from "../broker/error.js";
import type { SessionLock } from "../broker/model.js";
import type { Queue } from "../broker/queue.js";
import { amqpErrorOf } from "./conditions.js";
import { newOutbound } from "./outbound.js";
import { register, resolve, type Peer } from "./peer.js";
import { agreeOnMode } from "./receiver-link.js";
import { types, type RheaSender } from "./rhea.js";

const SESSION_FILTER = "com.microsoft:session-filter";
const TIMEOUT_PROPERTIES = ["com.microsoft:timeout", "com.microsoft:server-timeout"];
const DEFAULT_TIMEOUT_MS = 60_000;

/** The session that is asked for: an id, null for the next available one, undefined when none is meant. */
export function sessionFilterOf(link: RheaSender): string | null | undefined {
  const filter = link.source?.filter;
  if (filter === undefined || !(SESSION_FILTER in filter)) return undefined;
  const value = filter[SESSION_FILTER];
  // .NET describes the value.
  const plain = value !== null && typeof value === "object" && "value" in value ? value.value : value;
  return typeof plain === "string" ? plain : null;
}

export function attachSessionLink(peer: Peer, link: RheaSender, address: string): void {
  peer.authorization.check();
  const { queue, place } = resolve(peer.namespace, address);
  if (!queue.settings.requiresSession || place === "dead-letter") {
    throw new BrokerError(
      "not-allowed",
      "It is not possible for an entity that does not require sessions to create a sessionful message receiver.",
    );
  }
  const id = sessionFilterOf(link);
  if (typeof id === "string") open(peer, link, queue, address, queue.sessions.accept(id, onLost(peer, link, id)));
  else waitForNext(peer, link, queue, address);
}

/** Holds the attach back until a session has work, or the client's time is over (SB-50). */
function waitForNext(peer: Peer, link: RheaSender, queue: Queue, address: string): void {
  const wait = { answered: false, sessionId: "" };
  const stopWaiting = queue.sessions.acceptNext(
    {
      granted: (lock) => {
        const held = wait.answered;
        wait.answered = true;
        wait.sessionId = lock.session.id;
        open(peer, link, queue, address, lock);
        if (!held) return;
        link.open();
        // rhea writes transfers before it writes attaches.
        process.nextTick(() => peer.ends.get(link)?.wake?.());
      },
      timedOut: () => {
        peer.ends.delete(link);
        link.open();
        link.close(amqpErrorOf(new BrokerError("timeout", "No session with messages became available in time.")));
      },
      onLost: () => {
        onLost(peer, link, wait.sessionId)();
      },
    },
    timeoutOf(link),
  );
  if (wait.answered) return;
  wait.answered = true;
  // rhea has queued its attach before it told of the link's.
  link.state.local_open = false;
  link.state.open_requests = 0;
  register(peer, link, {
    closed: () => {
      stopWaiting();
      // A detach is answered, and only an attached link can be.
      if (!peer.connection.socket.destroyed) link.open();
    },
  });
}

function open(peer: Peer, link: RheaSender, queue: Queue, address: string, lock: SessionLock): void {
  const outbound = newOutbound(peer.namespace, queue, link, () => {
    queue.sessions.pump(lock);
  });
  const subscription = queue.receiveFromSession(lock, outbound, agreeOnMode(link));
  // Not described: the SDK would not know its session again.
  link.set_source({ address, filter: { [SESSION_FILTER]: lock.session.id } });
  link.local.attach.properties = { "com.microsoft:locked-until-utc": dotNetTicks(queue.lockedUntil(lock)) };
  queue.receivers++;
  register(peer, link, {
    wake: outbound.wake,
    whenAnswered: outbound.whenAnswered,
    closed: () => {
      queue.receivers--;
      queue.sessions.end(lock);
    },
  });
  outbound.start(subscription);
}

/**
 * SB-52. A settlement that is under way is answered first: after the link has gone, the SDK waits in vain for the answer. Nothing
 * else is waited for: what the client settles before it hears of the end would not be answered either.
 */
function onLost(peer: Peer, link: RheaSender, sessionId: string): () => void {
  return () => {
    peer.ends.get(link)?.whenAnswered?.(() => {
      if (link.is_open()) link.close(amqpErrorOf(sessionLockLost(sessionId)));
    });
  };
}

function timeoutOf(link: RheaSender): number {
  for (const property of TIMEOUT_PROPERTIES) {
    const value = Number(link.properties?.[property] ?? NaN);
    if (Number.isFinite(value)) return value;
  }
  return DEFAULT_TIMEOUT_MS;
}

/** 100 ns since the year 1, as a long. */
function dotNetTicks(time: number): unknown {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(Math.round(time)) * 10_000n + 621_355_968_000_000_000n);
  return types.wrap_long(bytes);
}
