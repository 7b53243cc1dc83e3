/** What is attached where, asked of rhea, so that counting costs nothing while nobody asks. */
import type { Broker } from "../broker/broker.js";
import type { Queue } from "../broker/queue.js";
import { parseAddress } from "./address.js";
import type { RheaConnection, RheaLink } from "./rhea.js";

export interface AttachedLink {
  readonly connection: RheaConnection;
  readonly link: RheaLink;
  readonly queue: Queue;
  /** As the client sees it. */
  readonly role: "sender" | "receiver" | "management";
}

/** The links of queues; those of `$cbs` belong to none. */
export function linksOf(connections: Iterable<RheaConnection>, broker: Broker): AttachedLink[] {
  const found: AttachedLink[] = [];
  for (const connection of connections) {
    connection.each_link((link) => {
      const receives = link.is_receiver();
      const address = parseAddress((receives ? link.target?.address : link.source?.address) ?? "");
      const queue = broker.queue(address.queue);
      if (queue === undefined) return;
      const role = address.management ? "management" : receives ? "sender" : "receiver";
      found.push({ connection, link, queue, role });
    });
  }
  return found;
}
