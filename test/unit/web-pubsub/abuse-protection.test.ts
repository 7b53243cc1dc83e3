import { afterEach, expect, jest, test } from "@jest/globals";
import { ManualClock } from "../../../local/clock/clock.js";
import { AbuseProtection } from "../../../local/web-pubsub/upstream/abuse-protection.js";

const fetched = jest.spyOn(globalThis, "fetch");
afterEach(() => {
  fetched.mockReset();
});

const URL = "http://handler.example/events?code=secret";
const answer = (status: number, origin = "*"): Promise<Response> =>
  Promise.resolve(new Response("", { status, headers: { "webhook-allowed-origin": origin } }));

/** Lets the refresh that runs beside the event come to its end. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i += 1) await Promise.resolve();
}

test("an answer holds for a minute of uptime, and the next question holds nobody up", async () => {
  const clock = new ManualClock();
  const protection = new AbuseProtection("here:1", clock, () => undefined);
  fetched.mockImplementation(() => answer(200, "other, HERE:1"));
  expect(await Promise.all([protection.allows(URL), protection.allows(URL)])).toEqual([true, true]);
  expect(fetched).toHaveBeenCalledTimes(1);
  clock.jump(86_400_000);
  clock.advance(59_999);
  expect(await protection.allows(URL)).toBe(true);
  expect(fetched).toHaveBeenCalledTimes(1);

  fetched.mockImplementation(() => answer(403));
  clock.advance(1);
  expect(await protection.allows(URL)).toBe(true);
  await settle();
  expect(await protection.allows(URL)).toBe(false);
  expect(fetched).toHaveBeenCalledTimes(2);
});

test("a refusal is asked about again after 1, 2, 4 … 60 seconds", async () => {
  const clock = new ManualClock();
  const lines: string[] = [];
  const protection = new AbuseProtection("here:1", clock, (line) => lines.push(line));
  fetched.mockImplementation(() => answer(401));
  expect(await protection.allows(URL)).toBe(false);
  const waits: number[] = [];
  for (let asked = 1, waited = 0; asked < 9;) {
    clock.advance(1000);
    waited += 1;
    expect(await protection.allows(URL)).toBe(false);
    await settle();
    if (fetched.mock.calls.length === asked) continue;
    asked = fetched.mock.calls.length;
    waits.push(waited);
    waited = 0;
  }
  expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
  expect(lines[0]).toBe(
    "The event handler http://handler.example/events gets no events: it answered the validation with 401.",
  );
});

test.each([
  ["other.example", 200],
  ["", 200],
  ["*", 301],
])("WebHook-Allowed-Origin %j with status %i does not allow", async (origin, status) => {
  const protection = new AbuseProtection("here:1", new ManualClock(), () => undefined);
  fetched.mockImplementation(() => answer(status, origin));
  expect(await protection.allows(URL)).toBe(false);
});
