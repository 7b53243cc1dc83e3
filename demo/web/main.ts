/** `/chat/` shows two people side by side, `/chat/?user=ana` one of them alone. */
import { h } from "../../web/dom.js";
import { Pane } from "./pane.js";
import type { Addresses } from "./session.js";

const query = new URLSearchParams(location.search);
const asked = query.getAll("user").filter((user) => /^[\w.@-]{1,64}$/.test(user));
const users = asked.length === 0 ? ["ana", "bo"] : asked;

const response = await fetch("/stack");
const addresses = (await response.json()) as Addresses;
const panes = users.map(
  (user) =>
    new Pane(
      user,
      users.find((each) => each !== user),
      addresses,
    ),
);
const main = h("main", { class: users.length > 1 ? "side-by-side" : "alone" });

if (users.length > 1) {
  document.body.append(
    h("header", { class: "top" }, [
      h("h1", {}, ["Dayfly"]),
      h("p", {}, ["Two people, one page. What they say is gone after 24 hours."]),
      h(
        "nav",
        { "aria-label": "One person alone" },
        users.map((user) => h("a", { href: `?user=${encodeURIComponent(user)}`, target: "_blank" }, [`${user} alone`])),
      ),
    ]),
  );
}
document.title = users.length > 1 ? "Dayfly chat" : `${users[0] ?? ""} · Dayfly chat`;
main.append(...panes.map((pane) => pane.element));
document.body.append(main);
await Promise.all(panes.map((pane) => pane.start()));
