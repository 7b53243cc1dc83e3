/** One message, as its reader sees it. */
import type { MessageShape, Outgoing } from "../../client/chat-client.js";
import { button, h, type Child, type Item } from "../../web/dom.js";
import { fileContent, type FileActions } from "./file-message.js";
import type { Reading } from "./files.js";
import { dayOf, namesOf, timeOfDay, whyItFailed } from "./words.js";

export interface Actions extends FileActions {
  readonly reply: (message: MessageShape) => void;
  readonly edit: (message: MessageShape) => void;
  readonly keep: (message: MessageShape) => void;
  readonly release: (message: MessageShape) => void;
  readonly decline: (message: MessageShape) => void;
  readonly unsend: (message: MessageShape) => void;
  readonly retry: (id: string) => void;
  readonly discard: (id: string) => void;
}

export interface View {
  readonly message: MessageShape;
  readonly user: string;
  /** What it replies to, while that lives. */
  readonly quoted: MessageShape | undefined;
  readonly deliveredTo: readonly string[];
  readonly readBy: readonly string[];
  /** How many others there are. */
  readonly of: number;
  /** The user does not want to be asked any more. */
  readonly isDeclined: boolean;
  readonly showsAuthor: boolean;
  /** Of a file that the user has opened. */
  readonly reading: Reading | undefined;
  readonly canEdit: boolean;
  /** What it says is not yet what the server has. */
  readonly isSaving: boolean;
}

export function message(view: View, actions: Actions): Item {
  // What is left of its life changes all the time, and is shown by a clock of its own.
  const told = { ...view.message, expiresInMs: 0 };
  const { quoted } = view;
  const quotes = quoted === undefined ? undefined : [quoted.id, quoted.text];
  return {
    key: view.message.id,
    signature: JSON.stringify({ ...view, message: told, quoted: quotes, reading: view.reading?.state }),
    build: () => build(view, actions),
  };
}

function build(view: View, actions: Actions): HTMLElement {
  const { message: each, user, quoted } = view;
  const isMine = each.author === user;
  const bubble = h("div", { class: "bubble" }, [
    h("p", { class: isMine || !view.showsAuthor ? "author hidden" : "author" }, [isMine ? "You" : each.author]),
    each.replyTo === undefined ? undefined : quote(quoted),
    ...(each.file === undefined
      ? [h("p", { class: "text" }, [each.text ?? ""])]
      : fileContent(each, each.file, { isMine, reading: view.reading }, actions)),
    h("p", { class: "meta" }, [
      h("time", { datetime: each.sentAt }, [timeOfDay(each.sentAt)]),
      view.isSaving ? h("span", { class: "edited" }, ["saving …"]) : undefined,
      each.edited === undefined || view.isSaving
        ? undefined
        : h("span", { class: "edited", title: `Changed ${new Date(each.edited.at).toLocaleString()}` }, ["edited"]),
      h("span", {
        class: "left",
        role: "timer",
        "aria-label": "Time left",
        "data-ends": Date.parse(each.expiresAt),
        title: `Ends ${new Date(each.expiresAt).toLocaleString()}`,
      }),
      isMine ? receipt(view) : undefined,
    ]),
  ]);
  const state = each.retention.state;
  const canAsk = state === "none" || state === "released" || (state === "pending" && view.isDeclined);
  const controls = h(
    "div",
    { class: "actions", role: "group", "aria-label": "This message" },
    [
      button("Reply", () => actions.reply(each), { "data-action": "reply" }),
      canAsk
        ? button("Keep", () => actions.keep(each), { "data-action": "keep", title: "Ask everyone to keep it" })
        : undefined,
      isMine && view.canEdit ? button("Edit", () => actions.edit(each), { "data-action": "edit" }) : undefined,
      isMine ? button("Unsend", () => actions.unsend(each), { "data-action": "unsend" }) : undefined,
    ].filter((child) => child !== undefined),
  );
  return h("div", { class: isMine ? "message mine" : "message", "data-retention": state }, [
    bubble,
    keeping(view, actions),
    controls,
  ]);
}

function quote(quoted: MessageShape | undefined): HTMLElement {
  return quoted === undefined
    ? h("blockquote", { class: "quote gone" }, ["A message that is gone"])
    : h("blockquote", { class: "quote" }, [h("b", {}, [quoted.author]), ` ${quoted.text ?? quoted.file?.name ?? ""}`]);
}

function receipt({ deliveredTo, readBy, of }: View): HTMLElement {
  const [state, mark, label] =
    readBy.length > 0
      ? ["read", "✓✓", `Read by ${namesOf(readBy)}`]
      : deliveredTo.length > 0
        ? ["delivered", "✓✓", `Delivered to ${namesOf(deliveredTo)}`]
        : ["sent", "✓", "Sent"];
  const count = of > 1 && readBy.length > 0 ? ` ${readBy.length}/${of}` : "";
  return h("span", { class: `receipt ${state}`, role: "img", "aria-label": label, title: label }, [`${mark}${count}`]);
}

/** How far keeping it together has come, and what the reader can do about it. */
function keeping({ message: each, user, isDeclined }: View, actions: Actions): Child {
  const { state, required, consents, until } = each.retention;
  const given = consents.map((consent) => consent.user);
  const withdraw = (label: string): HTMLElement =>
    button(label, () => actions.release(each), { "data-action": "keep" });
  if (state === "retained") {
    const text = `Kept by everyone${until === undefined ? "" : ` until ${dayOf(until)}`}.`;
    return h("p", { class: "keeping kept" }, [text, required.includes(user) ? withdraw("Let go") : undefined]);
  }
  if (state !== "pending") return undefined;
  if (given.includes(user)) {
    const missing = required.filter((each) => !given.includes(each));
    return h("p", { class: "keeping asked" }, [
      `You want to keep this. Waiting for ${namesOf(missing)}.`,
      withdraw("Withdraw"),
    ]);
  }
  if (isDeclined) return undefined;
  return h("p", { class: "keeping asks" }, [
    `${namesOf(given)} would like to keep this.`,
    button("Agree", () => actions.keep(each), { "data-action": "keep", class: "strong" }),
    button("Not now", () => actions.decline(each), { "data-action": "decline" }),
  ]);
}

/** What is on its way. */
export function outgoing(each: Outgoing, conversationId: string, actions: Actions): Item {
  return {
    key: each.id,
    signature: JSON.stringify([conversationId, each]),
    build: () => {
      const failed = each.state === "failed";
      return h("div", { class: "message mine outgoing", "data-state": each.state }, [
        h("div", { class: "bubble" }, [
          h("p", { class: "author hidden" }, ["You"]),
          h("p", { class: "text" }, [each.text]),
          h("p", { class: "meta" }, [failed ? `Not sent. ${whyItFailed(each.code ?? "")}` : "Sending …"]),
        ]),
        failed
          ? h("div", { class: "actions shown", role: "group", "aria-label": "This message" }, [
              button("Try again", () => actions.retry(each.id), { "data-action": "retry" }),
              button("Discard", () => actions.discard(each.id), { "data-action": "discard" }),
            ])
          : undefined,
      ]);
    },
  };
}
