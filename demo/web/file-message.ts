/** Files as their senders and readers see them: going up, waiting to be opened, open, gone. */
import type { FileShape, MessageShape } from "../../client/chat-client.js";
import { button, h, type Child, type Item } from "../../web/dom.js";
import type { Files, Reading, Upload } from "./files.js";
import { sizeOf, whatWentWrong } from "./words.js";

export interface FileActions {
  readonly open: (message: MessageShape) => void;
  readonly close: (message: MessageShape) => void;
}

/** What is in the bubble of a file. */
export function fileContent(
  each: MessageShape,
  file: FileShape,
  { isMine, reading }: { readonly isMine: boolean; readonly reading: Reading | undefined },
  actions: FileActions,
): readonly Child[] {
  return [
    h("p", { class: "file" }, [h("b", {}, [file.name]), h("span", {}, [sizeOf(file.size)])]),
    reading?.state === "open" ? content(file, reading.open.url) : undefined,
    h("p", { class: "fate" }, [
      ...state(isMine, file, reading),
      reading === undefined && file.state === "ready"
        ? button(isMine ? "Preview" : "Open", () => actions.open(each), {
            ...(isMine ? {} : { class: "strong" }),
            "data-action": "open",
            "aria-label": `${isMine ? "Preview" : "Open"} ${file.name}`,
          })
        : undefined,
      reading?.state === "open"
        ? button("Close", () => actions.close(each), {
            class: "strong",
            "data-action": "open",
            "aria-label": `Close ${file.name}`,
          })
        : undefined,
    ]),
  ];
}

function state(isMine: boolean, file: FileShape, reading: Reading | undefined): readonly Child[] {
  const rule = file.deleteWhen === "first-close" ? "the first reader closes it" : "everyone has closed it";
  if (reading?.state === "open") {
    const left = h("span", { role: "timer", "aria-label": "Time to read", "data-until": reading.open.until });
    return isMine ? [left] : ["Once closed, it is gone for you.", left];
  }
  if (file.state !== "ready") return ["Being deleted …"];
  if (isMine) return [`Gone when ${rule}.`];
  return [reading === undefined ? "Opens once." : "You have closed it."];
}

function content(file: FileShape, url: string): HTMLElement {
  const type = file.contentType.split("/")[0];
  switch (type) {
    case "image":
      return h("img", { class: "shown", src: url, alt: file.name });
    case "video":
      return h("video", { class: "shown", src: url, controls: true });
    case "audio":
      return h("audio", { class: "shown", src: url, controls: true });
    default:
      return h("p", {}, [h("a", { href: url, download: file.name, target: "_blank" }, [`Download ${file.name}`])]);
  }
}

/** A file that is going up. */
export function uploading(upload: Upload, files: Files): Item {
  const { id, file, sent, error } = upload;
  const failed = error !== undefined;
  const percent = file.size === 0 ? 100 : Math.floor((sent / file.size) * 100);
  const text = failed
    ? `Not sent. ${whatWentWrong(error)}`
    : sent === file.size
      ? "Being checked …"
      : `${String(percent)} % of ${sizeOf(file.size)}`;
  return {
    key: `upload ${String(id)}`,
    signature: JSON.stringify([file.name, text]),
    build: () =>
      h("div", { class: "message mine outgoing", "data-state": failed ? "failed" : "sending" }, [
        h("div", { class: "bubble" }, [
          h("p", { class: "author hidden" }, ["You"]),
          h("p", { class: "file" }, [h("b", {}, [file.name])]),
          failed
            ? undefined
            : h("progress", { max: Math.max(1, file.size), value: sent, "aria-label": `Uploading ${file.name}` }),
          h("p", { class: "meta" }, [text]),
        ]),
        h("div", { class: "actions shown", role: "group", "aria-label": "This file" }, [
          failed ? button("Try again", () => files.retry(id), { "data-action": "retry" }) : undefined,
          button(failed ? "Discard" : "Cancel", () => files.discard(id), { "data-action": "discard" }),
        ]),
      ]),
  };
}

/** A file that was here a moment ago. */
export const goneFile = ({ id, name }: { readonly id: string; readonly name: string }): Item => ({
  key: `gone ${id}`,
  signature: name,
  build: () => h("div", { class: "gone", role: "status" }, [`“${name}” is gone.`]),
});
