/** What is known of an expression, and what is wrong with it: names that nothing has, functions and properties that do not exist. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { propertiesOf, shapeOfType, typeOfResource } from "./resource-types.js";
import { ANY, elementsOf, merged, objectOf, oneOf, optionsOf, shapeOfJson, STRING, type Shape } from "./shapes.js";
import { keyOf, literal, type BicepFile, type Syntax } from "./syntax.js";

export interface Scope {
  readonly file: BicepFile;
  /** Loop variables and the parameters of lambdas. */
  readonly locals: Readonly<Record<string, Shape>>;
  readonly used: Set<string>;
  /** The shape of a module's output; undefined when it has none of that name. */
  readonly output: (modulePath: string, name: string) => Shape | undefined;
  readonly report: (line: number, says: string) => void;
}

const KINDS: Readonly<Record<string, Shape>> = {
  string: STRING,
  int: { is: "int" },
  bool: { is: "bool" },
  array: { is: "array", items: [] },
  object: objectOf({}, true),
};
export const shapeOfKind = (kind: string): Shape | undefined => KINDS[kind];

const strings = (...names: readonly string[]): Shape =>
  objectOf(Object.fromEntries(names.map((name) => [name, STRING])));
const RESULTS: Readonly<Record<string, Shape>> = {
  ...Object.fromEntries(
    ["guid", "toLower", "uniqueString", "subscriptionResourceId", "format"].map((name) => [name, STRING]),
  ),
  empty: { is: "bool" },
  max: { is: "int" },
  subscription: strings("id", "subscriptionId", "tenantId"),
  resourceGroup: strings("id", "name", "location"),
  tenant: strings("tenantId"),
  environment: objectOf({ suffixes: strings("storage"), authentication: strings("loginEndpoint") }),
};

export function evaluate(node: Syntax, scope: Scope): Shape {
  return { ...shapeOf(node, scope), line: node.line };
}

type Evaluate = (node: Syntax, scope: Scope) => Shape;

/** One for each syntax that is known. */
const EVALUATORS: Readonly<Record<string, Evaluate>> = {
  string: stringShape,
  number: (node) => ({ is: "int", value: Number(node.text) }),
  boolean: () => ({ is: "bool" }),
  null: () => ({ is: "null" }),
  object: objectShape,
  array: (node, scope) => ({ is: "array", items: node.children.flatMap((child) => itemsOf(child, scope)) }),
  for_statement: (node, scope) => ({ is: "array", items: itemsOf(node, scope) }),
  if_statement: ({ children: [test, body] }, scope) => {
    checkCondition(test, scope);
    return body === undefined ? ANY : evaluate(body, scope);
  },
  parenthesized_expression: ({ children: [inner] }, scope) => (inner === undefined ? ANY : evaluate(inner, scope)),
  ternary_expression: ({ children: [test, ...branches] }, scope) => {
    checkCondition(test, scope);
    return oneOf(branches.map((branch) => evaluate(branch, scope)));
  },
  binary_expression: binary,
  unary_expression: ({ children: [operand], tokens }, scope) => {
    if (operand !== undefined) evaluate(operand, scope);
    return tokens.includes("!") ? { is: "bool" } : { is: "int" };
  },
  identifier: named,
  member_expression: member,
  subscript_expression: subscript,
  call_expression: call,
};

function shapeOf(node: Syntax, scope: Scope): Shape {
  const evaluator = EVALUATORS[node.kind];
  if (evaluator !== undefined) return evaluator(node, scope);
  scope.report(node.line, `this checker does not know the syntax '${node.kind}'`);
  return ANY;
}

function stringShape(node: Syntax, scope: Scope): Shape {
  const value = literal(node);
  if (value !== undefined) return { is: "string", value };
  for (const { children } of node.children.filter(({ kind }) => kind === "interpolation"))
    for (const inner of children) evaluate(inner, scope);
  return STRING;
}

function checkCondition(node: Syntax | undefined, scope: Scope): void {
  if (node === undefined) return;
  const shape = evaluate(node, scope);
  if (!optionsOf(shape).every(({ is }) => is === "bool" || is === "any"))
    scope.report(node.line, "the condition is no bool");
}

