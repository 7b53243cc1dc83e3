/** The open conversation: its messages, who is there, who is writing, what waits to be sent, and the box to write in. */
import type { ConversationShape, MessageShape } from "../../client/chat-client.js";
import { Composer } from "./composer.js";
import { button, fill, h, type Item } from "../../web/dom.js";
import { goneFile, uploading } from "./file-message.js";
import { message, outgoing, type Actions, type View } from "./message.js";
import { avatar, nameOf } from "./people.js";
import type { Session } from "./session.js";
import { moment, namesOf, timeLeft } from "./words.js";

const DAY_MS = 24 * 3_600_000;
/** For so long after it was sent a text can be changed. */
const EDIT_MS = 15 * 60_000;

export class Thread {
  readonly element: HTMLElement;
  readonly #session: Session;
  readonly #title = h("h3", { class: "title" });
  readonly #presence = h("p", { class: "presence" });
  readonly #messages: HTMLElement;
  readonly #empty = h("div", { class: "empty" });
  readonly #writers = h("p", { class: "writers", "aria-live": "polite" });
  readonly #scheduled: HTMLElement;
  readonly #composer: Composer;
  readonly #content: HTMLElement;
  readonly #declined = new Set<string>();
  #conversation: ConversationShape | undefined;
  #isAtEnd = true;

