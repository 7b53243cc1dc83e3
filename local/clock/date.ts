/**
 * Moves this process' `Date`, and announces it. Timers, `performance` and `process.hrtime` stay real: see `Clock`.
 *
 * What Node captured before (the `date` header of its HTTP server, file times) stays real as well.
 */
import { JUMPS, type Jumps } from "./clock.js";

/** A clock that runs differs from the machine's by `offsetMs`; one that stands says `frozenAt`, milliseconds since the epoch. */
export type ClockSetting = { readonly offsetMs: number } | { readonly frozenAt: number };

const RealDate = Date;
/** The machine's own time, wherever the clock of the stack is. */
export const machineNow = Date.now.bind(Date);

let setting: ClockSetting = { offsetMs: 0 };
let installed = false;

/** Makes `Date` follow the setting, and dispatches "jump" when that is a change. */
export function setDate(next: ClockSetting): void {
  installMovableDate();
  if (areSame(setting, next)) return;
  setting = next;
  const bus = jumps();
  bus.isFrozen = "frozenAt" in next;
  bus.dispatchEvent(new Event("jump"));
}

/** Replaces `Date` by one that can be moved, so that whoever keeps a reference to it sees later jumps. */
export function installMovableDate(): void {
  if (installed) return;
  installed = true;
  jumps();
  const now = (): number => ("frozenAt" in setting ? setting.frozenAt : machineNow() + setting.offsetMs);
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

function areSame(a: ClockSetting, b: ClockSetting): boolean {
  if ("frozenAt" in a) return "frozenAt" in b && a.frozenAt === b.frozenAt;
  return "offsetMs" in b && a.offsetMs === b.offsetMs;
}

function jumps(): Jumps {
  const global = globalThis as unknown as { [JUMPS]?: Jumps };
  const bus = global[JUMPS] ?? new EventTarget();
  global[JUMPS] = bus;
  return bus;
}