function objectShape(node: Syntax, scope: Scope): Shape {
  const properties: Record<string, Shape> = {};
  let open = false;
  for (const property of node.children) {
    const [key, value] = property.children;
    if (property.kind !== "object_property" || key === undefined || value === undefined) {
      scope.report(property.line, `unexpected ${property.kind} in an object`);
      continue;
    }
    const name = keyOf(property);
    const shape = evaluate(value, scope);
    if (name === undefined) {
      evaluate(key, scope);
      open = true;
    } else if (Object.hasOwn(properties, name)) scope.report(property.line, `'${name}' is given twice`);
    else properties[name] = shape;
  }
  return { is: "object", properties, open };
}

/** What an entry of an array, or a loop, stands for. */
function itemsOf(node: Syntax, scope: Scope): readonly Shape[] {
  if (node.kind !== "for_statement") return [evaluate(node, scope)];
  const [names, iterable] = node.children;
  const body = node.children.at(-1);
  if (names === undefined || iterable === undefined || body === undefined) return [ANY];
  const element = elementsOf(evaluate(iterable, scope));
  const [variable, index] = names.kind === "identifier" ? [names] : names.children;
  const locals = {
    ...scope.locals,
    [variable?.text ?? ""]: element,
    ...(index === undefined ? {} : { [index.text]: { is: "int" } as const }),
  };
  return [evaluate(body, { ...scope, locals })];
}

function binary(node: Syntax, scope: Scope): Shape {
  const sides = node.children.map((side) => evaluate(side, scope));
  const operator = node.tokens[0] ?? "";
  if (operator === "??") return oneOf(sides.flatMap(optionsOf).filter(({ is }) => is !== "null"));
  return /^[-+*/%]$/.test(operator) ? { is: "int" } : { is: "bool" };
}

function named(node: Syntax, scope: Scope): Shape {
  const { file, locals, used } = scope;
  const name = node.text;
  used.add(name);
  const local = Object.hasOwn(locals, name) ? locals[name] : undefined;
  if (local !== undefined) return local;
  const parameter = file.parameters.get(name);
  if (parameter !== undefined) return parameterShape(parameter.type, parameter.decorators);
  const variable = file.variables.get(name);
  if (variable !== undefined) return evaluate(variable, { ...scope, locals: {}, report: () => undefined });
  const resource = file.resources.get(name);
  if (resource !== undefined) {
    const type = typeOfResource(resource.type);
    const shape: Shape = type === undefined ? ANY : { is: "typed", type };
    return isLoop(resource.body) ? { is: "array", items: [shape] } : shape;
  }
  const module = file.modules.get(name);
  if (module !== undefined) return { is: "module", path: module.type };
  scope.report(node.line, `nothing is named '${name}'`);
  return ANY;
}

/** A parameter's shape: of what it may be, where its decorators list that. */
export function parameterShape(kind: string, decorators: ReadonlyMap<string, Syntax>): Shape {
  const allowed = decorators.get("allowed")?.children ?? [];
  if (allowed.length === 0) return shapeOfKind(kind) ?? ANY;
  return oneOf(
    allowed.map((each): Shape => {
      const value = literal(each);
      return value === undefined ? { is: "int", value: Number(each.text) } : { is: "string", value };
    }),
  );
}

const isLoop = (body: Syntax): boolean => body.kind === "for_statement" || body.kind === "array";

function member(node: Syntax, scope: Scope): Shape {
  const [base, property] = node.children;
  if (base === undefined || property === undefined) return ANY;
  // module.outputs.name
  if (base.kind === "member_expression" && base.children[1]?.text === "outputs") {
    const [owner] = base.children;
    const module = owner === undefined ? ANY : evaluate(owner, scope);
    if (module.is === "module") {
      const shape = scope.output(module.path, property.text);
      if (shape === undefined) scope.report(node.line, `${module.path} has no output '${property.text}'`);
      return shape ?? ANY;
    }
  }
  const safe = node.tokens.some((token) => token.includes("?"));
  return oneOf(
    optionsOf(evaluate(base, scope)).map((option) => {
      const found = propertyShape(option, property.text);
      if (found === undefined && !safe) scope.report(node.line, `'${base.text}' has no '${property.text}'`);
      return found ?? { is: "null" };
    }),
  );
}

