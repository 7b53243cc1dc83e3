/** How people and conversations are called and look. */
import type { ConversationShape } from "../../client/chat-client.js";
import { h } from "../../web/dom.js";
import { namesOf } from "./words.js";

export function nameOf({ title, members }: ConversationShape, user: string): string {
  return title ?? namesOf(members.filter((member) => member !== user));
}

/** A coloured letter: the same name has the same colour everywhere. */
export function avatar(name: string): HTMLElement {
  const letters = Array.from(name);
  const hue = letters.reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 360, 7);
  const element = h("span", { class: "avatar", "aria-hidden": "true" }, [(letters[0] ?? "").toUpperCase()]);
  element.style.setProperty("--hue", String(hue));
  return element;
}
