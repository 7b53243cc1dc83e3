/**
 * Storage that takes its time, on demand: every call that comes is handed to Azurite later. Azurite itself is unchanged, and with the
 * switch off each request goes straight through.
 *
 * The switch is at `/_local/faults` of the blob port; no account can have that name.
 */
import { createRequire } from "node:module";
import type http from "node:http";
import { answerLocally, RequestError, type LocalAnswer, type LocalRequest } from "../loopback-server.js";

const DOOR = "/_local/";
const LONGEST_MS = 24 * 3_600_000;

interface Slow {
  /** How much longer each call takes, in milliseconds. */
  readonly delayMs: number;
  /** Until this uptime. */
  readonly until: number;
}

export class SlowStorage {
  #slow: Slow | undefined;
  /** Calls that are held up, and how to let them go. */
  readonly #held = new Map<NodeJS.Timeout, () => void>();

  /** Slows the calls of every HTTP server that this process makes from now on; undo with what it answers. */
  install(): () => void {
    const module = createRequire(import.meta.url)("node:http") as { createServer: typeof http.createServer };
    const create = module.createServer;
    module.createServer = ((...args: Parameters<typeof create>) => this.#slowed(create(...args))) as typeof create;
    return () => {
      module.createServer = create;
    };
  }

  /** Lets go what is held up, and slows nothing more. */
  end(): void {
    this.#slow = undefined;
    for (const [timeout, go] of this.#held) {
      clearTimeout(timeout);
      go();
    }
    this.#held.clear();
  }

  #slowed(server: http.Server): http.Server {
    const emit = server.emit.bind(server) as (event: string | symbol, ...args: unknown[]) => boolean;
    server.emit = (event: string | symbol, ...args: unknown[]): boolean => {
      if (event !== "request") return emit(event, ...args);
      const [request, response] = args as [http.IncomingMessage, http.ServerResponse];
      if (request.url?.startsWith(DOOR) === true) {
        answerLocally(request, response, (asked) => this.#answer(asked));
        return true;
      }
      if (this.#slow === undefined) return emit(event, ...args);
      return this.#hold(() => emit(event, ...args));
    };
    return server;
  }

  #hold(go: () => void): true {
    const slow = this.#current();
    if (slow === undefined) {
      go();
      return true;
    }
    const timeout = setTimeout(() => {
      this.#held.delete(timeout);
      go();
    }, slow.delayMs);
    this.#held.set(timeout, go);
    return true;
  }

  #current(): Slow | undefined {
    if (this.#slow !== undefined && performance.now() >= this.#slow.until) this.#slow = undefined;
    return this.#slow;
  }

  #answer({ method, url, body }: LocalRequest): LocalAnswer {
    if (url.pathname !== "/_local/faults") throw new RequestError(404, "There is /_local/faults, and nothing else.");
    if (method === "POST") this.#set(body);
    const slow = this.#current();
    const held = this.#held.size;
    if (slow === undefined) return { status: 200, body: { held } };
    const { delayMs, until } = slow;
    const left = until === Infinity ? {} : { leftMs: Math.round(until - performance.now()) };
    return { status: 200, body: { slow: { delayMs, ...left }, held } };
  }

  #set(body: unknown): void {
    const { slow } = (body ?? {}) as { slow?: unknown };
    if (slow === undefined) {
      this.end();
      return;
    }
    const { delayMs, forMs = Infinity } = (slow ?? {}) as { delayMs?: unknown; forMs?: unknown };
    if (!isLength(delayMs) || (forMs !== Infinity && !isLength(forMs))) {
      throw new RequestError(
        400,
        'Send {"slow": {"delayMs": 200, "forMs": 10000}}, or {} to end it; up to a day each.',
      );
    }
    this.#slow = { delayMs, until: performance.now() + forMs };
  }
}

function isLength(ms: unknown): ms is number {
  return typeof ms === "number" && ms >= 1 && ms <= LONGEST_MS;
}
