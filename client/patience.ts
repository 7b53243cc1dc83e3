/** Trying again while the server, or the way to it, is in trouble that passes. */
import { ProblemError } from "./rest.js";

const TRIES = 8;
export const FIRST_RETRY_MS = 250;
export const LONGEST_RETRY_MS = 4_000;

export class Patience {
  /** Ends a wait before its time: what it is for is over. */
  readonly #waiting = new Set<() => void>();
  #isOver = false;

  /** Repeats no answer, 5xx and 429 up to `most` times, until the signal is aborted; anything else is thrown at once. */
  async retrying<Answer>(
    attempt: () => Promise<Answer>,
    { most = TRIES, signal }: { readonly most?: number; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Answer> {
    for (let tries = 1; ; tries++) {
      signal?.throwIfAborted();
      try {
        return await attempt();
      } catch (error) {
        const passing = !(error instanceof ProblemError) || error.status >= 500 || error.status === 429;
        if (!passing || this.#isOver || tries === most || signal?.aborted === true) throw error;
        const backOff = Math.min(FIRST_RETRY_MS * 2 ** Math.min(tries - 1, 10), LONGEST_RETRY_MS);
        const asked = error instanceof ProblemError ? error.retryAfterMs : undefined;
        await this.#wait(asked ?? backOff, signal);
      }
    }
  }

  /** From now on nothing is tried again; who waits hears that it is over. */
  end(): void {
    this.#isOver = true;
    for (const stop of [...this.#waiting]) stop();
  }

  /** An abort only ends it: who waits looks at the signal. */
  #wait(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const over = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(stop);
        signal?.removeEventListener("abort", end);
      };
      const stop = (): void => {
        over();
        reject(new Error("The client was closed."));
      };
      const end = (): void => {
        over();
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.#waiting.add(stop);
      signal?.addEventListener("abort", end);
    });
  }
}
