import { h } from "../../web/dom.js";

/** A titled part of the page. */
export function panel(title: string, content: readonly HTMLElement[]): HTMLElement {
  const id = `panel-${title.toLowerCase().replaceAll(/\W+/g, "-")}`;
  return h("section", { "aria-labelledby": id }, [h("h2", { id }, [title]), ...content]);
}
