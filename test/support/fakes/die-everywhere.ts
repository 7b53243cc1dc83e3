import { Death, type World } from "./world.js";

/**
 * Lets `act` die before and after each of its steps, in a new world each time, then runs it again as a redelivery or a client
 * does, and once more for good measure; `check` sees the world then.
 * @returns how often it died
 */
export async function dieEverywhere(
  build: () => Promise<World>,
  act: (world: World) => Promise<unknown>,
  check: (world: World) => Promise<void> | void,
): Promise<number> {
  let deaths = 0;
  for (const when of ["before", "after"] as const) {
    for (let step = 1, reached = true; reached; step++) {
      const world = await build();
      const deathAt = { step: world.steps + step, when };
      world.deathAt = deathAt;
      const died = await act(world).then(
        () => false,
        (error: unknown) => error instanceof Death || Promise.reject(error as Error),
      );
      deaths += died ? 1 : 0;
      // A step whose death nobody notices is one that may be lost: there may be others behind it.
      reached = world.steps >= deathAt.step;
      world.deathAt = undefined;
      await act(world);
      await act(world);
      world.check();
      await check(world);
    }
  }
  return deaths;
}
