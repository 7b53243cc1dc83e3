/** What an operator does with a stack under test. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { FailureShape } from "../../src/lib/contracts/operations.js";
import type { PageShape } from "../../src/lib/contracts/shapes.js";
import { request, type Answer } from "./chat.js";
import type { Stack } from "./stack.js";

export interface Operator {
  request(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Failures as the list has them, once everything in `failed-messages` has been written down. */
  failures(query?: string): Promise<readonly FailureShape[]>;
  /** Runs a timer function now, and waits until it has run. */
  run(timer: string): Promise<void>;
}

export async function operator(stack: Stack): Promise<Operator> {
  const token = await stack.token("olga", ["operator"], { expiresIn: 40 * 86_400 });
  const ask = (method: string, route: string, body?: unknown): Promise<Answer> =>
    request(stack, method, route, { token, ...(body === undefined ? {} : { body }) });
  const run = async (timer: string): Promise<void> => {
    const keys = await readFile(path.join(stack.data, "functions", "keys.json"), "utf8");
    const { master } = JSON.parse(keys) as { master: string };
    const { status } = await fetch(`${stack.info.functions}/admin/functions/${timer}`, {
      method: "POST",
      headers: { "x-functions-key": master },
      body: "{}",
    });
    if (status !== 202) throw new Error(`'${timer}' could not be run: ${String(status)}`);
    await stack.idle();
  };
  return {
    request: ask,
    run,
    failures: async (query = "") => {
      await run("parkFailures");
      const { body } = await ask("GET", `ops/failures?${query}`);
      return (body as unknown as PageShape<FailureShape>).items;
    },
  };
}
