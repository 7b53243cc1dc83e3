/** All that a stack tells of what it has done, but for its logs: nothing of it may say what people wrote, or what lets them in. */
import { operator } from "./operator.js";
import type { Stack } from "./stack.js";

/** Texts by where they were read. Another place is one more line here. */
export async function toldBy(stack: Stack): Promise<ReadonlyMap<string, string>> {
  const { control } = stack.info;
  const told = new Map<string, string>();
  const queues = (await (await fetch(`${control}/service-bus/queues`)).json()) as { name: string }[];
  const places = [
    ...["/spans", "/traces", "/due", "/web-pubsub/connections", "/web-pubsub/status", "/functions/status", "/parts"],
    ...["/service-bus/metrics", "/service-bus/queues"],
    // With their bodies: what is dead is moved on at once, and leaves nothing there.
    ...queues.map(({ name }) => `/service-bus/queues/${name}/dead-letters`),
  ];
  for (const place of places) {
    const response = await fetch(control + place);
    if (!response.ok) throw new Error(`${place}: ${String(response.status)}`);
    told.set(place, await response.text());
  }
  const olga = await operator(stack);
  for (const list of ["status", "failures", "runs", "audit"]) {
    for (let cursor = ""; ;) {
      const { status, body } = await olga.request("GET", `ops/${list}${cursor === "" ? "" : `?cursor=${cursor}`}`);
      if (status !== 200) throw new Error(`ops/${list}: ${String(status)}`);
      told.set(`ops/${list} ${cursor}`, JSON.stringify(body));
      if (typeof body["nextCursor"] !== "string") break;
      cursor = encodeURIComponent(body["nextCursor"]);
    }
  }
  const failures = JSON.parse(told.get("ops/failures ") ?? "{}") as { items?: { id: string }[] };
  for (const { id } of failures.items ?? [])
    told.set(`ops/failures/${id}`, JSON.stringify((await olga.request("GET", `ops/failures/${id}`)).body));
  return told;
}

/** Hears the stream of all that happens, from now on. */
export async function hearEvents(stack: Stack): Promise<{ text(): string; close(): void }> {
  const ended = new AbortController();
  const response = await fetch(`${stack.info.control}/events`, { signal: ended.signal });
  let text = "";
  const reading = (async () => {
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) text += chunk;
  })().catch(() => undefined);
  return {
    text: () => text,
    close: () => {
      ended.abort();
      void reading;
    },
  };
}
