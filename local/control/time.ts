/** `/time`: what the clock of the stack says, and how it is moved, stopped and put right. */
import { machineNow, type ClockSetting } from "../clock/date.js";
import { parseIsoDuration } from "../clock/duration.js";
import { RequestError } from "../loopback-server.js";
import type { ClockServer } from "./clock-server.js";

export interface Time {
  readonly now: string;
  /** How far it is from the machine's time. */
  readonly offsetMs: number;
  readonly frozen: boolean;
}

/** Further away than anyone wants to be, and safely inside what `Date` can hold. */
const FARTHEST_OFFSET_MS = 100 * 366 * 24 * 3_600_000;

export function readTime(clock: ClockServer): Time {
  return { now: new Date().toISOString(), offsetMs: clock.offsetMs, frozen: "frozenAt" in clock.setting };
}

/**
 * Answers after every process has followed. The way is forward, as time goes; only `reset` goes to the machine's own time.
 * @param save keeps the setting for the next start
 * @throws RequestError 400 for what is no move, 504 when a process did not follow in time
 */
export async function moveClock(
  body: unknown,
  clock: ClockServer,
  save: (setting: ClockSetting) => Promise<void>,
): Promise<Time> {
  const setting = settingAfter(clock.setting, body);
  const offsetMs = "frozenAt" in setting ? setting.frozenAt - machineNow() : setting.offsetMs;
  if (offsetMs > FARTHEST_OFFSET_MS) throw new RequestError(400, 'That is too far away. {"reset": true} goes back.');
  const late = await clock.moveTo(setting);
  await save(clock.setting);
  if (late.length === 0) return readTime(clock);
  throw new RequestError(504, `The clock has moved, but processes ${late.join(", ")} did not say that they followed.`);
}

function settingAfter(setting: ClockSetting, body: unknown): ClockSetting {
  const asked = (body ?? {}) as Readonly<Record<string, unknown>>;
  const { advance, freeze, reset } = asked;
  const step = typeof advance === "string" ? parseIsoDuration(advance) : undefined;
  const isOne = [advance, freeze, reset].filter((value) => value !== undefined).length === 1;
  if (isOne && reset === true) return { offsetMs: 0 };
  if (isOne && freeze === true) return "frozenAt" in setting ? setting : { frozenAt: Date.now() };
  if (isOne && freeze === false) {
    return "frozenAt" in setting ? { offsetMs: setting.frozenAt - machineNow() } : setting;
  }
  if (isOne && step !== undefined) {
    return "frozenAt" in setting ? { frozenAt: setting.frozenAt + step } : { offsetMs: setting.offsetMs + step };
  }
  throw new RequestError(
    400,
    'Send {"advance": "PT24H"}, an ISO 8601 duration without sign, years and months, {"freeze": true}, {"freeze": false}, or {"reset": true}.',
  );
}
