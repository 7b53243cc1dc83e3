/**
 * `maxConcurrentRequests` and `maxOutstandingRequests` of host.json: so many requests run, so many are there with those that wait, and
 * whoever comes then is refused at once (HttpRequestQueue.cs). Infinity is no limit.
 */
export interface RequestLimits {
  readonly maxConcurrentRequests: number;
  readonly maxOutstandingRequests: number;
}

export class RequestQueue {
  readonly #limits: RequestLimits;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(limits: RequestLimits) {
    this.#limits = limits;
  }

  /** Runs it when it is its turn; false, and it never runs, when there is no room. */
  async run(action: () => Promise<void>): Promise<boolean> {
    if (this.#running + this.#waiting.length >= this.#limits.maxOutstandingRequests) return false;
    if (this.#running < this.#limits.maxConcurrentRequests) this.#running++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      await action();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      // It takes the place over.
      else next();
    }
    return true;
  }
}
