/** One change of the durable map that stands behind the broker: a `Store` of ../../log-store/log-store.ts, or a test's fake. */
export type Change = { readonly put: string; readonly value: Uint8Array } | { readonly remove: string };

/** All or nothing, in the order of calls; resolves once written. */
export type Commit = (changes: readonly Change[]) => Promise<void>;

/** Changes on their way to disk: those that somebody waits for, and those that nobody does (a lock has ended, a message expired). */
export class Journal {
  readonly #commit: Commit;
  readonly #onFailure: (error: unknown) => void;
  #background: Change[] = [];

  constructor(commit: Commit, onFailure: (error: unknown) => void) {
    this.#commit = commit;
    this.#onFailure = onFailure;
  }

  /** What was put into the background before goes first: a key's last change must be its last on disk. */
  commit(changes: readonly Change[]): Promise<void> {
    if (this.#background.length === 0) return this.#commit(changes);
    const before = this.#background;
    this.#background = [];
    return this.#commit([...before, ...changes]);
  }

  background(changes: readonly Change[]): void {
    if (this.#background.length === 0) {
      queueMicrotask(() => {
        if (this.#background.length > 0) this.commit([]).catch(this.#onFailure);
      });
    }
    this.#background.push(...changes);
  }
}
