/** Checks a tree of Bicep files: syntax, names, every resource against Azure's types, every module against its parameters. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { evaluate, parameterShape, shapeOfKind, type Scope } from "./evaluate.js";
import { misfits, typeOfResource } from "./resource-types.js";
import { optionsOf, type Shape } from "./shapes.js";
import { keyOf, type BicepFile, type Deployment, type Parse, type Syntax } from "./syntax.js";

export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly says: string;
}

export interface Project {
  /** By absolute path. */
  readonly files: ReadonlyMap<string, BicepFile>;
}

/** What a resource may say besides the properties of its type. */
const OF_BICEP = new Set(["parent", "scope", "dependsOn"]);
const OF_MODULES = new Set(["name", "scope", "params", "dependsOn"]);

/** The file and all modules that it refers to. */
export function readProject(entry: string, parse: Parse): Project {
  const files = new Map<string, BicepFile>();
  const read = (file: string): void => {
    if (files.has(file)) return;
    const parsed = parse(file, readFileSync(file, "utf8"));
    files.set(file, parsed);
    for (const { type } of parsed.modules.values()) read(path.join(path.dirname(file), type));
  };
  read(entry);
  return { files };
}

export const checkProject = (project: Project): readonly Problem[] =>
  [...project.files.values()].flatMap((file) => checkFile(file, project));

export function checkFile(file: BicepFile, { files }: Project): readonly Problem[] {
  const problems: Problem[] = [];
  const report = (line: number, says: string): void => {
    problems.push({ file: file.path, line, says });
  };
  const moduleAt = (modulePath: string): BicepFile | undefined =>
    files.get(path.join(path.dirname(file.path), modulePath));
  const scope: Scope = {
    file,
    locals: {},
    used: new Set(),
    report,
    output: (modulePath, name) => {
      const output = moduleAt(modulePath)?.outputs.get(name);
      return output === undefined ? undefined : shapeOfKind(output.type);
    },
  };
  for (const { line, text } of file.broken) report(line, `cannot be parsed: ${text}`);
  checkParameters(scope);
  for (const variable of file.variables.values()) evaluate(variable, scope);
  for (const [name, resource] of file.resources) checkResource(name, resource, scope);
  for (const [name, module] of file.modules) checkModule(name, module, moduleAt(module.type), scope);
  for (const [name, { type, value, line }] of file.outputs)
    expectKind(evaluate(value, scope), type, `output ${name}`, line, report);
  checkUse(scope);
  return problems;
}

function checkParameters(scope: Scope): void {
  for (const [name, { type, value, decorators, line }] of scope.file.parameters) {
    if (shapeOfKind(type) === undefined) scope.report(line, `${name} has the unknown type '${type}'`);
    if (value === undefined) continue;
    const given = evaluate(value, scope);
    expectKind(given, type, name, line, scope.report);
    expectAllowed(given, parameterShape(type, decorators), name, line, scope.report);
  }
}

function checkResource(name: string, resource: Deployment, scope: Scope): void {
  const { report } = scope;
  const type = typeOfResource(resource.type);
  if (type === undefined) {
    report(resource.line, `${resource.type} is not in the extract; run scripts/bicep/extract-types.js`);
    return;
  }
  for (const body of bodiesOf(evaluate(resource.body, scope))) {
    if (body.is !== "object") {
      report(resource.line, `${name} has no object for a body`);
      continue;
    }
    const own = Object.entries(body.properties).filter(([key]) => !OF_BICEP.has(key));
    const parent = body.properties["parent"];
    if (parent !== undefined && parent.is !== "typed") report(resource.line, `${name}: its parent is no resource`);
    const depth = resource.type.split("/").length;
    if (depth > 2 && parent === undefined) report(resource.line, `${name} is of a nested type and has no parent`);
    if (resource.existing) {
      for (const [key] of own.filter(([each]) => each !== "name"))
        report(resource.line, `${name} exists already: '${key}' says nothing`);
      if (!("name" in body.properties)) report(resource.line, `${name} has no name`);
      continue;
    }
    const shape: Shape = { ...body, properties: Object.fromEntries(own) };
    for (const misfit of misfits(shape, type, name)) report(misfit.line ?? resource.line, misfit.says);
  }
}

/** One, or one for each turn of a loop. */
const bodiesOf = (shape: Shape): readonly Shape[] =>
  optionsOf(shape).flatMap((option) => (option.is === "array" ? option.items : [option]));

function checkModule(name: string, module: Deployment, target: BicepFile | undefined, scope: Scope): void {
  const { report } = scope;
  if (target === undefined) {
    report(module.line, `there is no ${module.type}`);
    return;
  }
  const [body] = bodiesOf(evaluate(module.body, scope));
  if (body?.is !== "object") return;
  for (const key of Object.keys(body.properties))
    if (!OF_MODULES.has(key)) report(module.line, `${name} has an unknown '${key}'`);
  if (scope.file.targetScope === "subscription" && !("scope" in body.properties))
    report(module.line, `${name} has no scope`);
  const given = body.properties["params"];
  const values = given?.is === "object" ? given.properties : {};
  for (const [key, value] of Object.entries(values)) {
    const parameter = target.parameters.get(key);
    const line = value.line ?? module.line;
    if (parameter === undefined) {
      report(line, `${module.type} has no parameter '${key}'`);
      continue;
    }
    expectKind(value, parameter.type, `${name}.${key}`, line, report);
    expectAllowed(value, parameterShape(parameter.type, parameter.decorators), `${name}.${key}`, line, report);
  }
  for (const [key, { value }] of target.parameters)
    if (value === undefined && !(key in values)) report(module.line, `${name} lacks the parameter '${key}'`);
}

type Report = Scope["report"];

function expectKind(shape: Shape, kind: string, what: string, line: number, report: Report): void {
  const expected = shapeOfKind(kind)?.is;
  for (const { is } of optionsOf(shape)) {
    const fits = is === "any" || is === expected || (is === "typed" && expected === "object");
    if (!fits) report(line, `${what} is ${is}, not ${kind}`);
  }
}

function expectAllowed(shape: Shape, allowed: Shape, what: string, line: number, report: Report): void {
  const values = optionsOf(allowed).map((option) => ("value" in option ? option.value : undefined));
  if (values.includes(undefined)) return;
  for (const option of optionsOf(shape))
    if ("value" in option && !values.includes(option.value)) report(line, `${what} is none of ${values.join(", ")}`);
}

/** What nobody uses is a mistake, or should go. */
function checkUse({ file, used, report }: Scope): void {
  const declared: [string, number][] = [
    ...[...file.parameters].map(([name, { line }]): [string, number] => [name, line]),
    ...[...file.variables].map(([name, { line }]): [string, number] => [name, line]),
    ...[...file.resources]
      .filter(([, { existing }]) => existing)
      .map(([name, { line }]): [string, number] => [name, line]),
  ];
  for (const [name, line] of declared) if (!used.has(name)) report(line, `nobody uses '${name}'`);
}

/** Every property that is written in a file, in any object. */
export function propertyKeys(node: Syntax): readonly Syntax[] {
  const below = node.children.flatMap(propertyKeys);
  const [key] = node.children;
  return node.kind === "object_property" && key !== undefined && keyOf(node) !== undefined ? [key, ...below] : below;
}
