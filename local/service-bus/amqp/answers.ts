import type { Typed } from "rhea";
import { frames, outcomes, type AmqpError, type RheaDelivery } from "./rhea.js";

const ACCEPTED = (): Typed => outcomes.accepted().described();

/** Settles a delivery as accepted (AMQP 1.0, 3.4.2). rhea merges neighbours into one disposition. */
export function accept(delivery: RheaDelivery): void {
  if (!delivery.link.session.is_open()) return;
  if (delivery.remote_settled) {
    settleHere(delivery);
    return;
  }
  delivery.update(true, ACCEPTED());
  // The peer has said its last word with its outcome: without this the delivery would keep one of the session's 2048 places.
  delivery.remote_settled = true;
}

/** Settles a delivery as rejected (AMQP 1.0, 3.4.3). */
export function reject(delivery: RheaDelivery, error?: AmqpError): void {
  settle(delivery, outcomes.rejected(error === undefined ? {} : { error }).described());
}

/**
 * Settles a delivery with any outcome, in a frame of its own: rhea merges the first two updates of a turn without comparing
 * them, and an error would arrive as accepted.
 */
export function settle(delivery: RheaDelivery, state: Typed): void {
  const { link } = delivery;
  if (!link.session.is_open()) return;
  if (!delivery.remote_settled) {
    link.session.output(
      frames.disposition({
        role: link.is_receiver(),
        first: delivery.id,
        last: delivery.id,
        settled: true,
        state,
      }),
    );
    delivery.state = state;
  }
  settleHere(delivery);
}

function settleHere(delivery: RheaDelivery): void {
  delivery.settled = true;
  delivery.remote_settled = true;
  delivery.link.connection._register();
}
