/**
 * Queues that were made at run time, kept in a file beside the log. The topology is the truth for the queues that it names: those
 * are not changed or deleted here, and a queue that was made at run time gives way when the topology comes to name it.
 */
import { open, readFile, rename } from "node:fs/promises";
import path from "node:path";
import { StartError } from "../../part.js";
import type { QueueSettings } from "../broker/settings.js";
import { parseQueues } from "../topology.js";

const FILE = "queues.json";

/** A queue as the topology describes one: durations in ISO 8601. */
export type Definition = Readonly<Record<string, unknown>> & { readonly name: string };

/** The settings of one queue. Throws a `StartError` that names the field. */
export function settingsOf(definition: Definition): QueueSettings {
  try {
    const [settings] = parseQueues({ queues: [definition] });
    if (settings !== undefined) return settings;
  } catch (error) {
    if (error instanceof StartError) throw new StartError(error.message.replaceAll(/queues\.0(?:\.|: )/g, ""));
    throw error;
  }
  throw new StartError("There is no queue.");
}

export class Definitions {
  /** Names in lower case. */
  readonly #definitions: Map<string, Definition>;
  readonly #file: string;
  readonly #sync: boolean;

  private constructor(file: string, sync: boolean, definitions: readonly Definition[]) {
    this.#file = file;
    this.#sync = sync;
    this.#definitions = new Map(definitions.map((each) => [each.name.toLowerCase(), each]));
  }

  /** @throws StartError when the file is there and cannot be read */
  static async read(directory: string, sync: boolean): Promise<Definitions> {
    const file = path.join(directory, FILE);
    let text: string;
    try {
      text = await readFile(file, "utf8");
    } catch (error) {
      if ((error as { code?: unknown }).code === "ENOENT") return new Definitions(file, sync, []);
      throw error;
    }
    try {
      const { queues } = JSON.parse(text) as { queues: readonly Definition[] };
      for (const each of queues) settingsOf(each);
      return new Definitions(file, sync, queues);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new StartError(`${file}, which holds the queues that were made at run time, is not valid: ${reason}`);
    }
  }

  /** The settings of all, and names of those that were dropped because the topology has them. */
  besides(topology: readonly QueueSettings[]): {
    readonly settings: readonly QueueSettings[];
    readonly dropped: readonly string[];
  } {
    const named = new Set(topology.map(({ name }) => name.toLowerCase()));
    const dropped = [...this.#definitions.values()].filter(({ name }) => named.has(name.toLowerCase()));
    for (const { name } of dropped) this.#definitions.delete(name.toLowerCase());
    return {
      settings: [...this.#definitions.values()].map(settingsOf),
      dropped: dropped.map(({ name }) => name),
    };
  }

  has(name: string): boolean {
    return this.#definitions.has(name.toLowerCase());
  }

  /** Resolves once written; calls must not overlap. */
  async put(definition: Definition): Promise<void> {
    await this.#write(new Map(this.#definitions).set(definition.name.toLowerCase(), definition));
    this.#definitions.set(definition.name.toLowerCase(), definition);
  }

  async remove(name: string): Promise<void> {
    const rest = new Map(this.#definitions);
    rest.delete(name.toLowerCase());
    await this.#write(rest);
    this.#definitions.delete(name.toLowerCase());
  }

  /** Whole or not at all: into another file, which then takes the name. */
  async #write(definitions: ReadonlyMap<string, Definition>): Promise<void> {
    const temporary = `${this.#file}.new`;
    const handle = await open(temporary, "w");
    try {
      await handle.writeFile(`${JSON.stringify({ queues: [...definitions.values()] }, undefined, 2)}\n`);
      if (this.#sync) await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, this.#file);
  }
}
