/** Values that are made up from a JSON Schema: mostly as it says, sometimes not, sometimes not at all. */
import type { Random } from "./random.js";

export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly propertyNames?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly format?: string;
  readonly pattern?: string;
  readonly maxLength?: number;
}

const STRANGE: readonly unknown[] = [
  ...[null, "", " ", 0, -1, 1.5, 2 ** 53, 1e308, true, false, [], {}, [[[[]]]], "\u0000", "\ud800", "💥".repeat(3_000)],
  ...["x".repeat(60_000), "' or 1 eq 1 --", "%2F..%2F", "../../etc", "${7*7}", "<script>", "2026-13-45T99:99:99Z"],
  ...[
    JSON.parse('{"__proto__":{"x":1}}') as unknown,
    { constructor: { prototype: 1 } },
    "9".repeat(400),
    "-0",
    "NaN",
    "true",
    "null",
    "\r\nX: y",
  ],
];

export class Fuzz {
  readonly #random: Random;
  /** How often something else is put in a place, from 0 to 1. */
  readonly #strangeness: number;
  /** Ids that lead somewhere. */
  readonly ids: string[] = [];
  readonly newId: () => string;

  constructor(random: Random, newId: () => string, strangeness = 0.15) {
    this.#random = random;
    this.newId = newId;
    this.#strangeness = strangeness;
  }

  chance(probability: number): boolean {
    return this.#random.next() < probability;
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[Math.floor(this.#random.next() * items.length)];
    if (items.length === 0) throw new Error("nothing to pick from");
    return item as Item;
  }

  strange(): unknown {
    return this.pick(STRANGE);
  }

  id(): string {
    return this.ids.length > 0 && this.chance(0.7) ? this.pick(this.ids) : this.newId();
  }

  value(schema: JsonSchema): unknown {
    if (this.chance(this.#strangeness)) return this.strange();
    if (schema.const !== undefined) return schema.const;
    if (schema.enum !== undefined) return this.pick(schema.enum);
    const options = schema.anyOf ?? schema.oneOf;
    if (options !== undefined) return this.value(this.pick(options));
    switch (Array.isArray(schema.type) ? this.pick(schema.type as string[]) : schema.type) {
      case "object":
        return this.#object(schema);
      case "array":
        return Array.from({ length: Math.floor(this.#random.next() * 4) }, () => this.value(schema.items ?? {}));
      case "string":
        return this.#string(schema);
      case "integer":
      case "number":
        return Math.floor(this.#random.next() * this.pick([3, 30, 1e6]));
      case "boolean":
        return this.chance(0.5);
      default:
        return this.chance(0.5) ? this.#string({}) : this.strange();
    }
  }

  #object({ properties = {}, required = [], additionalProperties, propertyNames }: JsonSchema): unknown {
    const fields = Object.entries(properties).flatMap(([name, schema]) =>
      this.chance(required.includes(name) ? 1 - this.#strangeness / 3 : 0.5) ? [[name, this.value(schema)]] : [],
    );
    if (typeof additionalProperties === "object") {
      const more = Math.floor(this.#random.next() * 4);
      for (let n = 0; n < more; n++)
        fields.push([String(this.value(propertyNames ?? {})), this.value(additionalProperties)]);
    }
    if (this.chance(this.#strangeness)) fields.push(["unheard-of", this.strange()]);
    return Object.fromEntries(fields) as unknown;
  }

  #string({ format, pattern, maxLength }: JsonSchema): string {
    if (format === "uuid" || pattern?.includes("[0-9a-fA-F]{8}-") === true) return this.id();
    if (format === "date-time" || pattern?.includes("T(") === true)
      return new Date(Date.now() + Math.floor((this.#random.next() - 0.2) * 1e9)).toISOString();
    if (pattern?.includes("\\d{1,12}") === true) return String(Math.floor(this.#random.next() * 200));
    const words = this.pick(["ana", "bo", "cy", "hello", "two words", "naïve", "a\nb", "😀", "x".repeat(200)]);
    return maxLength === undefined ? words : words.slice(0, maxLength);
  }
}
