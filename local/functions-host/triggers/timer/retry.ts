/** Retry policies of timers (FunctionExecutorExtensions.cs): in the process, one after the other. */
import type { Clock } from "../../../clock/clock.js";
import type { InvocationResult } from "../../invoke.js";
import type { RetryContext, RetryOptions } from "../../rpc.js";

/** The wait before retry `n` (1, 2, …), in milliseconds; `random` is from 0 to 1. */
export function retryDelay(options: RetryOptions, n: number, random: number): number {
  if (options.retryStrategy === "fixedDelay") return (options.delayInterval?.seconds ?? 0) * 1000;
  const least = (options.minimumInterval?.seconds ?? 0) * 1000;
  const most = (options.maximumInterval?.seconds ?? 0) * 1000;
  if (n === 1) return least;
  const grown = (0.8 + 0.4 * random) * 2 ** (n - 1) * least;
  return Math.min(least + grown, Math.max(least, most));
}

/** Runs until it succeeds, or `maxRetryCount` retries are spent (-1: never), or `stopped()`. */
export async function withRetries(
  options: RetryOptions | undefined,
  clock: Clock,
  run: (retry: RetryContext | undefined) => Promise<InvocationResult>,
  stopped: () => boolean,
): Promise<InvocationResult> {
  if (options === undefined) return run(undefined);
  const { maxRetryCount } = options;
  let exception: RetryContext["exception"];
  for (let retryCount = 0; ; retryCount++) {
    const result = await run({ retryCount, maxRetryCount, ...(exception === undefined ? {} : { exception }) });
    if (result.succeeded || stopped() || (maxRetryCount !== -1 && retryCount >= maxRetryCount)) return result;
    exception = { message: result.error instanceof Error ? result.error.message : String(result.error) };
    const ms = retryDelay(options, retryCount + 1, Math.random());
    await new Promise<void>((resolve) => void clock.after(ms, resolve));
  }
}
