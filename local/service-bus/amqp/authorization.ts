import type { Clock, Timer } from "../../clock/clock.js";
import { BrokerError } from "../broker/error.js";

/**
 * How long a connection may be used: until the last token that it has put on `$cbs` has expired. In uptime: a client whose own clock
 * does not move with this one's would be locked out by a jump.
 */
export class Authorization {
  readonly #clock: Clock;
  readonly #onExpired: () => void;
  #until = -Infinity;
  #timer: Timer | undefined;

  constructor(clock: Clock, onExpired: () => void) {
    this.#clock = clock;
    this.#onExpired = onExpired;
  }

  /** @throws BrokerError when the connection may not be used */
  check(): void {
    if (this.#until === -Infinity)
      throw new BrokerError("unauthorized", "Unauthorized access: put a token on $cbs before attaching a link.");
    if (this.#clock.uptime() >= this.#until) throw tokenExpired();
  }

  /** A token was accepted. */
  extend(ms: number): void {
    this.#until = Math.max(this.#until, this.#clock.uptime() + ms);
    this.#arm();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #arm(): void {
    this.#timer?.cancel();
    // A clock may call back early: a delay of many days is too long for it.
    this.#timer = this.#clock.after(Math.max(0, Math.ceil(this.#until - this.#clock.uptime())), () => {
      if (this.#clock.uptime() < this.#until) this.#arm();
      else this.#onExpired();
    });
  }
}

/** The beginning is the service's; the rest is for people. */
export function tokenExpired(): BrokerError {
  return new BrokerError("unauthorized", "ExpiredToken: The token is expired. Put a new one on $cbs.");
}
