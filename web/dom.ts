/** The little that it takes to build a page: elements, and lists that change. */

type Attribute = string | number | boolean | undefined;
type Handlers = { readonly [Name in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[Name]) => void };
export type Child = Node | string | undefined;

/** An element. Attributes that are false or undefined are left out, text is only ever text. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, Attribute>> = {},
  children: readonly Child[] = [],
  on: Handlers = {},
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const [name, handler] of Object.entries(on)) element.addEventListener(name, handler as EventListener);
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

export function button(
  label: string,
  act: () => void,
  attributes: Readonly<Record<string, Attribute>> = {},
): HTMLButtonElement {
  return h("button", { type: "button", ...attributes }, [label], { click: act });
}

/** One item of a list: the same key and signature keep the element that is there. */
export interface Item {
  readonly key: string;
  readonly signature: string;
  readonly build: () => HTMLElement;
}

const signatures = new WeakMap<HTMLElement, string>();

/** Makes the children of `list` those items, touching only what has changed; the focus stays on the control that had it. */
export function fill(list: HTMLElement, items: readonly Item[]): void {
  const present = new Map([...list.children].map((child) => [(child as HTMLElement).dataset["key"], child]));
  let before: Element | undefined;
  for (const { key, signature, build } of items) {
    const old = present.get(key) as HTMLElement | undefined;
    present.delete(key);
    let element = old;
    if (old === undefined || signatures.get(old) !== signature) {
      element = build();
      element.dataset["key"] = key;
      signatures.set(element, signature);
      if (old !== undefined) replace(old, element);
    }
    if (element === undefined) continue;
    const next = before === undefined ? list.firstElementChild : before.nextElementSibling;
    if (next !== element) list.insertBefore(element, next);
    before = element;
  }
  for (const gone of present.values()) gone.remove();
}

function replace(old: HTMLElement, element: HTMLElement): void {
  const focused = old.contains(document.activeElement)
    ? (document.activeElement as HTMLElement).dataset["action"]
    : undefined;
  old.replaceWith(element);
  if (focused === undefined) return;
  const same = element.querySelector<HTMLElement>(`[data-action="${focused}"]`);
  (same ?? element.querySelector<HTMLElement>("button"))?.focus();
}
