import type { PartState } from "../supervisor/part-process.js";

/** What the control shows of a part. */
export interface PartStatus {
  readonly name: string;
  readonly state: PartState;
  readonly pid?: number;
  readonly address?: string;
  /** Where its management is, if it has one. */
  readonly management?: string;
}

/** What the control may do to the parts; names that are none are refused with a `RequestError`. */
export interface ControlledParts {
  list(): readonly PartStatus[];
  kill(name: string, signal: NodeJS.Signals): Promise<PartStatus>;
  /** Resolves when it serves again, at its old address. */
  start(name: string): Promise<PartStatus>;
  /** Stops it in order, then starts it. */
  restart(name: string): Promise<PartStatus>;
  /** Starts one more functions host beside the first, with the same settings; `disabled` names functions that it leaves out. */
  addFunctionsHost(disabled: readonly string[]): Promise<PartStatus>;
}
