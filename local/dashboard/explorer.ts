/** Every request of the API, to be tried: made from the OpenAPI document that the functions serve. */
import { h } from "../../web/dom.js";
import { get } from "./api.js";
import { addresses, tokenFor, type Addresses } from "./app.js";
import { panel } from "./panel.js";

interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly format?: string;
}

interface Operation {
  readonly operationId: string;
  readonly summary?: string;
  readonly security?: readonly Readonly<Record<string, unknown>>[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: "path" | "query" | "header";
    readonly required?: boolean;
  }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
}

interface Request extends Operation {
  readonly method: string;
  readonly path: string;
}

export class Explorer {
  readonly element: HTMLElement;
  readonly #user = h("input", { id: "api-user", value: "ana", autocomplete: "off", spellcheck: "false" });
  readonly #operation = h("select", { id: "api-operation" }, [], { change: () => this.#choose() });
  readonly #summary = h("p", { class: "hint" });
  readonly #fields = h("div", { class: "fields" });
  readonly #answer = h("div", { class: "inside", "aria-live": "polite" });
  /** What a parameter was the last time: most requests are about the same conversation. */
  readonly #known = new Map<string, string>();
  #requests: readonly Request[] = [];
  #addresses: Addresses = { functions: "", issuer: "" };

  constructor() {
    const send = h("button", { type: "submit", class: "strong" }, ["Send"]);
    const form = h(
      "form",
      { class: "explorer" },
      [
        h("label", { for: "api-user" }, ["As"]),
        this.#user,
        h("label", { for: "api-operation" }, ["Request"]),
        this.#operation,
        this.#summary,
        this.#fields,
        send,
      ],
      {
        submit: (event) => {
          event.preventDefault();
          send.disabled = true;
          void this.#send().finally(() => (send.disabled = false));
        },
      },
    );
    this.element = panel("API", [form, this.#answer]);
  }

  /** Reads the document, once: until it is there nothing can be chosen. */
  async start(): Promise<void> {
    if (this.#requests.length > 0) return;
    this.#addresses = await addresses();
    const { paths } = await get<{ paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> }>(
      `${this.#addresses.functions}/api/openapi.json`,
    );
    this.#requests = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ ...operation, method: method.toUpperCase(), path })),
    );
    this.#operation.replaceChildren(
      ...this.#requests.map(({ operationId, method, path }) =>
        h("option", { value: operationId }, [`${method} ${path.replace("/api/v1/", "")}`]),
      ),
    );
    this.#choose();
  }

  get #chosen(): Request | undefined {
    return this.#requests.find(({ operationId }) => operationId === this.#operation.value);
  }

  #choose(): void {
    const request = this.#chosen;
    this.#answer.replaceChildren();
    this.#summary.textContent = request?.summary ?? "";
    const fields = (request?.parameters ?? []).flatMap(({ name, required }) => {
      const id = `api-${name}`;
      return [
        h("label", { for: id }, [name]),
        h("input", { id, name, required: required === true, value: this.#known.get(name) ?? "", autocomplete: "off" }),
      ];
    });
    const schema = request?.requestBody?.content["application/json"]?.schema;
    const body =
      schema === undefined
        ? []
        : [
            h("label", { for: "api-body" }, ["Body"]),
            h("textarea", { id: "api-body", name: "body", rows: 5, spellcheck: "false" }, [
              JSON.stringify(exampleOf(schema), null, 1),
            ]),
          ];
    this.#fields.replaceChildren(...fields, ...body);
  }

  async #send(): Promise<void> {
    const request = this.#chosen;
    if (request === undefined) return;
    const valueOf = (name: string): string =>
      this.#fields.querySelector<HTMLInputElement | HTMLTextAreaElement>(`[name="${name}"]`)?.value ?? "";
    const headers: Record<string, string> = {};
    const url = new URL(this.#addresses.functions);
    url.pathname = request.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(valueOf(name)));
    for (const { name, in: place } of request.parameters ?? []) {
      const value = valueOf(name);
      if (value === "") continue;
      this.#known.set(name, value);
      if (place === "query") url.searchParams.set(name, value);
      if (place === "header") headers[name] = value;
    }
    const body = request.requestBody === undefined ? "" : valueOf("body");
    if (body !== "") headers["content-type"] = "application/json";
    try {
      if (request.security?.length !== 0) headers["authorization"] = `Bearer ${await this.#token()}`;
      const init = { method: request.method, headers, ...(body === "" ? {} : { body }) };
      const response = await fetch(url, init);
      this.#show(`${String(response.status)} ${response.statusText}`.trim(), await response.text());
    } catch (error) {
      this.#show("No answer", String(error));
    }
  }

  #show(status: string, text: string): void {
    this.#answer.replaceChildren(h("h3", {}, [status]), h("pre", { tabindex: "0" }, [pretty(text)]));
    // What has just been made is what the next request will be about.
    const { id, conversationId } = (parsed(text) ?? {}) as { readonly id?: unknown; readonly conversationId?: unknown };
    const path = this.#chosen?.path ?? "";
    if (typeof conversationId === "string") this.#known.set("conversation", conversationId);
    if (typeof id !== "string") return;
    if (path.endsWith("/conversations")) this.#known.set("conversation", id);
    if (path.endsWith("/messages")) this.#known.set("message", id);
    if (path.endsWith("/files")) this.#known.set("file", id);
    if (path.endsWith("/views")) this.#known.set("view", id);
  }

  /** Locally anybody is whoever they say; who asks for what operators may see is one. */
  #token(): Promise<string> {
    const isForOperators = this.#chosen?.path.includes("/ops/") === true;
    const who = { sub: this.#user.value, ...(isForOperators ? { roles: ["operator"] } : {}) };
    return tokenFor(who, this.#addresses);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function pretty(text: string): string {
  const value = parsed(text);
  return value === undefined ? text : JSON.stringify(value, null, 1);
}

/** Something of the schema's shape to begin with: what must be there, and nothing else. */
function exampleOf({ type, properties = {}, required = [], items, enum: values, format }: Schema): unknown {
  if (values !== undefined) return values[0];
  switch (type) {
    case "object":
      return Object.fromEntries(
        required.map((name) => [name, name === "text" ? "Hello" : exampleOf(properties[name] ?? {})]),
      );
    case "array":
      return items === undefined ? [] : [exampleOf(items)];
    case "integer":
    case "number":
      return 1;
    case "boolean":
      return false;
    default:
      return format === "date-time" ? new Date(Date.now() + 60_000).toISOString() : "bo";
  }
}
