import { isDayflyError } from "../errors.js";
import type { Dependency } from "../ports.js";

const LONGEST_PROBE_MS = 5_000;

export interface Readiness {
  readonly ready: boolean;
  readonly dependencies: readonly DependencyState[];
}

interface DependencyState {
  readonly name: string;
  readonly available: boolean;
  /** Why it is not. Of what only some may know there is nothing in it. */
  readonly reason?: string;
}

/** Asks every dependency at once. One that does not answer within 5 s is not available. */
export async function checkHealth(dependencies: readonly Dependency[]): Promise<Readiness> {
  const checked = await Promise.all(
    dependencies.map(async ({ name, probe }): Promise<DependencyState> => {
      const { promise: late, cancel } = timeout(LONGEST_PROBE_MS);
      const state = await Promise.race([
        probe().then(
          () => ({ available: true }),
          (error: unknown) => ({ available: false, ...reasonOf(error) }),
        ),
        late,
      ]);
      cancel();
      return { name, ...state };
    }),
  );
  return { ready: checked.every(({ available }) => available), dependencies: checked };
}

const reasonOf = (error: unknown): { reason?: string } =>
  isDayflyError(error) && error.detail !== undefined ? { reason: error.detail } : {};

function timeout(ms: number): { promise: Promise<{ available: false }>; cancel: () => void } {
  let timer: NodeJS.Timeout;
  const promise = new Promise<{ available: false }>((resolve) => {
    timer = setTimeout(() => resolve({ available: false }), ms);
  });
  return { promise, cancel: () => clearTimeout(timer) };
}
