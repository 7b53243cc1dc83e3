import { once } from "node:events";
import { afterEach, expect, test } from "@jest/globals";
import { fixture, PRELOAD, Program } from "./program.js";

const DAY = 86_400_000;
/** Far more than a message between two processes takes, far less than any jump here. */
const TOLERANCE_MS = 5_000;

type Setting = number | { readonly offsetMs: number } | { readonly frozenAt: number };

interface Told {
  readonly what: string;
  readonly now: number;
  readonly made: number;
  readonly start: number;
}

const programs: Program[] = [];
afterEach(async () => {
  await Promise.all(programs.splice(0).map((program) => program.end("SIGKILL")));
});

function run(...args: ConstructorParameters<typeof Program>): Program {
  const program = new Program(...args);
  programs.push(program);
  return program;
}

async function clockServer(
  offsetMs = 0,
): Promise<{ address: string; move(to: Setting): Promise<readonly number[]>; program: Program }> {
  const program = run([fixture("clock-server.js"), String(offsetMs)], {}, true);
  const { address } = await program.json<{ address: string }>();
  const move = async (to: Setting): Promise<readonly number[]> => {
    program.child.send(to);
    const [{ late }] = (await once(program.child, "message")) as [{ late: number[] }];
    return late;
  };
  return { address, move, program };
}

async function told(program: Program): Promise<Told> {
  const [message] = (await once(program.child, "message")) as [Told];
  return message;
}

async function askTime(program: Program): Promise<Told> {
  program.child.send("what time is it?");
  return told(program);
}

function teller(file: string, address: string): Program {
  return run([`--import=${PRELOAD}`, fixture(file)], { LOCAL_CLOCK: address }, true);
}

function offsetOf({ now, made }: Told): number {
  expect(Math.abs(made - now)).toBeLessThan(TOLERANCE_MS);
  // `|| 0`: to jest, -0 is not 0.
  return Math.round((now - Date.now()) / TOLERANCE_MS) * TOLERANCE_MS || 0;
}

test("processes start with the stack's time, ES modules and CommonJS alike, and follow each jump before it is answered", async () => {
  const clock = await clockServer(DAY);
  const tellers = [teller("tell-time.js", clock.address), teller("tell-time.cjs", clock.address)];
  for (const first of await Promise.all(tellers.map(told))) {
    expect(first.what).toBe("start");
    expect(offsetOf(first)).toBe(DAY);
    // The main module never saw another time.
    expect(Math.abs(first.start - first.now)).toBeLessThan(TOLERANCE_MS);
  }
  for (const offset of [3 * DAY, 0]) {
    const heard = Promise.all(tellers.map(told));
    expect(await clock.move(offset)).toEqual([]);
    for (const jump of await heard) {
      expect(jump.what).toBe("jump");
      expect(offsetOf(jump)).toBe(offset);
    }
  }
});

test("a frozen clock says one and the same in every process, those that start later included, until it is moved or released", async () => {
  const clock = await clockServer(DAY);
  const early = [teller("tell-time.js", clock.address), teller("tell-time.cjs", clock.address)];
  await Promise.all(early.map(told));
  const since = Date.now() + DAY;
  for (const frozenAt of [since, since + 3_600_000]) {
    const jumps = Promise.all(early.map(told));
    expect(await clock.move({ frozenAt })).toEqual([]);
    for (const { now, made } of await jumps) expect([now, made]).toEqual([frozenAt, frozenAt]);
    // Asked twice, with the start of a whole process in between: it stands.
    for (const each of early) expect((await askTime(each)).now).toBe(frozenAt);
    const late = teller("tell-time.js", clock.address);
    expect((await told(late)).start).toBe(frozenAt);
    await late.end("SIGKILL");
    for (const each of early) expect((await askTime(each)).now).toBe(frozenAt);
  }
  // It stands again where it stood: no jump, and nobody is told of one.
  expect(await clock.move({ frozenAt: since + 3_600_000 })).toEqual([]);
  const released = Promise.all(early.map(told));
  expect(await clock.move({ offsetMs: -DAY })).toEqual([]);
  for (const jump of await released) expect([jump.what, offsetOf(jump)]).toEqual(["jump", -DAY]);
});

test("while the clock stands nothing falls due by it, time-outs go on; moved or released, what is due comes", async () => {
  const clock = await clockServer();
  const program = teller("appointments.js", clock.address);
  const first = (await told(program)).now;
  const frozenAt = first + DAY;
  await clock.move({ frozenAt });
  program.child.send({ at: frozenAt + 1 });
  program.child.send({ at: frozenAt + DAY + 1 });
  program.child.send({ after: 50 });
  // Had the millisecond passed, it would have been told of before.
  expect(await told(program)).toEqual({ what: "after 50", now: frozenAt });
  let next = told(program);
  await clock.move({ frozenAt: frozenAt + 1 });
  expect(await next).toEqual({ what: `at ${String(frozenAt + 1)}`, now: frozenAt + 1 });
  program.child.send({ after: 1 });
  expect((await told(program)).what).toBe("after 1");
  next = told(program);
  await clock.move({ offsetMs: 3 * DAY });
  expect((await next).what).toBe(`at ${String(frozenAt + DAY + 1)}`);
});

test("a process keeps its time while the control is away, and needs none to end", async () => {
  const clock = await clockServer(DAY);
  const program = teller("tell-time.js", clock.address);
  await told(program);
  await clock.program.end("SIGKILL");
  expect(offsetOf(await askTime(program))).toBe(DAY);
  program.child.disconnect();
  expect(await program.exit).toEqual({ code: 0, signal: null });
});

test("a process that has died is not waited for; one that is held up is named", async () => {
  const clock = await clockServer();
  const [dead, held, well] = [1, 2, 3].map(() => teller("tell-time.js", clock.address)) as [Program, Program, Program];
  await Promise.all([dead, held, well].map(told));
  await dead.end("SIGKILL");
  held.child.kill("SIGSTOP");
  expect(await clock.move(DAY)).toEqual([held.pid]);
  expect(offsetOf(await askTime(well))).toBe(DAY);
  const late = told(held);
  held.child.kill("SIGCONT");
  expect(offsetOf(await late)).toBe(DAY);
  expect(await clock.move(2 * DAY)).toEqual([]);
});

test("Date behaves in every other way as it did, in worker threads as well", async () => {
  const clock = await clockServer(DAY);
  const program = run([`--import=${PRELOAD}`, fixture("date-behaviour.js")], { LOCAL_CLOCK: clock.address });
  const { code } = await program.exit;
  expect(program.stderr.join("\n")).toBe("");
  expect(program.stdout).toEqual(["as expected"]);
  expect(code).toBe(0);
});

test("without LOCAL_CLOCK the preload does nothing", async () => {
  const code =
    "console.log(Date.toString(), Object.getOwnPropertySymbols(globalThis).includes(Symbol.for('local.clock.jumps')))";
  const program = run([`--import=${PRELOAD}`, "-e", code], { LOCAL_CLOCK: undefined });
  await program.exit;
  expect(program.stdout).toEqual(["function Date() { [native code] } false"]);
});

test("a process starts, at real time, although nobody is there to tell", async () => {
  const gone = await clockServer();
  await gone.program.end("SIGKILL");
  const program = teller("tell-time.js", gone.address);
  expect(offsetOf(await told(program))).toBe(0);
});
