import { describe, expect, test } from "@jest/globals";
import type { SessionLock } from "../../../local/service-bus/broker/model.js";
import { FakeLink, Fixture, settled } from "./fake-broker.js";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

const nobody = (): void => undefined;

/** Somebody who waits for a session, and what came of it. */
class Waiting {
  readonly locks: SessionLock[] = [];
  lost = 0;
  timeouts = 0;
  stop = nobody;

  get accepted(): string[] {
    return this.locks.map(({ session }) => session.id);
  }

  granted(lock: SessionLock): void {
    this.locks.push(lock);
  }

  timedOut(): void {
    this.timeouts++;
  }

  onLost = (): void => {
    this.lost++;
  };

  first(): SessionLock {
    const [lock] = this.locks;
    if (lock === undefined) throw new Error("No session was granted.");
    return lock;
  }
}

class SessionFixture extends Fixture {
  constructor(settings = {}) {
    super({ requiresSession: true, ...settings });
  }

  put(sessionId: string, body: string, more = {}): Promise<number[]> {
    return this.send(body, { sessionId, ...more });
  }

  /** Takes messages of a session that is held. */
  take(lock: SessionLock, credit: number): FakeLink {
    const link = new FakeLink(credit);
    this.queue.receiveFromSession(lock, link, "peek-lock");
    this.queue.sessions.pump(lock);
    return link;
  }

  accept(id: string): SessionLock {
    return this.queue.sessions.accept(id, nobody);
  }

  wait(timeout = MINUTE): Waiting {
    const waiting = new Waiting();
    waiting.stop = this.queue.sessions.acceptNext(waiting, timeout);
    return waiting;
  }
}

describe("accepting", () => {
  test("SB-49: by name, also an empty one; a held one is refused", () => {
    const f = new SessionFixture();
    const lock = f.accept("s");
    expect(() => f.accept("s")).toThrow("cannot be accepted");
    f.queue.sessions.end(lock);
    f.accept("s");
  });

  test("SB-50: next is the free session with the lowest number", async () => {
    const f = new SessionFixture();
    await f.put("b", "1");
    await f.put("a", "2");
    expect(f.wait().accepted).toEqual(["b"]);
    expect(f.wait().accepted).toEqual(["a"]);
  });

  test("whoever waits is served as soon as a session has work, in turn; each gets another", async () => {
    const f = new SessionFixture();
    const [first, second] = [f.wait(), f.wait()];
    await f.put("a", "1");
    await f.put("a", "2");
    await f.put("b", "3");
    expect([first.accepted, second.accepted]).toEqual([["a"], ["b"]]);
  });

  test("SB-50: a wait ends after its time of uptime, not at a jump", () => {
    const f = new SessionFixture();
    const waiter = f.wait(10 * SECOND);
    f.clock.jump(MINUTE);
    expect(waiter.timeouts).toBe(0);
    f.clock.advance(10 * SECOND);
    expect(waiter.timeouts).toBe(1);
    expect(f.queue.sessions.waiting).toBe(0);
  });

  test("nothing is given to one that has gone away", async () => {
    const f = new SessionFixture();
    const gone = f.wait();
    gone.stop();
    const here = f.wait();
    await f.put("a", "1");
    expect([gone.accepted, here.accepted]).toEqual([[], ["a"]]);
  });

  test("SB-40: a session with deferred messages only is not next", async () => {
    const f = new SessionFixture();
    await f.put("a", "1");
    const lock = f.wait().first();
    await f.queue.settle(f.take(lock, 1).last(), { kind: "defer" });
    f.queue.sessions.end(lock);
    expect(f.wait().accepted).toEqual([]);
    const named = f.accept("a");
    await expect(f.queue.receiveDeferred("main", [1], "peek-lock", "a")).resolves.toHaveLength(1);
    f.queue.sessions.end(named);
    await expect(f.queue.receiveDeferred("main", [1], "peek-lock", "a")).rejects.toMatchObject({
      refusal: "session-lock-lost",
    });
  });
});