function subscript({ children: [base, index] }: Syntax, scope: Scope): Shape {
  if (base === undefined || index === undefined) return ANY;
  evaluate(index, scope);
  return elementsOf(evaluate(base, scope));
}

/** The shape of one property; undefined where there is none. */
function propertyShape(shape: Shape, name: string): Shape | undefined {
  if (shape.is === "object") return shape.properties[name] ?? (shape.open ? ANY : undefined);
  if (shape.is === "typed") {
    const properties = propertiesOf(shape.type);
    if (properties === undefined) return ANY;
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
    return property === undefined ? undefined : property.type === undefined ? ANY : shapeOfType(property.type);
  }
  return shape.is === "any" ? ANY : undefined;
}

function call(node: Syntax, scope: Scope): Shape {
  const [callee, args] = node.children;
  const name = callee?.text ?? "";
  const given = (args?.children ?? []).map(hoisted);
  const value = (index: number): Shape => {
    const argument = given[index];
    return argument === undefined ? ANY : evaluate(argument, scope);
  };
  const lambda = (index: number, parameter: Shape): Shape => {
    const argument = given[index];
    return argument === undefined ? ANY : applied(argument, parameter, scope);
  };
  switch (name) {
    case "union":
      return merged(given.map((_, index) => value(index)));
    case "concat":
      return { is: "array", items: given.flatMap((_, index) => optionsOf(value(index))).flatMap(entries) };
    case "items":
      return { is: "array", items: [itemShape(value(0))] };
    case "filter":
      lambda(1, elementsOf(value(0)));
      return value(0);
    case "map":
      return { is: "array", items: [lambda(1, elementsOf(value(0)))] };
    case "flatten":
      return elementsOf(value(0));
    case "toObject":
      given.slice(1).forEach((_, index) => lambda(index + 1, elementsOf(value(0))));
      return objectOf({}, true);
    case "loadJsonContent":
    case "loadTextContent":
      return loaded(name, given[0], scope);
  }
  given.forEach((_, index) => value(index));
  const result = RESULTS[name];
  if (result === undefined) scope.report(node.line, `this checker does not know the function '${name}'`);
  return result ?? ANY;
}

const entries = (shape: Shape): readonly Shape[] => (shape.is === "array" ? shape.items : [ANY]);

function itemShape(shape: Shape): Shape {
  const values = optionsOf(shape).flatMap((option) =>
    option.is === "object" ? Object.values(option.properties) : [ANY],
  );
  return objectOf({ key: STRING, value: oneOf(values) });
}

function loaded(how: string, argument: Syntax | undefined, { file, report }: Scope): Shape {
  const name = literal(argument) ?? "";
  try {
    const text = readFileSync(path.join(path.dirname(file.path), name), "utf8");
    return how === "loadTextContent" ? STRING : shapeOfJson(JSON.parse(text));
  } catch (error) {
    report(argument?.line ?? 0, `${name} cannot be loaded: ${String(error)}`);
    return ANY;
  }
}

/** The grammar binds a lambda to the first operand of its body: puts it back around the whole of it. */
function hoisted(node: Syntax): Syntax {
  const [first, ...rest] = node.children;
  if (node.kind === "lambda_expression" || first === undefined || node.kind === "call_expression") return node;
  if (!["member_expression", "binary_expression", "ternary_expression", "unary_expression"].includes(node.kind))
    return node;
  const inner = hoisted(first);
  if (inner.kind !== "lambda_expression") return node;
  const [parameter, body] = inner.children;
  if (parameter === undefined || body === undefined) return node;
  return { ...inner, children: [parameter, { ...node, children: [body, ...rest] }] };
}

function applied(node: Syntax, parameter: Shape, scope: Scope): Shape {
  const [name, body] = node.children;
  if (node.kind !== "lambda_expression" || name === undefined || body === undefined) {
    scope.report(node.line, "a lambda is expected here");
    return ANY;
  }
  return evaluate(body, { ...scope, locals: { ...scope.locals, [name.text]: parameter } });
}
