/**
 * Which load is held: at how many texts a second more than one of a hundred takes longer than a second from POST to a socket, what gives first, and
 * what twice that load does. Texts come at their times whether or not those before have been answered, as people's do.
 */
import { setTimeout as wait } from "node:timers/promises";
import { v7 as uuidv7 } from "uuid";
import type { ChatClient } from "../client/chat-client.js";
import { ms, percentile, type Result } from "./numbers.js";
import type { BenchStack } from "./stack.js";

const CONVERSATIONS = 50;
/** 200 sockets. */
const MEMBERS = 4;
const RATES = [20, 40, 60, 80, 100, 120, 140, 160, 180, 200, 240, 280];
const STEP_S = 10;
const OVERLOAD_S = 20;
const HELD_MS = 1_000;
const LOST_AFTER_MS = 120_000;

interface Step {
  /** Milliseconds from the moment at which a text was to be sent to each socket of another member. */
  readonly times: readonly number[];
  readonly acceptedPerSecond: number;
  /** By status. */
  readonly refused: ReadonlyMap<number, number>;
  /** From the end of sending until the last text was heard. */
  readonly drainedMs: number;
  /** Who used how much CPU, in percent of a core, the busiest first. */
  readonly cpu: string;
}

export async function measureLoadHeld(stack: BenchStack): Promise<readonly Result[]> {
  const crowd = await Crowd.gather(stack);
  try {
    const results: Result[] = [];
    let held = 0;
    for (const rate of RATES) {
      const step = await crowd.write(rate, STEP_S);
      results.push(rowOf(`${String(rate)} texts/s for ${String(STEP_S)} s`, step));
      await stack.idle();
      if (percentile(step.times, 99) > HELD_MS) break;
      held = rate;
    }
    const twice = await crowd.write(2 * held, OVERLOAD_S);
    await stack.idle();
    const after = await crowd.write(held / 2, STEP_S);
    return [
      { what: "held with 200 sockets, p99 from POST to socket", value: `${String(held)} /s`, goal: `≤ ${ms(HELD_MS)}` },
      ...results,
      {
        ...rowOf(`twice that, ${String(2 * held)}/s for ${String(OVERLOAD_S)} s`, twice),
        goal: "recovered within 10 s",
      },
      rowOf(`half of it afterwards`, after),
    ];
  } finally {
    crowd.close();
  }
}

function rowOf(what: string, { times, acceptedPerSecond, refused, drainedMs, cpu }: Step): Result {
  const refusals = [...refused].map(([status, count]) => `${String(count)} × ${String(status)}`);
  return {
    what: `  ${what}`,
    value: `p50 ${ms(percentile(times, 50))}, p99 ${ms(percentile(times, 99))}`,
    beside: [
      `accepted ${acceptedPerSecond.toFixed(0)}/s`,
      ...(refusals.length === 0 ? [] : [refusals.join(", ")]),
      `last one ${(drainedMs / 1_000).toFixed(1)} s after the end`,
      cpu,
    ].join("; "),
  };
}

interface Writer {
  readonly client: ChatClient;
  readonly conversation: string;
}

/** Conversations of four, each member with a socket; the first of each writes. */
class Crowd {
  readonly #stack: BenchStack;
  readonly #people: readonly ChatClient[];
  readonly #writers: readonly Writer[];
  readonly #sent: Map<string, number>;
  readonly #times: number[];

  private constructor(
    stack: BenchStack,
    people: readonly ChatClient[],
    writers: readonly Writer[],
    { sent, times }: { sent: Map<string, number>; times: number[] },
  ) {
    this.#stack = stack;
    this.#people = people;
    this.#writers = writers;
    this.#sent = sent;
    this.#times = times;
  }

  static async gather(stack: BenchStack): Promise<Crowd> {
    const sent = new Map<string, number>();
    const times: number[] = [];
    const people: ChatClient[] = [];
    const writers: Writer[] = [];
    for (let n = 0; n < CONVERSATIONS; n++) {
      const names = Array.from({ length: MEMBERS }, (_, member) => `crowd-${String(n)}-${String(member)}`);
      const members = await Promise.all(
        names.map((name) =>
          stack.person(name, {
            onChange: (_, { message }) => {
              const begun = message === undefined || message.author === name ? undefined : sent.get(message.id);
              if (begun !== undefined) times.push(performance.now() - begun);
            },
          }),
        ),
      );
      const [client] = members;
      if (client === undefined) continue;
      writers.push({ client, conversation: (await client.start(names.slice(1))).id });
      await Promise.all(members.map((member) => member.connect()));
      people.push(...members);
    }
    return new Crowd(stack, people, writers, { sent, times });
  }

  /** Has them write at a rate; resolves when everybody has heard everything that was accepted. */
  async write(perSecond: number, seconds: number): Promise<Step> {
    this.#sent.clear();
    this.#times.length = 0;
    const refused = new Map<number, number>();
    let accepted = 0;
    const cpuBefore = await this.#stack.cpu();
    const begun = performance.now();
    const answers: Promise<void>[] = [];
    for (let n = 0; n < perSecond * seconds; n++) {
      const at = begun + (n * 1_000) / perSecond;
      if (at > performance.now()) await wait(at - performance.now());
      const writer = this.#writers[n % this.#writers.length];
      if (writer === undefined) continue;
      const id = uuidv7();
      this.#sent.set(id, at);
      answers.push(
        writer.client.api.send(writer.conversation, { id, text: `text ${String(n)}` }).then(
          () => {
            accepted += 1;
          },
          (error: unknown) => {
            const { status = 0 } = error as { readonly status?: number };
            refused.set(status, (refused.get(status) ?? 0) + 1);
          },
        ),
      );
    }
    const ended = performance.now();
    await Promise.all(answers);
    const answered = performance.now();
    const awaited = accepted * (MEMBERS - 1);
    while (this.#times.length < awaited) {
      if (performance.now() - answered > LOST_AFTER_MS)
        throw new Error(`only ${String(this.#times.length)} of ${String(awaited)} were heard`);
      await wait(10);
    }
    const drainedMs = performance.now() - ended;
    const cpuAfter = await this.#stack.cpu();
    const elapsedS = (performance.now() - begun) / 1_000;
    const shares = [...cpuAfter]
      .map(([part, used]) => ({ part, percent: Math.round(((used - (cpuBefore.get(part) ?? 0)) / elapsedS) * 100) }))
      .sort((a, b) => b.percent - a.percent);
    return {
      times: [...this.#times],
      acceptedPerSecond: accepted / ((answered - begun) / 1_000),
      refused,
      drainedMs,
      cpu: shares.map(({ part, percent }) => `${part} ${String(percent)} %`).join(", "),
    };
  }

  close(): void {
    for (const person of this.#people) person.close();
  }
}
