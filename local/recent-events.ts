/** What happened lately in a part, for whoever looks: bounded, numbered, in memory. */

/** At least `kind` and `at`; ids and numbers, never contents. */
export interface LocalEvent {
  readonly kind: string;
  /** ISO 8601. */
  readonly at: string;
  readonly [fact: string]: unknown;
}

const KEPT = 2_000;

export class RecentEvents {
  readonly #events: LocalEvent[] = [];
  /** The number of the next event. */
  #next = 1;

  record(event: LocalEvent): void {
    this.#events.push(event);
    this.#next += 1;
    if (this.#events.length > KEPT) this.#events.shift();
  }

  /** What came after number `after`, as far as it is still kept. `next` is what to ask with the next time. */
  after(after: number): { readonly events: readonly LocalEvent[]; readonly next: number } {
    const newest = this.#next - 1;
    // A number from before a restart is larger than all that there is: from the beginning, then.
    const wanted = after > newest ? this.#events.length : newest - after;
    return { events: wanted === 0 ? [] : this.#events.slice(-wanted), next: newest };
  }
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The fields that are ids, by their form: they tell what something is about, without telling what it says. */
export function idsOf(fields: unknown): Readonly<Record<string, string>> {
  if (typeof fields !== "object" || fields === null) return {};
  return Object.fromEntries(
    Object.entries(fields).filter(
      (field): field is [string, string] => typeof field[1] === "string" && UUID.test(field[1]),
    ),
  );
}
