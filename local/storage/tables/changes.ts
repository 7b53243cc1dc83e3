/** What one request has changed, kept until it is on the disk or taken back. */
import type { Change, Store } from "../../log-store/log-store.js";
import type { Entity } from "./azurite-tables.js";
import type { EntityTable, Keys } from "./entity-table.js";

interface Changed {
  readonly entities: EntityTable<Entity>;
  readonly keys: Keys;
  readonly before: Entity | undefined;
  after: Entity | undefined;
}

export class Changes {
  readonly #changed = new Map<string, Changed>();

  /** Puts the entity, or takes away what has these keys, at once. */
  make(table: string, entities: EntityTable<Entity>, keys: Keys, after: Entity | undefined): void {
    const before = entities.get(keys);
    if (after === undefined) entities.delete(keys);
    else entities.set(after);
    const key = recordKey(table, keys);
    const changed = this.#changed.get(key);
    if (changed === undefined) this.#changed.set(key, { entities, keys, before, after });
    else changed.after = after;
  }

  /** For the log, as the entities are now: a change that comes to the log later must not bring back an older one. */
  records(): readonly Change[] {
    return [...this.#changed].map(([key, { entities, keys }]) => {
      const now = entities.get(keys);
      return now === undefined ? { remove: key } : { put: key, value: Buffer.from(JSON.stringify(plain(now))) };
    });
  }

  /** As if nothing had been asked; for changes that the log has not been given. */
  undo(): void {
    for (const { entities, keys, before } of this.#changed.values()) {
      if (before === undefined) entities.delete(keys);
      else entities.set(before);
    }
  }

  /** Back to what the log has, where it refused. What others have changed since is theirs to answer for. */
  returnTo(log: Store): void {
    for (const [key, { entities, keys, after }] of this.#changed) {
      if (entities.get(keys) !== after) continue;
      if (log.has(key)) entities.set(JSON.parse(log.read(key).toString()) as Entity);
      else entities.delete(keys);
    }
  }
}

const recordKey = (table: string, { PartitionKey, RowKey }: Keys): string =>
  JSON.stringify([table, PartitionKey, RowKey]);

export const tableOf = (recordKey: string): string => (JSON.parse(recordKey) as [string])[0];

/** Without what lokijs had added for itself. */
function plain({ PartitionKey, RowKey, eTag, lastModifiedTime, properties }: Entity): Entity {
  return { PartitionKey, RowKey, eTag, lastModifiedTime, properties };
}
