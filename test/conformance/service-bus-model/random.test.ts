/**
 * Random work on a few queues, with `kill -9` in the midst of it, against a model (issue 4, "Durable"). `KILLS` says how many kills
 * there are to be at least, `SEED` which run it is: `npm run kills -- 1000` is the long one.
 */
import { afterAll, beforeAll, expect } from "@jest/globals";
import fc from "fast-check";
import { seededRandom } from "../../support/random.js";
import { standInTest } from "../service-bus/target.js";
import { Bus } from "./bus.js";
import { mendLostLinks } from "./client-defect.js";
import { steps } from "./commands.js";
import { kill } from "./kill.js";
import { finish } from "./finish.js";
import { Model } from "./model.js";

const KILLS = Number(process.env["KILLS"] ?? 8);
const MS_PER_KILL = 20_000;

let bus: Bus;
beforeAll(async () => {
  mendLostLinks();
  bus = await Bus.start();
});
afterAll(() => bus.stop());

standInTest(
  "nothing acknowledged is missing, nothing settled returns, order and delivery counts stand",
  async () => {
    const { seed } = seededRandom();
    const commands = fc.commands([...steps, kill, kill], { maxCommands: 80, size: "max" });
    let run = 0;
    let done = 0;
    const property = fc.asyncProperty(commands, async (all) => {
      const model = new Model(`run${run++}`, bus.now());
      await fc.asyncModelRun(() => ({ model, real: bus }), all);
      await finish(model, bus);
      done += model.steps;
    });
    while (bus.kills < KILLS) {
      // A smaller example would be nice, but each one takes its time, and goes on where the last one has left the part.
      await fc.assert(property, { seed: seed + run, numRuns: 1, endOnFailure: true });
    }
    console.info(`${bus.kills} kills in ${run} runs, ${done} steps`);
    expect(done).toBeGreaterThan(0);
  },
  MS_PER_KILL * Math.max(KILLS, 8),
);
