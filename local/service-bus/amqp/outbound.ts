/** A link on which a client receives: credit, drain and settlement, the same for queues and sessions. */
import type { Typed } from "rhea";
import type { Consumer, MessageLock, Outcome, Subscription } from "../broker/model.js";
import type { Queue } from "../broker/queue.js";
import { accept, reject, settle } from "./answers.js";
import { encodeMessage } from "./codec/outgoing.js";
import { pairsOf, writePairs } from "./codec/typed.js";
import { amqpErrorOf } from "./conditions.js";
import type { Faults } from "./faults.js";
import type { Namespace } from "./peer.js";
import { toDeliveryTag } from "./lock-token.js";
import { outcomes, type RheaDelivery, type RheaSender } from "./rhea.js";

export interface Outbound extends Consumer {
  /** To be called when the subscription is known; nothing is sent before. */
  readonly start: (subscription: Subscription) => void;
  readonly wake: () => void;
  /** Calls back when every settlement that has come is answered: at once when none is under way. */
  readonly whenAnswered: (callback: () => void) => void;
}

interface Tracked extends RheaDelivery {
  lock?: MessageLock;
}

/** `wake` tells the broker that the link may have room. */
export function newOutbound(
  { faults, delivered }: Pick<Namespace, "faults" | "delivered">,
  queue: Queue,
  link: RheaSender,
  wake: (subscription: Subscription) => void,
): Outbound {
  let subscription: Subscription | undefined;
  const wakeUp = (): void => {
    if (subscription !== undefined) wake(subscription);
  };
  const drained = (): void => {
    // Messages whose removal is still being written were taken from the credit: they go first.
    if (link._draining && subscription?.pending === 0) link.set_drained(true);
  };
  repairDrain(link);
  link.on("sender_flow", wakeUp);
  link.on("sendable", wakeUp);
  link.on("sender_draining", drained);
  const whenAnswered = listenToOutcomes(faults, queue, link, wakeUp);
  return {
    whenAnswered,
    start(started) {
      subscription = started;
      wakeUp();
      // When the attach has been written.
      setImmediate(wakeUp);
    },
    wake: wakeUp,
    capacity: () => capacityOf(link),
    deliver(message, lock) {
      if (faults.at("deliver", queue, link) !== undefined) return;
      const lockedUntil = lock === undefined ? undefined : queue.lockedUntil(lock);
      const bytes = encodeMessage(message, { lockedUntil, received: true });
      delivered(queue, message, bytes);
      if (lock === undefined) {
        if (!link.is_open()) return;
        link.send(bytes, undefined, 0);
        if (link._draining) drained();
        link.connection._register();
      } else {
        const delivery: Tracked = link.send(bytes, toDeliveryTag(lock.token), 0);
        delivery.lock = lock;
      }
    },
  };
}

/**
 * How many messages can go out at once. rhea queues what exceeds a credit or window, and takes sent messages from the credit
 * only at the end of the turn: without these checks locks would run for messages that nobody has.
 */
function capacityOf(link: RheaSender): number {
  // A client may grant credit with its attach, before it is answered: rhea would write the transfers first.
  if (!link.is_open() || link.state.open_requests > 0) return 0;
  const { outgoing } = link.session;
  const queued = outgoing.next_delivery_id - outgoing.next_pending_delivery;
  // Not a number before the peer's first flow.
  const window = outgoing.transfer_window() || 0;
  return Math.min(link.credit - queued, outgoing.available(), window - queued);
}

/**
 * Answers a drain (AMQP 1.0, 2.6.7) also when there is no credit left, because the last message has just used it: rhea keeps
 * silent then, and the client waits in vain.
 */
function repairDrain(link: RheaSender): void {
  link._get_drain = () => {
    if (!link._draining || !link._drained) return false;
    link.delivery_count += link.credit;
    link.credit = 0;
    return true;
  };
}

function listenToOutcomes(faults: Faults, queue: Queue, link: RheaSender, wake: () => void): Outbound["whenAnswered"] {
  let underWay = 0;
  const waiting: (() => void)[] = [];
  const on = (
    event: string,
    outcomeOf: (fields: readonly (Typed | undefined)[]) => Outcome,
    confirm: (delivery: Tracked) => void,
  ): void => {
    link.on(event, ({ delivery }: { delivery: Tracked }) => {
      const { lock } = delivery;
      if (lock === undefined) return;
      underWay++;
      settleLock(faults, queue, link, lock, outcomeOf(delivery.remote_state?.value ?? []))
        .then(
          () => {
            confirm(delivery);
          },
          (error: unknown) => {
            reject(delivery, amqpErrorOf(error));
          },
        )
        .finally(() => {
          wake();
          if (--underWay === 0) for (const callback of waiting.splice(0)) callback();
        });
    });
  };
  on("accepted", () => ({ kind: "complete" }), accept);
  on(
    "released",
    () => ({ kind: "release" }),
    (delivery) => {
      settle(delivery, outcomes.released().described());
    },
  );
  on(
    "modified",
    ([, undeliverableHere, annotations]) => ({
      kind: undeliverableHere?.value === true ? "defer" : "abandon",
      modified: writePairs(pairsOf(annotations)),
    }),
    (delivery) => {
      const undeliverable_here = delivery.remote_state?.value[1]?.value === true;
      settle(delivery, outcomes.modified({ undeliverable_here }).described());
    },
  );
  on(
    "rejected",
    ([error]) => deadLetterOf(error),
    (delivery) => {
      reject(delivery);
    },
  );
  return (callback) => {
    if (underWay === 0) callback();
    else waiting.push(callback);
  };
}

async function settleLock(
  faults: Faults,
  queue: Queue,
  link: RheaSender,
  lock: MessageLock,
  outcome: Outcome,
): Promise<void> {
  const before = faults.at("settle", queue, link, lock);
  if (before !== undefined) await before;
  await queue.settle(lock, outcome);
  const after = faults.at("settled", queue, link, lock);
  if (after !== undefined) await after;
}

/** Reason and description travel in the error's info, among the properties to set. */
function deadLetterOf(error: Typed | undefined): Outcome {
  const [, , info] = (Array.isArray(error?.value) ? error.value : []) as (Typed | undefined)[];
  const pairs = pairsOf(info);
  const text = (key: string): string | undefined => {
    const value: unknown = pairs.find(([name]) => name === key)?.[1].value;
    return typeof value === "string" ? value : undefined;
  };
  return {
    kind: "dead-letter",
    reason: text("DeadLetterReason"),
    description: text("DeadLetterErrorDescription"),
    modified: writePairs(pairs.filter(([key]) => key !== "DeadLetterReason" && key !== "DeadLetterErrorDescription")),
  };
}
