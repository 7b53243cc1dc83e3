/** Where one writes: now or for later, as a reply or not. */
import type { MessageShape } from "../../client/chat-client.js";
import { button, h } from "../../web/dom.js";
import type { Session } from "./session.js";

const MINUTE_MS = 60_000;

export class Composer {
  readonly element: HTMLFormElement;
  readonly #session: Session;
  readonly #sent: () => void;
  readonly #text: HTMLTextAreaElement;
  readonly #replying = h("div", { class: "replying", hidden: true });
  readonly #later: HTMLElement;
  readonly #time: HTMLInputElement;
  readonly #laterButton: HTMLButtonElement;
  readonly #file: HTMLInputElement;
  readonly #drafts = new Map<string, string>();
  #conversationId = "";
  #replyTo: MessageShape | undefined;
  #editing: MessageShape | undefined;
  /** What was being written when an edit began: it comes back when the edit is over. */
  #interrupted = "";
  readonly #fileButton: HTMLButtonElement;
  readonly #sendButton = h("button", { type: "submit", class: "strong" }, ["Send"]);

  constructor(session: Session, sent: () => void) {
    this.#session = session;
    this.#sent = sent;
    const { user } = session;
    this.#text = h("textarea", { rows: "1", "aria-label": "Message", placeholder: "Write a message" }, [], {
      keydown: (event) => {
        if (event.key === "Escape") this.reply(undefined);
        if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
        event.preventDefault();
        this.#send();
      },
      input: () => {
        this.#grow();
        if (this.#text.value.trim() !== "") session.typing(this.#conversationId);
      },
    });
    this.#time = h("input", { type: "datetime-local", id: `time-${user}`, step: "1" });
    this.#later = h("div", { class: "later", hidden: true, id: `later-${user}` }, [
      h("span", {}, ["Send in"]),
      ...(
        [
          ["10 s", MINUTE_MS / 6],
          ["1 min", MINUTE_MS],
          ["1 h", 60 * MINUTE_MS],
        ] as const
      ).map(([label, ms]) => button(label, () => this.#sendLater(new Date(session.client.now() + ms)))),
      h("label", { for: `time-${user}` }, ["or at"]),
      this.#time,
      button("Schedule", () => {
        if (this.#time.value === "") this.#time.focus();
        else this.#sendLater(new Date(this.#time.value));
      }),
    ]);
    this.#laterButton = button("Later", () => this.#toggleLater(), {
      class: "quiet",
      "aria-expanded": "false",
      "aria-controls": `later-${user}`,
    });
    this.#fileButton = button("File", () => this.#file.click(), {
      class: "quiet",
      title: "Send files, or drop them here",
    });
    this.#file = h(
      "input",
      { type: "file", multiple: true, class: "hidden", tabindex: "-1", "aria-hidden": "true" },
      [],
      {
        change: () => {
          this.sendFiles([...(this.#file.files ?? [])]);
          this.#file.value = "";
        },
      },
    );
    this.element = h(
      "form",
      { class: "composer" },
      [
        this.#replying,
        this.#later,
        h("div", { class: "line" }, [this.#fileButton, this.#file, this.#text, this.#laterButton, this.#sendButton]),
      ],
      {
        submit: (event) => {
          event.preventDefault();
          this.#send();
        },
      },
    );
  }

  open(conversationId: string): void {
    this.reply(undefined);
    this.#drafts.set(this.#conversationId, this.#text.value);
    this.#conversationId = conversationId;
    this.#text.value = this.#drafts.get(conversationId) ?? "";
    this.#grow();
  }

  focus(): void {
    this.#text.focus();
  }

  /** What is written next takes the place of what the message says. */
  edit(message: MessageShape, text = message.text ?? ""): void {
    this.reply(undefined);
    this.#interrupted = this.#text.value;
    this.#setEditing(message);
    this.#text.value = text;
    this.#replying.hidden = false;
    this.#replying.replaceChildren(
      h("span", {}, [
        message.retention.consents.length === 0 ? "Changing your message" : "Changing it: everyone must agree again",
      ]),
      button("Cancel", () => this.reply(undefined)),
    );
    this.#grow();
    this.focus();
  }

  reply(message: MessageShape | undefined): void {
    this.#replyTo = message;
    this.#endEdit();
    this.#replying.hidden = message === undefined;
    this.#replying.replaceChildren();
    if (message === undefined) return;
    this.#replying.append(
      h("span", {}, ["Replying to ", h("b", {}, [message.author]), ` ${message.text ?? message.file?.name ?? ""}`]),
      button("Cancel", () => this.reply(undefined)),
    );
    this.focus();
  }

  sendFiles(files: readonly File[]): void {
    this.#sent();
    for (const file of files) this.#session.files.send(this.#conversationId, file);
  }

  #send(): void {
    const text = this.#text.value.trim();
    if (text === "") return;
    const { client } = this.#session;
    const [conversationId, editing] = [this.#conversationId, this.#editing];
    if (editing !== undefined) {
      this.reply(undefined);
      void this.#session.edit(conversationId, editing.id, text).then((isDone) => {
        const isFree = this.#editing === undefined && this.#conversationId === conversationId;
        // What was written is still there, to be tried again.
        if (!isDone && isFree) this.edit(editing, text);
      });
      return;
    }
    this.#sent();
    this.#session.stopTyping(conversationId);
    client.post(conversationId, text, this.#replyTo?.id);
    this.#clear();
  }

  #sendLater(at: Date): void {
    const text = this.#text.value.trim();
    if (text === "") {
      this.#text.focus();
      return;
    }
    const conversationId = this.#conversationId;
    const replyTo = this.#replyTo?.id;
    const input = { text, sendAt: at.toISOString(), ...(replyTo === undefined ? {} : { replyTo }) };
    void this.#session
      .attempt(() => this.#session.client.api.send(conversationId, input))
      .then(async (accepted) => {
        if (accepted === undefined) return;
        this.#clear();
        this.#toggleLater(false);
        await this.#session.loadScheduled(conversationId);
      });
  }

  #setEditing(message: MessageShape | undefined): void {
    this.#editing = message;
    const isEditing = message !== undefined;
    // Neither can be done to a message that is out.
    for (const each of [this.#laterButton, this.#fileButton]) each.hidden = isEditing;
    if (isEditing) this.#toggleLater(false);
    this.#sendButton.textContent = isEditing ? "Save" : "Send";
  }

  #endEdit(): void {
    if (this.#editing === undefined) return;
    this.#setEditing(undefined);
    this.#text.value = this.#interrupted;
    this.#grow();
  }

  #toggleLater(shown = this.#later.hidden): void {
    this.#later.hidden = !shown;
    this.#laterButton.setAttribute("aria-expanded", String(shown));
    if (!shown) return;
    // The field wants local time without a zone.
    const soon = new Date(this.#session.client.now() + 5 * MINUTE_MS);
    this.#time.value = new Date(soon.getTime() - soon.getTimezoneOffset() * MINUTE_MS).toISOString().slice(0, 16);
  }

  #clear(): void {
    this.#text.value = "";
    this.reply(undefined);
    this.#grow();
  }

  #grow(): void {
    this.#text.style.height = "auto";
    this.#text.style.height = `${Math.min(this.#text.scrollHeight, 160)}px`;
  }
}