  constructor(session: Session, goBack: () => void) {
    this.#session = session;
    this.#messages = h("div", { class: "messages", role: "log", "aria-label": "Messages", tabindex: "0" }, [], {
      scroll: () => {
        const { scrollTop, scrollHeight, clientHeight } = this.#messages;
        this.#isAtEnd = scrollHeight - scrollTop - clientHeight < 40;
      },
    });
    this.#scheduled = h("ul", { class: "scheduled", "aria-label": "Waiting to be sent" });
    this.#composer = new Composer(session, () => (this.#isAtEnd = true));
    this.#content = h("div", { class: "content" }, [
      h("header", { class: "head" }, [
        button("‹ All", goBack, { class: "back", "aria-label": "All conversations" }),
        h("div", { class: "about" }, [this.#title, this.#presence]),
      ]),
      this.#messages,
      this.#empty,
      this.#writers,
      this.#scheduled,
      this.#composer.element,
    ]);
    this.element = h("div", { class: "thread" }, [this.#content], {
      dragover: (event) => {
        if (event.dataTransfer?.types.includes("Files") !== true) return;
        event.preventDefault();
        this.element.dataset["drop"] = "true";
      },
      dragleave: () => delete this.element.dataset["drop"],
      drop: (event) => {
        event.preventDefault();
        delete this.element.dataset["drop"];
        this.#composer.sendFiles([...(event.dataTransfer?.files ?? [])]);
      },
    });
  }

  focus(): void {
    this.#composer.focus();
  }

  show(conversation: ConversationShape | undefined): void {
    const isOther = conversation?.id !== this.#conversation?.id;
    this.#conversation = conversation;
    this.#session.enter(document.hidden ? undefined : conversation?.id);
    this.#content.hidden = conversation === undefined;
    if (conversation === undefined) return;
    const { user, client } = this.#session;
    if (isOther) {
      this.#isAtEnd = true;
      const name = nameOf(conversation, user);
      this.#title.replaceChildren(avatar(name), name);
      this.#composer.open(conversation.id);
    }
    const messages = client.messages(conversation.id).filter(({ expiresAt }) => Date.parse(expiresAt) > client.now());
    const { files } = this.#session;
    for (const each of messages) files.seen(each);
    const items = [
      ...messages.map((each) => this.#item(conversation, each, messages)),
      ...files.gone(conversation.id).map(goneFile),
      ...client
        .outgoing(conversation.id)
        .map((each) => outgoing(each, conversation.id, this.#actions(conversation.id))),
      ...files.uploads(conversation.id).map((each) => uploading(each, files)),
    ];
    fill(this.#messages, items);
    const isEmpty = items.length === 0;
    this.#messages.hidden = isEmpty;
    this.#empty.hidden = !isEmpty;
    if (isEmpty && this.#empty.childElementCount === 0) {
      this.#empty.append(
        h("p", { class: "big" }, ["Nothing here."]),
        h("p", {}, ["Say something: it lives for 24 hours, unless everyone here agrees to keep it."]),
      );
    }
    this.#showPeople(conversation);
    this.#showScheduled(conversation.id);
    this.tick();
    if (this.#isAtEnd) this.#messages.scrollTop = this.#messages.scrollHeight;
    const last = messages.findLast(({ author }) => author !== user)?.seq;
    if (last !== undefined && !document.hidden) client.read(conversation.id, last);
  }

  /** Moves the clocks on; a message whose time is over goes, whatever is heard of it. */
  tick(): void {
    const now = this.#session.client.now();
    for (const element of this.#messages.querySelectorAll<HTMLElement>("[data-ends]")) {
      const left = Number(element.dataset["ends"]) - now;
      const text = timeLeft(left);
      if (element.textContent !== text) element.textContent = text;
      element.style.setProperty("--part", `${Math.min(100, (left / DAY_MS) * 100).toFixed(1)}%`);
      element.classList.toggle("soon", left < DAY_MS / 24);
      if (left <= 0) element.closest(".message")?.remove();
    }
    for (const element of this.#messages.querySelectorAll<HTMLElement>("[data-until]")) {
      element.textContent = `Closes by itself in ${timeLeft(Number(element.dataset["until"]) - now).slice(3)}.`;
    }
    if (this.#messages.childElementCount === 0 && !this.#messages.hidden) this.show(this.#conversation);
  }

  #item(conversation: ConversationShape, each: MessageShape, all: readonly MessageShape[]): Item {
    const { user } = this.#session;
    const quoted = each.replyTo === undefined ? undefined : all.find(({ id }) => id === each.replyTo);
    const others = conversation.receipts.filter((receipt) => receipt.user !== user);
    const upTo = (mark: "deliveredSeq" | "readSeq"): readonly string[] =>
      others.filter((receipt) => receipt[mark] >= (each.seq ?? Infinity)).map((receipt) => receipt.user);
    const saving = this.#session.edits.get(each.id);
    const view: View = {
      message: saving === undefined ? each : { ...each, text: saving },
      isSaving: saving !== undefined,
      user,
      quoted,
      deliveredTo: upTo("deliveredSeq"),
      readBy: upTo("readSeq"),
      of: others.length,
      isDeclined: this.#declined.has(each.id),
      showsAuthor: conversation.members.length > 2,
      reading: each.file === undefined ? undefined : this.#session.files.reading(each.id),
      canEdit: each.kind === "text" && Date.parse(each.sentAt) + EDIT_MS > this.#session.client.now(),
    };
    return message(view, this.#actions(conversation.id));
  }

  #actions(conversationId: string): Actions {
    const { client } = this.#session;
    const attempt = (act: () => Promise<unknown>): void => void this.#session.attempt(act);
    const { files } = this.#session;
    return {
      open: (each) => attempt(() => files.open(each)),
      close: (each) => attempt(() => files.close(each.id)),
      reply: (each) => this.#composer.reply(each),
      edit: (each) => this.#composer.edit(each),
      keep: (each) => attempt(() => client.consent(conversationId, each.id)),
      release: (each) => attempt(() => client.withdrawConsent(conversationId, each.id)),
      decline: (each) => {
        this.#declined.add(each.id);
        attempt(() => client.withdrawConsent(conversationId, each.id));
      },
      unsend: (each) => attempt(() => client.api.unsend(conversationId, each.id)),
      retry: (id) => client.retry(conversationId, id),
      discard: (id) => client.discard(conversationId, id),
    };
  }

  #showPeople(conversation: ConversationShape): void {
    const others = conversation.members.filter((member) => member !== this.#session.user);
    const present = this.#session.present(conversation.id).filter((user) => others.includes(user));
    const absent = conversation.title === undefined ? "Not here now" : `with ${namesOf(others)}`;
    const known = present.length === 0 ? absent : `${namesOf(present)} ${present.length === 1 ? "is" : "are"} here`;
    // Who is there is not known to somebody who is cut off.
    const text = this.#session.isConnected ? known : "";
    this.#presence.dataset["present"] = String(present.length > 0);
    if (this.#presence.textContent !== text) this.#presence.textContent = text;
    const writers = this.#session.writers(conversation.id);
    const writing = writers.length === 0 ? "" : `${namesOf(writers)} ${writers.length === 1 ? "is" : "are"} writing …`;
    if (this.#writers.textContent !== writing) this.#writers.textContent = writing;
  }

  #showScheduled(conversationId: string): void {
    const { client } = this.#session;
    const waiting = this.#session.scheduled.get(conversationId) ?? [];
    const change = (act: () => Promise<unknown>): void =>
      void this.#session.attempt(act).then(() => this.#session.loadScheduled(conversationId));
    this.#scheduled.hidden = waiting.length === 0;
    fill(
      this.#scheduled,
      waiting.map(({ id, text = "", sendAt = "" }) => ({
        key: id,
        signature: JSON.stringify([text, sendAt]),
        build: () =>
          h("li", {}, [
            h("span", { class: "at" }, [`At ${moment(sendAt, client.now())}`]),
            h("span", { class: "what" }, [text]),
            button("Send now", () => change(() => client.api.sendScheduled(conversationId, id))),
            button("Cancel", () => change(() => client.api.cancelScheduled(conversationId, id))),
          ]),
      })),
    );
  }
}
