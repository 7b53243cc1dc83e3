/** A link on which a client receives from a queue or a dead-letter queue, competing with others. */
import type { ReceiveMode } from "../broker/model.js";
import { newOutbound } from "./outbound.js";
import { register, resolve, type Peer } from "./peer.js";
import type { RheaSender } from "./rhea.js";

export function attachReceiverLink(peer: Peer, link: RheaSender, address: string): void {
  peer.authorization.check();
  const { queue, place } = resolve(peer.namespace, address);
  const outbound = newOutbound(peer.namespace, queue, link, (subscription) => {
    queue.wake(place, subscription);
  });
  const subscription = queue.subscribe(place, outbound, agreeOnMode(link));
  link.set_source({ address });
  queue.receivers++;
  register(peer, link, {
    wake: outbound.wake,
    closed: () => {
      queue.receivers--;
      queue.unsubscribe(place, subscription);
    },
  });
  outbound.start(subscription);
}

/** The settle modes that the client asks for (AMQP 1.0, 2.8.2 and 2.8.3) are confirmed. */
export function agreeOnMode(link: RheaSender): ReceiveMode {
  const mode = link.snd_settle_mode === 1 ? "receive-and-delete" : "peek-lock";
  link.local.attach.snd_settle_mode = mode === "receive-and-delete" ? 1 : 0;
  link.local.attach.rcv_settle_mode = mode === "receive-and-delete" ? 0 : (link.rcv_settle_mode ?? 0);
  return mode;
}