describe("holding", () => {
  test("SB-51: in order, many in flight, an abandoned one comes next, later ones belong to the holder", async () => {
    const f = new SessionFixture();
    for (const body of ["1", "2", "3"]) await f.put("s", body);
    const lock = f.accept("s");
    const link = f.take(lock, 2);
    expect(link.bodies()).toEqual(["1", "2"]);
    await f.queue.settle(link.got[0]?.lock ?? link.last(), { kind: "abandon" });
    await f.put("s", "4");
    const waiter = f.wait();
    link.credit = 5;
    f.queue.sessions.pump(lock);
    expect(link.bodies()).toEqual(["1", "2", "1", "3", "4"]);
    expect(waiter.accepted).toEqual([]);
  });

  test("SB-52: when the lock ends the holder is told, what is unsettled counts one more, the next is served", async () => {
    const f = new SessionFixture();
    await f.put("s", "1");
    const holder = f.wait();
    const link = f.take(holder.first(), 1);
    const next = f.wait(10 * MINUTE);
    f.clock.advance(MINUTE);
    expect(holder.lost).toBe(1);
    expect(next.accepted).toEqual(["s"]);
    await expect(f.queue.settle(link.last(), { kind: "complete" })).rejects.toMatchObject({
      refusal: "session-lock-lost",
    });
    expect(f.take(next.first(), 1).got[0]?.message.status.deliveryCount).toBe(1);
  });

  test("SB-52: renewed, it lasts; a jump does not end it", async () => {
    const f = new SessionFixture();
    await f.put("s", "1");
    const lock = f.accept("s");
    f.clock.advance(MINUTE - 1);
    f.queue.sessions.renew(lock);
    f.clock.jump(60 * MINUTE);
    f.clock.advance(MINUTE - 1);
    expect(f.queue.sessions.isHeld(lock)).toBe(true);
    f.clock.advance(1);
    expect(() => {
      f.queue.sessions.renew(lock);
    }).toThrow("lock has expired");
  });

  test("SB-53: given back, it is free at once and nothing is counted", async () => {
    const f = new SessionFixture();
    await f.put("s", "1");
    await f.put("s", "2");
    const lock = f.accept("s");
    f.take(lock, 2);
    const next = f.wait();
    f.queue.sessions.end(lock);
    const link = f.take(next.first(), 2);
    expect(link.bodies()).toEqual(["1", "2"]);
    expect(link.got.map(({ message }) => message.status.deliveryCount)).toEqual([0, 0]);
  });

  test("a session that is given back during a settlement is offered when its order is known again", async () => {
    const f = new SessionFixture();
    await f.put("s", "1");
    await f.put("s", "2");
    const lock = f.accept("s");
    const abandoned = f.queue.settle(f.take(lock, 1).last(), { kind: "abandon" });
    f.queue.sessions.end(lock);
    const next = f.wait();
    expect(next.accepted).toEqual([]);
    await abandoned;
    expect(f.take(next.first(), 2).bodies()).toEqual(["1", "2"]);
  });

  test("SB-54: the state outlives holders, messages and a restart; undefined clears it", async () => {
    const f = new SessionFixture();
    let lock = f.accept("s");
    await f.queue.setSessionState("s", Buffer.from("state"));
    f.queue.sessions.end(lock);
    expect(() => f.queue.sessionState("s")).toThrow("Accept a new");
    f.restart();
    lock = f.accept("s");
    expect(f.queue.sessionState("s")).toEqual(Buffer.from("state"));
    await f.queue.setSessionState("s", undefined);
    f.queue.sessions.end(lock);
    expect(f.queue.sessions.size).toBe(0);
    expect(f.store.map.size).toBe(0);
  });

  test("a session without messages, state and holder costs nothing", async () => {
    const f = new SessionFixture();
    for (let n = 0; n < 100; n++) await f.put(`s${n}`, String(n));
    for (let n = 0; n < 100; n++) {
      const lock = f.accept(`s${n}`);
      await f.queue.settle(f.take(lock, 1).last(), { kind: "complete" });
      f.queue.sessions.end(lock);
    }
    expect(f.queue.sessions.size).toBe(0);
  });
});

describe("expiry in sessions", () => {
  test.each([
    [true, ["1", "2"]],
    [false, ["1"]],
  ])("SB-30: with expireWholeSession %s the session expires accordingly", async (expireWholeSession, expired) => {
    const f = new SessionFixture({ expireWholeSession, deadLetteringOnMessageExpiration: true });
    await f.put("s", "1", { timeToLive: SECOND });
    await f.put("s", "2");
    await f.put("t", "3");
    f.clock.advance(SECOND);
    await settled();
    expect(f.receive(9, "dead-letter").bodies()).toEqual(expired);
    expect(f.queue.counts().active).toBe(3 - expired.length);
  });
});

test("SB-48, SB-35: plain receivers and peeks are for its dead-letter queue only", async () => {
  const f = new SessionFixture({ maxDeliveryCount: 1 });
  await f.put("s", "1");
  expect(() => f.receive(1)).toThrow("requires sessions");
  expect(() => f.queue.peek("main", 1, 1)).toThrow("requires sessions");
  expect(f.queue.peek("main", 1, 1, "s")).toHaveLength(1);
  const lock = f.accept("s");
  await f.queue.settle(f.take(lock, 1).last(), { kind: "abandon" });
  expect(f.receive(1, "dead-letter").got[0]?.message.sessionId).toBe("s");
  expect(f.queue.peek("dead-letter", 1, 9)).toHaveLength(1);
});
