/** Making, changing, deleting and describing queues. */
import { amqpErrorOf } from "../amqp/conditions.js";
import { linksOf } from "../amqp/links.js";
import type { RheaConnection } from "../amqp/rhea.js";
import type { Broker } from "../broker/broker.js";
import { BrokerError } from "../broker/error.js";
import type { Queue } from "../broker/queue.js";
import { log } from "../log.js";
import { settingsOf, type Definition, type Definitions } from "./definitions.js";
import { Problem } from "./problem.js";
import type { Watch } from "./watch.js";

export interface QueueAdminOptions {
  readonly broker: Broker;
  readonly definitions: Definitions;
  readonly watch: Watch;
  readonly connections: () => Iterable<RheaConnection>;
}

export class QueueAdmin {
  readonly #options: QueueAdminOptions;
  /** One change after the other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: QueueAdminOptions) {
    this.#options = options;
  }

  /** Times of settings in milliseconds; null for a time to live without end. */
  describe(queue: Queue): object {
    const { settings, sessions, receivers } = queue;
    const origin = this.#options.definitions.has(settings.name) ? "runtime" : "topology";
    return { ...settings, ...queue.counts(), receivers, waitingForSession: sessions.waiting, origin };
  }

  list(): object[] {
    return [...this.#options.broker.queues()].map((queue) => this.describe(queue));
  }

  /** @throws Problem 404 */
  find(name: string): Queue {
    const queue = this.#options.broker.queue(name);
    if (queue === undefined) {
      throw new Problem(404, `There is no queue '${name}'. GET /queues lists them, PUT /queues/{name} makes one.`);
    }
    return queue;
  }

  /** Makes a queue, or gives one that was made here all of its settings anew. Resolves once that is on disk. */
  put(name: string, body: unknown): Promise<{ readonly created: boolean; readonly queue: Queue }> {
    return this.#inTurn(async () => {
      const definition = definitionFrom(name, body);
      const settings = settingsOf(definition);
      const { broker, definitions } = this.#options;
      const target = settings.forwardDeadLetteredMessagesTo;
      if (target !== undefined && broker.queue(target) === undefined)
        throw new Problem(400, `forwardDeadLetteredMessagesTo: there is no queue '${target}'. Make it first.`);
      const existing = broker.queue(name);
      if (existing === undefined) {
        this.#checkUnserved(name);
        await definitions.put(definition);
        log("info", "A queue was made.", { queue: name });
        return { created: true, queue: broker.add(settings) };
      }
      this.#checkMadeHere(existing);
      for (const field of ["requiresSession", "requiresDuplicateDetection"] as const) {
        if (settings[field] !== existing.settings[field]) {
          throw new Problem(409, `${field} cannot be changed. Delete the queue and make it anew.`);
        }
      }
      const sameName = { ...definition, name: existing.settings.name };
      await definitions.put(sameName);
      existing.update({ ...settings, name: existing.settings.name });
      log("info", "A queue was changed.", { queue: existing.settings.name });
      return { created: false, queue: existing };
    });
  }

  /** Deletes a queue that was made here, with all its messages; closes the links that are attached to it. */
  delete(name: string): Promise<void> {
    return this.#inTurn(async () => {
      const queue = this.find(name);
      this.#checkMadeHere(queue);
      await this.#remove(queue);
      log("info", "A queue was deleted.", { queue: queue.settings.name });
    });
  }

  /** Deletes a queue, whoever made it, that nobody has used for its `autoDeleteOnIdle`, with what is in it. */
  deleteIdle(queue: Queue): Promise<void> {
    return this.#inTurn(async () => {
      const { name } = queue.settings;
      if (this.#options.broker.queue(name) !== queue || !queue.isIdle) return;
      await this.#remove(queue);
      log("info", "A queue was deleted: it was idle for as long as it may be.", { queue: name });
    });
  }

  async #remove(queue: Queue): Promise<void> {
    const { broker, definitions, watch, connections } = this.#options;
    const { name } = queue.settings;
    // Azure's text: the SDK makes MessagingEntityNotFound of it.
    const reason = new BrokerError("entity-not-found", `The messaging entity '${name}' could not be found.`);
    const links = linksOf(connections(), broker).filter((each) => each.queue === queue && each.link.is_open());
    await broker.remove(queue, reason);
    for (const { link } of links) if (link.is_open()) link.close(amqpErrorOf(reason));
    watch.forget(name);
    // Last: after a crash before it the queue is back, and empty, and can be deleted again.
    if (definitions.has(name)) await definitions.remove(name);
  }

  #checkMadeHere(queue: Queue): void {
    if (this.#options.definitions.has(queue.settings.name)) return;
    throw new Problem(
      409,
      `The topology describes the queue '${queue.settings.name}': change it there and start again. Only queues that were made with PUT can be changed or deleted here.`,
    );
  }

  #checkUnserved(name: string): void {
    if (!this.#options.broker.unserved.some((each) => each.toLowerCase() === name.toLowerCase())) return;
    throw new Problem(
      409,
      `The data hold messages of an earlier queue '${name}'. Put it into the topology and start again to see them, or choose another name.`,
    );
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const result = this.#last.then(change);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

function definitionFrom(name: string, body: unknown): Definition {
  if (body !== undefined && (body === null || typeof body !== "object" || Array.isArray(body))) {
    throw new Problem(
      400,
      'Send the settings as an object, such as {"requiresSession": true, "lockDuration": "PT30S"}.',
    );
  }
  const given = (body ?? {}) as Readonly<Record<string, unknown>>;
  if (given["name"] !== undefined && given["name"] !== name) {
    throw new Problem(400, `The body's name must be that of the path, '${name}', or be left out.`);
  }
  return { ...given, name };
}
