/** Bicep's syntax: tree-sitter's grammar, turned into plain objects, and a file's declarations. */
import { readFileSync } from "node:fs";
import { Language, Parser, type Node } from "web-tree-sitter";

export interface Syntax {
  readonly kind: string;
  readonly text: string;
  readonly line: number;
  /** Where it is in the file, in UTF-16 units. */
  readonly start: number;
  readonly end: number;
  /** The named nodes below it. */
  readonly children: readonly Syntax[];
  /** Its other tokens: operators, keywords, brackets. */
  readonly tokens: readonly string[];
}

interface Parameter {
  readonly type: string;
  readonly value: Syntax | undefined;
  readonly decorators: ReadonlyMap<string, Syntax>;
  readonly line: number;
}

/** A resource or a module. */
export interface Deployment {
  /** `Provider/type@version`, or the module's path. */
  readonly type: string;
  readonly existing: boolean;
  /** An object, or a loop or a condition around one. */
  readonly body: Syntax;
  readonly line: number;
}

export interface BicepFile {
  readonly path: string;
  readonly targetScope: string | undefined;
  readonly parameters: ReadonlyMap<string, Parameter>;
  readonly variables: ReadonlyMap<string, Syntax>;
  readonly resources: ReadonlyMap<string, Deployment>;
  readonly modules: ReadonlyMap<string, Deployment>;
  readonly outputs: ReadonlyMap<string, { readonly type: string; readonly value: Syntax; readonly line: number }>;
  /** All that the grammar could not read, with its line. */
  readonly broken: readonly { readonly line: number; readonly text: string }[];
  readonly root: Syntax;
}

export type Parse = (path: string, source: string) => BicepFile;

export async function bicepParser(): Promise<Parse> {
  await Parser.init();
  const parser = new Parser();
  parser.setLanguage(await Language.load(readFileSync(new URL("tree-sitter-bicep.wasm", import.meta.url))));
  return (path, source) => {
    const tree = parser.parse(source);
    if (tree === null) throw new Error(`${path} cannot be parsed`);
    const broken: BicepFile["broken"][number][] = [];
    const root = plain(tree.rootNode, broken);
    tree.delete();
    return declarations(path, root, broken);
  };
}

function plain(node: Node, broken: { line: number; text: string }[]): Syntax {
  const line = node.startPosition.row + 1;
  if (node.isError || node.isMissing)
    broken.push({ line, text: node.text === "" ? node.type : node.text.slice(0, 60) });
  const below = node.children.filter((child) => child.type !== "comment");
  return {
    kind: node.type,
    text: node.text,
    line,
    start: node.startIndex,
    end: node.endIndex,
    children: below.filter((child) => child.isNamed).map((child) => plain(child, broken)),
    tokens: below.filter((child) => !child.isNamed).map((child) => child.type),
  };
}

function declarations(path: string, root: Syntax, broken: BicepFile["broken"]): BicepFile {
  const parameters = new Map<string, Parameter>();
  const variables = new Map<string, Syntax>();
  const resources = new Map<string, Deployment>();
  const modules = new Map<string, Deployment>();
  const outputs = new Map<string, { type: string; value: Syntax; line: number }>();
  let targetScope: string | undefined;
  let decorators = new Map<string, Syntax>();
  for (const node of root.children) {
    const [first, second, third] = node.children;
    const name = first?.text ?? "";
    const last = node.children.at(-1) ?? node;
    if (node.kind === "decorators") {
      decorators = new Map(node.children.flatMap(decoratorOf));
      continue;
    }
    const deployment = (): Deployment => ({
      type: literal(second) ?? "",
      existing: node.tokens.includes("existing") || node.children.some(({ text }) => text === "existing"),
      body: last,
      line: node.line,
    });
    if (node.kind === "target_scope_assignment") targetScope = literal(first);
    else if (node.kind === "parameter_declaration")
      parameters.set(name, { type: second?.text ?? "", value: third, decorators, line: node.line });
    else if (node.kind === "variable_declaration") variables.set(name, last);
    else if (node.kind === "resource_declaration") resources.set(name, deployment());
    else if (node.kind === "module_declaration") modules.set(name, deployment());
    else if (node.kind === "output_declaration")
      outputs.set(name, { type: second?.text ?? "", value: last, line: node.line });
    decorators = new Map();
  }
  return { path, targetScope, parameters, variables, resources, modules, outputs, broken, root };
}

function decoratorOf(decorator: Syntax): [string, Syntax][] {
  const [call] = decorator.children;
  const [name, args] = call?.children ?? [];
  const [argument] = args?.children ?? [];
  return name === undefined ? [] : [[name.text, argument ?? decorator]];
}

/** The text of a string without interpolation. */
export function literal(node: Syntax | undefined): string | undefined {
  if (node?.kind !== "string" || node.children.some(({ kind }) => kind === "interpolation")) return undefined;
  return node.children
    .map(({ text }) => text)
    .join("")
    .replaceAll(/\\(.)/g, "$1");
}

/** The name of an object's property, whether quoted or not; undefined where it is computed. */
export function keyOf(property: Syntax): string | undefined {
  const [key] = property.children;
  return key?.kind === "string" ? literal(key) : key?.text;
}
