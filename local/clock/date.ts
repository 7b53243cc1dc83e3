/**
 * Moves this process' `Date`, and announces it. Timers, `performance` and `process.hrtime` stay real: see `Clock`.
 *
 * What Node captured before (the `date` header of its HTTP server, file times) stays real as well.
 */
import { JUMPS } from "./clock.js";

const RealDate = Date;
const realNow = Date.now.bind(Date);

let offset = 0;
let installed = false;

/** Makes `Date` differ from the machine's time by `ms` and dispatches "jump" when that is a change. */
export function setDateOffset(ms: number): void {
  installMovableDate();
  if (ms === offset) return;
  offset = ms;
  jumps().dispatchEvent(new Event("jump"));
}

/** Replaces `Date` by one that can be moved, so that whoever keeps a reference to it sees later jumps. */
export function installMovableDate(): void {
  if (installed) return;
  installed = true;
  jumps();
  const now = (): number => realNow() + offset;
  const MovableDate = new Proxy(RealDate, {
    construct: (target, args, newTarget): object =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget) as object,
    // `Date()` without `new` is a text, whatever the arguments (ECMA-262, 21.4.2.1).
    apply: () => new RealDate(now()).toString(),
  });
  Object.defineProperty(RealDate, "now", { value: now, writable: true, configurable: true });
  Object.defineProperty(RealDate.prototype, "constructor", { value: MovableDate, writable: true, configurable: true });
  globalThis.Date = MovableDate;
}

function jumps(): EventTarget {
  const global = globalThis as unknown as { [JUMPS]?: EventTarget };
  const bus = global[JUMPS] ?? new EventTarget();
  global[JUMPS] = bus;
  return bus;
}
