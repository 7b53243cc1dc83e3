/** One person's view: who it is, the conversations, and the one that is open. Drawn anew, as far as it changed, once a frame. */
import type { ConversationShape } from "../../client/chat-client.js";
import { button, fill, h } from "../../web/dom.js";
import { avatar, nameOf } from "./people.js";
import { Session, type Addresses } from "./session.js";
import { Thread } from "./thread.js";
import { timeOfDay } from "./words.js";

const TROUBLE_SHOWN_MS = 6_000;

export class Pane {
  readonly element: HTMLElement;
  readonly #session: Session;
  /** Whom to suggest for the first conversation. */
  readonly #other: string | undefined;
  readonly #thread: Thread;
  readonly #list = h("ul", { class: "conversations" });
  readonly #connection = h("span", { class: "connection", role: "status" });
  readonly #network: HTMLButtonElement;
  readonly #trouble = h("p", { class: "trouble", role: "alert" });
  readonly #invite: HTMLElement;
  #open: string | undefined;
  #isChoosing = false;
  #isDrawing = false;
  #toldTrouble: string | undefined;

  constructor(user: string, other: string | undefined, addresses: Addresses) {
    this.#other = other;
    this.#session = new Session(user, addresses, () => this.#changed());
    this.#thread = new Thread(this.#session, () => this.#choose());
    this.#network = h(
      "button",
      { type: "button", role: "switch", class: "switch", "aria-checked": "true" },
      ["Network"],
      {
        click: () => this.#session.setOnline(!this.#session.isOnline),
      },
    );
    this.#invite = this.#inviteForm();
    const title = h("h2", { id: `who-${user}` }, [avatar(user), user]);
    this.element = h("section", { class: "pane", "aria-labelledby": `who-${user}` }, [
      h("header", { class: "bar" }, [title, this.#connection, this.#network]),
      this.#trouble,
      h("div", { class: "body" }, [
        h("nav", { class: "side", "aria-label": `Conversations of ${user}` }, [this.#list, this.#invite]),
        this.#thread.element,
      ]),
    ]);
    this.#draw();
  }

  async start(): Promise<void> {
    setInterval(() => this.#thread.tick(), 500);
    document.addEventListener("visibilitychange", () => this.#changed());
    await this.#session.start();
  }

  #changed(): void {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    // A hidden page has no frames.
    const soon = document.hidden ? (draw: () => void) => setTimeout(draw) : requestAnimationFrame;
    soon(() => {
      this.#isDrawing = false;
      this.#draw();
    });
  }

  #draw(): void {
    const { conversations, isOnline, isConnected } = this.#session;
    const known = [...conversations.values()].sort(byNewest);
    const isThere = this.#open !== undefined && conversations.has(this.#open);
    if (!isThere && !this.#isChoosing) this.#open = known[0]?.id;
    this.element.dataset["view"] = this.#open === undefined || this.#isChoosing ? "list" : "thread";

    const state = isConnected ? "connected" : isOnline ? "connecting" : "offline";
    const words = { connected: "Connected", connecting: "Connecting …", offline: "Offline" };
    this.#connection.dataset["state"] = state;
    if (this.#connection.textContent !== words[state]) this.#connection.textContent = words[state];
    this.#network.setAttribute("aria-checked", String(isOnline));

    fill(
      this.#list,
      known.map((conversation) => this.#row(conversation)),
    );
    this.#thread.show(this.#isChoosing ? undefined : conversations.get(this.#open ?? ""));
    this.#showTrouble();
  }

  #row(conversation: ConversationShape) {
    const { id } = conversation;
    const isOpen = id === this.#open && !this.#isChoosing;
    const name = nameOf(conversation, this.#session.user);
    const last = this.#session.client.messages(id).at(-1);
    const preview = last?.text ?? last?.file?.name ?? "Nothing here any more";
    const when = last === undefined ? "" : timeOfDay(last.sentAt);
    return {
      key: id,
      signature: JSON.stringify([name, preview, when, isOpen]),
      build: () =>
        h("li", {}, [
          h(
            "button",
            { type: "button", class: "row", "aria-current": isOpen && "true" },
            [
              avatar(name),
              h("span", { class: "name" }, [name]),
              h("span", { class: "when" }, [when]),
              h("span", { class: "preview" }, [preview]),
            ],
            { click: () => this.#show(id) },
          ),
        ]),
    };
  }

  #show(conversationId: string): void {
    this.#open = conversationId;
    this.#isChoosing = false;
    this.#draw();
    this.#thread.focus();
  }

  #choose(): void {
    this.#isChoosing = true;
    this.#draw();
    this.#list.querySelector("button")?.focus();
  }

  #inviteForm(): HTMLElement {
    const id = `with-${this.#session.user}`;
    const names = h("input", {
      id,
      name: "with",
      autocomplete: "off",
      spellcheck: "false",
      placeholder: "bo, cy",
      value: this.#other,
    });
    return h(
      "form",
      { class: "invite" },
      [
        h("label", { for: id }, ["New conversation with"]),
        names,
        h("button", { type: "submit", class: "strong" }, ["Start"]),
      ],
      {
        submit: (event) => {
          event.preventDefault();
          const members = names.value.split(/[,\s]+/).filter((name) => name !== "");
          if (members.length === 0) {
            names.focus();
            return;
          }
          void this.#session
            .attempt(() => this.#session.client.start(members))
            .then((conversation) => {
              if (conversation === undefined) return;
              this.#session.conversations.set(conversation.id, conversation);
              this.#show(conversation.id);
            });
        },
      },
    );
  }

  #showTrouble(): void {
    const { trouble } = this.#session;
    if (trouble === this.#toldTrouble) return;
    this.#toldTrouble = trouble;
    this.#trouble.replaceChildren();
    if (trouble === undefined) return;
    const dismiss = (): void => {
      if (this.#session.trouble !== trouble) return;
      this.#session.trouble = undefined;
      this.#changed();
    };
    this.#trouble.append(trouble, button("Dismiss", dismiss));
    setTimeout(dismiss, TROUBLE_SHOWN_MS);
  }
}

const byNewest = (a: ConversationShape, b: ConversationShape): number =>
  (b.lastMessageAt ?? b.createdAt).localeCompare(a.lastMessageAt ?? a.createdAt);
