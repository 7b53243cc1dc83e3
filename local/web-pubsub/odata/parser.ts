/**
 * The grammar, loosest first (OData 4.01 URL conventions; `not` binds tighter than a comparison, as the service documents):
 *
 *   or         = and *( "or" and )
 *   and        = comparison *( "and" comparison )
 *   comparison = unary *( ( "eq" / "ne" / "gt" / "ge" / "lt" / "le" ) unary )
 *   unary      = "not" unary / in
 *   in         = primary [ "in" ( "(" literals ")" / primary ) ]
 *   primary    = "(" or ")" / literal / identifier / function "(" [ or *( "," or ) ] ")"
 */
import { FilterError, tokensOf, type Token } from "./lexer.js";

type Value = string | number | boolean | null;

export type Expression =
  | { readonly kind: "literal"; readonly value: Value }
  | { readonly kind: "identifier"; readonly name: string }
  | { readonly kind: "list"; readonly values: readonly Value[] }
  | { readonly kind: "not"; readonly operand: Expression }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly Expression[] }
  | {
      readonly kind: "binary";
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    };

export type ComparisonOperator = "eq" | "ne" | "gt" | "ge" | "lt" | "le";
export type BinaryOperator = "or" | "and" | "in" | ComparisonOperator;

/** "If you have over 100 clauses, you are at risk of exceeding the limit" (the service's documentation). */
const MOST_CLAUSES = 100;
const DEEPEST_NESTING = 100;

const COMPARISONS: ReadonlySet<string> = new Set<ComparisonOperator>(["eq", "ne", "gt", "ge", "lt", "le"]);
const CONSTANTS: ReadonlyMap<string, Value> = new Map<string, Value>([
  ["true", true],
  ["false", false],
  ["null", null],
]);

export function parseFilter(filter: string): Expression {
  return new Parser(tokensOf(filter)).filter();
}

class Parser {
  readonly #tokens: readonly Token[];
  #next = 0;
  #clauses = 1;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  filter(): Expression {
    const expression = this.#or();
    if (this.#peek().kind !== "end") throw this.#unexpected();
    return expression;
  }

  #or(): Expression {
    this.#depth += 1;
    if (this.#depth > DEEPEST_NESTING) throw tooDeep();
    let left = this.#and();
    while (this.#take("or")) {
      this.#countClause();
      left = { kind: "binary", operator: "or", left, right: this.#and() };
    }
    this.#depth -= 1;
    return left;
  }

  #and(): Expression {
    let left = this.#comparison();
    while (this.#take("and")) {
      this.#countClause();
      left = { kind: "binary", operator: "and", left, right: this.#comparison() };
    }
    return left;
  }

  #comparison(): Expression {
    let left = this.#unary();
    for (let comparisons = 0; ; comparisons += 1) {
      const { kind, text } = this.#peek();
      if (kind !== "word" || !COMPARISONS.has(text)) return left;
      this.#next += 1;
      if (comparisons > 0) this.#countClause();
      left = { kind: "binary", operator: text as ComparisonOperator, left, right: this.#unary() };
    }
  }

  #unary(): Expression {
    let negations = 0;
    while (this.#take("not")) negations += 1;
    if (negations > DEEPEST_NESTING) throw tooDeep();
    let expression = this.#in();
    for (; negations > 0; negations -= 1) expression = { kind: "not", operand: expression };
    return expression;
  }

  #in(): Expression {
    const left = this.#primary();
    if (!this.#take("in")) return left;
    const right = this.#peek().text === "(" ? this.#list() : this.#primary();
    return { kind: "binary", operator: "in", left, right };
  }

  #list(): Expression {
    this.#expect("(");
    const values: Value[] = [];
    if (this.#take(")")) return { kind: "list", values };
    do {
      const literal = this.#primary();
      if (literal.kind !== "literal") throw new FilterError("A list after 'in' holds literals only.");
      values.push(literal.value);
    } while (this.#take(","));
    this.#expect(")");
    return { kind: "list", values };
  }

  #primary(): Expression {
    const token = this.#peek();
    if (token.kind === "string" || token.kind === "integer") {
      this.#next += 1;
      return { kind: "literal", value: token.value };
    }
    if (token.kind === "word") return this.#named(token.text);
    this.#expect("(");
    const expression = this.#or();
    this.#expect(")");
    return expression;
  }

  #named(name: string): Expression {
    this.#next += 1;
    const constant = CONSTANTS.get(name);
    if (constant !== undefined) return { kind: "literal", value: constant };
    if (!this.#take("(")) return { kind: "identifier", name };
    const args: Expression[] = [];
    if (this.#take(")")) return { kind: "call", name, args };
    do args.push(this.#or());
    while (this.#take(","));
    this.#expect(")");
    return { kind: "call", name, args };
  }

  #countClause(): void {
    this.#clauses += 1;
    if (this.#clauses > MOST_CLAUSES) throw new FilterError(`The filter has more than ${MOST_CLAUSES} clauses.`);
  }

  #peek(): Token {
    return this.#tokens[this.#next] ?? { kind: "end", text: "", position: 0 };
  }

  #take(text: string): boolean {
    const token = this.#peek();
    if (token.text !== text || token.kind === "string") return false;
    this.#next += 1;
    return true;
  }

  #expect(text: string): void {
    if (!this.#take(text)) throw this.#unexpected();
  }

  #unexpected(): FilterError {
    const { kind, text, position } = this.#peek();
    return new FilterError(
      kind === "end" ? "The filter ends too early." : `'${text}' at position ${position} was not expected.`,
    );
  }
}

function tooDeep(): FilterError {
  return new FilterError(`The filter is nested more than ${DEEPEST_NESTING} levels deep.`);
}
