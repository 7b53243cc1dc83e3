import type { Dependency } from "../ports.js";

const LONGEST_PROBE_MS = 5_000;

export interface Readiness {
  readonly ready: boolean;
  readonly dependencies: readonly { readonly name: string; readonly available: boolean }[];
}

/** Asks every dependency at once. One that does not answer within 5 s is not available. */
export async function checkHealth(dependencies: readonly Dependency[]): Promise<Readiness> {
  const checked = await Promise.all(
    dependencies.map(async ({ name, probe }) => {
      const { promise: late, cancel } = timeout(LONGEST_PROBE_MS);
      const available = await Promise.race([
        probe().then(
          () => true,
          () => false,
        ),
        late,
      ]);
      cancel();
      return { name, available };
    }),
  );
  return { ready: checked.every(({ available }) => available), dependencies: checked };
}

function timeout(ms: number): { promise: Promise<false>; cancel: () => void } {
  let timer: NodeJS.Timeout;
  const promise = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  return { promise, cancel: () => clearTimeout(timer) };
}
