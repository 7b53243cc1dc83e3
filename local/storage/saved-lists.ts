/**
 * What Azurite has answered is on the disk. As it comes it keeps its lists (of blobs, of the files that their bytes lie in, of tables) in
 * memory with lokijs and saves them every 5 seconds: `kill -9` would lose the uploads of that time, and bring back what was deleted. Here
 * no answer goes out before the lists are saved that have changed by then. The entities of tables, of which there are many, are kept
 * otherwise: `tables/`.
 */
import { ServerResponse } from "node:http";
import { createRequire } from "node:module";

interface Loki {
  /** Begins to save every 5 seconds: called for each list that is kept in a file. */
  autosaveEnable: (this: Loki, ...args: unknown[]) => void;
  /** Whether anything has changed since the last save began. */
  autosaveDirty(): boolean;
  /** Whether a save is under way; another one then waits for it. */
  readonly throttledSavePending: boolean;
  saveDatabase(done: (error?: Error | null) => void): void;
}

/** For the Azurite that `program` is the path of, when it is loaded after this; for all HTTP servers of this process. */
export function answerWhatIsSaved(program: string): void {
  const lists = new Set<Loki>();
  /** A save that fails leaves its list unmarked, as if all of it were saved. */
  const failed = new Set<Loki>();
  const { prototype } = createRequire(program)("lokijs") as { prototype: Loki };
  const { autosaveEnable } = prototype;
  prototype.autosaveEnable = function (this: Loki, ...args) {
    lists.add(this);
    autosaveEnable.apply(this, args);
  };

  const responses = ServerResponse.prototype as unknown as {
    end: (this: ServerResponse, ...args: unknown[]) => ServerResponse;
  };
  const { end } = responses;
  responses.end = function (this: ServerResponse, ...args: unknown[]) {
    const unsaved = [...lists].filter((list) => isUnsaved(list) || failed.has(list));
    if (unsaved.length === 0) return end.apply(this, args);
    const saving = unsaved.map(async (list) => {
      failed.add(list);
      await save(list);
      failed.delete(list);
    });
    Promise.all(saving).then(
      () => end.apply(this, args),
      // Whether it worked is open, as after a crash: the caller asks again.
      (error: unknown) => this.destroy(error as Error),
    );
    return this;
  };
}

const isUnsaved = (list: Loki): boolean => list.autosaveDirty() || list.throttledSavePending;

function save(list: Loki): Promise<void> {
  return new Promise((resolve, reject) => {
    list.saveDatabase((error) => {
      if (error === undefined || error === null) resolve();
      else reject(error);
    });
  });
}
