import type { StatusShape } from "../contracts/operations.js";
import type { Dependency, Ports } from "../ports.js";
import { checkHealth } from "./check-health.js";

const MOST_COUNTED = 1_000;

/** How the backend is: what it needs, what waits for an operator, and what this process has measured. */
export async function readStatus(ports: Ports, dependencies: readonly Dependency[]): Promise<StatusShape> {
  const health = await checkHealth(dependencies);
  const storage = await Promise.all([
    ports.failures.page({ state: "parked" }, { limit: MOST_COUNTED }),
    ports.runs.page({ limit: 1 }),
  ]).catch(() => undefined);
  const [run] = storage?.[1] ?? [];
  return {
    ...health,
    at: new Date(ports.clock.now()).toISOString(),
    // With storage away that is unknown, and said above.
    ...(storage === undefined ? {} : { failuresParked: storage[0].length }),
    ...(run === undefined ? {} : { lastRun: { ...run, startedAt: run.startedAt.toISOString() } }),
    metrics: ports.metrics.read(),
  };
}
