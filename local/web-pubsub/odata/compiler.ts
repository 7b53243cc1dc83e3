/** Turns a parsed filter into a function of the connection, and checks its types on the way. */
import { FilterError } from "./lexer.js";
import type { BinaryOperator, ComparisonOperator, Expression } from "./parser.js";

/** What a filter can see of a connection. */
interface Filterable {
  readonly id: string;
  readonly userId: string | null;
  readonly groups: ReadonlySet<string>;
}

export type Filter = (connection: Filterable) => boolean;

type Type = "null" | "bool" | "int" | "string" | "collection";

/** null is a value of every type: the user of an anonymous connection, what is before the start of a text. */
type Datum = string | number | boolean | null | ReadonlySet<unknown>;

interface Compiled {
  readonly type: Type;
  readonly of: (connection: Filterable) => Datum;
}

export function compile(expression: Expression): Filter {
  const filter = expect("bool", compileAny(expression), "the filter");
  return (connection) => filter.of(connection) === true;
}

function compileAny(expression: Expression): Compiled {
  switch (expression.kind) {
    case "literal": {
      const { value } = expression;
      return { type: typeOf(value), of: () => value };
    }
    case "list": {
      const values = new Set<unknown>(expression.values);
      return { type: "collection", of: () => values };
    }
    case "identifier":
      return identifier(expression.name);
    case "not": {
      const operand = expect("bool", compileAny(expression.operand), "not");
      return { type: "bool", of: (connection) => operand.of(connection) !== true };
    }
    case "call":
      return call(expression.name, expression.args.map(compileAny));
    case "binary":
      return binary(expression.operator, compileAny(expression.left), compileAny(expression.right));
  }
}

function typeOf(value: string | number | boolean | null): Type {
  if (value === null) return "null";
  return typeof value === "string" ? "string" : typeof value === "number" ? "int" : "bool";
}

/** Names of identifiers ignore case; values do not. */
function identifier(name: string): Compiled {
  switch (name.toLowerCase()) {
    case "userid":
      return { type: "string", of: ({ userId }) => userId };
    case "connectionid":
      return { type: "string", of: ({ id }) => id };
    case "groups":
      return { type: "collection", of: ({ groups }) => groups };
    default:
      throw new FilterError(`'${name}' is not supported: a filter knows userId, connectionId and groups.`);
  }
}

/** Both sides of `and` and `or` are always checked, whatever the other one says. */
function binary(operator: BinaryOperator, left: Compiled, right: Compiled): Compiled {
  switch (operator) {
    case "and":
      expectAll("bool", [left, right], operator);
      return { type: "bool", of: (connection) => left.of(connection) === true && right.of(connection) === true };
    case "or":
      expectAll("bool", [left, right], operator);
      return { type: "bool", of: (connection) => left.of(connection) === true || right.of(connection) === true };
    case "in":
      expect("collection", right, operator);
      return {
        type: "bool",
        of: (connection) => (right.of(connection) as ReadonlySet<unknown>).has(left.of(connection)),
      };
    case "eq":
      return { type: "bool", of: (connection) => left.of(connection) === right.of(connection) };
    case "ne":
      return { type: "bool", of: (connection) => left.of(connection) !== right.of(connection) };
    default:
      expectAll("int", [left, right], operator);
      return { type: "bool", of: (connection) => compare(operator, left.of(connection), right.of(connection)) };
  }
}

function compare(operator: Exclude<ComparisonOperator, "eq" | "ne">, left: Datum, right: Datum): boolean {
  if (typeof left !== "number" || typeof right !== "number") return false;
  switch (operator) {
    case "gt":
      return left > right;
    case "ge":
      return left >= right;
    case "lt":
      return left < right;
    case "le":
      return left <= right;
  }
}

interface StringFunction {
  /** The types of its arguments. */
  readonly takes: readonly Type[];
  readonly optional?: number;
  readonly gives: Type;
  /** What it gives when an argument is null. */
  readonly ofNull: Datum;
  readonly apply: (...args: never[]) => Datum;
}

const FUNCTIONS: ReadonlyMap<string, StringFunction> = new Map<string, StringFunction>([
  ["tolower", { takes: ["string"], gives: "string", ofNull: null, apply: (text: string) => text.toLowerCase() }],
  ["toupper", { takes: ["string"], gives: "string", ofNull: null, apply: (text: string) => text.toUpperCase() }],
  ["trim", { takes: ["string"], gives: "string", ofNull: null, apply: (text: string) => text.trim() }],
  ["contains", predicate((text, part) => text.includes(part))],
  ["startswith", predicate((text, part) => text.startsWith(part))],
  ["endswith", predicate((text, part) => text.endsWith(part))],
  [
    "indexof",
    {
      takes: ["string", "string"],
      gives: "int",
      ofNull: -1,
      apply: (text: string, part: string) => text.indexOf(part),
    },
  ],
  ["substring", { takes: ["string", "int", "int"], optional: 1, gives: "string", ofNull: null, apply: substring }],
]);

function predicate(apply: (text: string, part: string) => boolean): StringFunction {
  return { takes: ["string", "string"], gives: "bool", ofNull: false, apply };
}

function substring(text: string, start: number, length = text.length - start): string | null {
  if (start < 0 || start > text.length || length < 0 || length > text.length - start) return null;
  return text.slice(start, start + length);
}

function call(name: string, args: readonly Compiled[]): Compiled {
  if (name === "length") return lengthOf(args);
  if (name === "concat") return concat(args);
  const known = FUNCTIONS.get(name);
  if (known === undefined) throw new FilterError(`The function '${name}' is not supported.`);
  const { takes, optional = 0, gives, ofNull, apply } = known;
  if (args.length > takes.length || args.length < takes.length - optional) throw wrongArity(name);
  args.forEach((argument, i) => expect(takes[i] ?? "null", argument, name));
  return {
    type: gives,
    of: (connection) => {
      const values = args.map((argument) => argument.of(connection));
      return values.includes(null) ? ofNull : apply(...(values as never[]));
    },
  };
}

/** Of a text or of a collection. */
function lengthOf(args: readonly Compiled[]): Compiled {
  const [argument] = args;
  if (argument === undefined || args.length > 1) throw wrongArity("length");
  if (argument.type !== "collection") expect("string", argument, "length");
  return {
    type: "int",
    of: (connection) => {
      const value = argument.of(connection);
      return typeof value === "string" ? value.length : value instanceof Set ? value.size : null;
    },
  };
}

/** With null it is the other text. */
function concat(args: readonly Compiled[]): Compiled {
  if (args.length !== 2) throw wrongArity("concat");
  expectAll("string", args, "concat");
  return {
    type: "string",
    of: (connection) => {
      const texts = args.map((argument) => argument.of(connection)).filter((value) => typeof value === "string");
      return texts.length === 0 ? null : texts.join("");
    },
  };
}

function wrongArity(name: string): FilterError {
  return new FilterError(`The function '${name}' does not take that many arguments.`);
}

function expectAll(type: Type, operands: readonly Compiled[], where: string): void {
  for (const operand of operands) expect(type, operand, where);
}

function expect(type: Type, operand: Compiled, where: string): Compiled {
  const nullAllowed = operand.type === "null" && type !== "bool" && type !== "collection";
  if (operand.type !== type && !nullAllowed) {
    throw new FilterError(`Type '${operand.type}', expect '${type}' (${where}).`);
  }
  return operand;
}
