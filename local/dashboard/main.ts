/** The local stack on one page: what happens to each message, what is in the queues, and switches for time and trouble. */
import { button, h } from "../../web/dom.js";
import {
  get,
  getText,
  type FunctionStatus,
  type Part,
  type Queue,
  type Socket,
  type DueItem,
  type Time,
} from "./api.js";
import { Clock } from "./clock.js";
import { Explorer } from "./explorer.js";
import { LifeLines, type HubEvent } from "./life-lines.js";
import { LifeLineList } from "./life-line-list.js";
import { DuePanel, FunctionsPanel, PartsPanel, QueuesPanel, SocketsPanel } from "./panels.js";
import { FaultsPanel } from "./faults.js";
import { MetricsPanel } from "./metrics.js";

const REFRESH_EVERY_MS = 2_000;
const TICK_MS = 250;
const REFRESH_AFTER_MS = 200;

const notice = h("p", { class: "notice", role: "alert" });
const attempt = (act: () => Promise<unknown>): void => {
  act()
    .then(() => refresh())
    .catch((error: unknown) => {
      notice.replaceChildren(
        error instanceof Error ? error.message : String(error),
        button("Dismiss", () => notice.replaceChildren()),
      );
    });
};

const lines = new LifeLines();
const clock = new Clock(attempt);
const list = new LifeLineList(lines);
const parts = new PartsPanel(attempt);
const queues = new QueuesPanel(attempt);
const functions = new FunctionsPanel(attempt);
const sockets = new SocketsPanel(attempt);
const due = new DuePanel();
const metrics = new MetricsPanel();
const faults = new FaultsPanel(attempt);
const explorer = new Explorer();

document.body.append(
  h("header", { class: "top" }, [
    h("h1", {}, ["Local stack"]),
    parts.element,
    h("nav", { "aria-label": "Pages" }, [h("a", { href: "/chat/" }, ["Chat"])]),
  ]),
  notice,
  clock.element,
  h("main", {}, [
    h("div", { class: "side" }, [list.element, metrics.element]),
    h("div", { class: "side" }, [
      queues.element,
      due.element,
      explorer.element,
      functions.element,
      sockets.element,
      faults.element,
    ]),
  ]),
);

let refreshing = false;
let wanted: ReturnType<typeof setTimeout> | undefined;

async function refresh(): Promise<void> {
  if (refreshing || document.hidden) return;
  refreshing = true;
  // A part that is away is shown as such; the rest goes on.
  const asked = <Answer>(path: string): Promise<Answer | undefined> => get<Answer>(path).catch(() => undefined);
  await Promise.all([
    asked<Time>("/time").then((time) => time && clock.show(time)),
    asked<{ parts: readonly Part[] }>("/parts").then((answer) => answer && parts.show(answer.parts)),
    Promise.all([asked<readonly Queue[]>("/service-bus/queues"), getText("/service-bus/metrics").catch(() => "")]).then(
      ([answer, page]) => {
        if (answer === undefined) return;
        queues.show(answer);
        if (page !== "") metrics.sample(page, answer);
      },
    ),
    asked<{ functions: readonly FunctionStatus[] }>("/functions/status").then(
      (answer) => answer && functions.show(answer.functions),
    ),
    asked<{ connections: readonly Socket[] }>("/web-pubsub/connections").then(
      (answer) => answer && sockets.show(answer.connections),
    ),
    // With the functions away it has nothing to show yet.
    explorer.start().catch(() => undefined),
    asked<{ due: readonly DueItem[] }>("/due").then((answer) => answer && due.show(answer.due)),
  ]);
  faults.show(functions.names, queues.names);
  refreshing = false;
}

function refreshSoon(): void {
  wanted ??= setTimeout(() => {
    wanted = undefined;
    list.draw();
    list.tick(clock.now);
    functions.draw();
    void refresh();
  }, REFRESH_AFTER_MS);
}

const events = new EventSource("/events");
events.addEventListener("open", () => {
  list.clear();
  functions.clear();
  metrics.clear();
});
events.addEventListener("message", ({ data }: MessageEvent<string>) => {
  const event = JSON.parse(data) as HubEvent;
  lines.take(event);
  functions.take(event);
  metrics.take(event);
  refreshSoon();
});
setInterval(() => void refresh(), REFRESH_EVERY_MS);
setInterval(() => list.tick(clock.now), TICK_MS);
document.addEventListener("visibilitychange", () => void refresh());
await refresh();
