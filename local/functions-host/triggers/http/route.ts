/** Route templates of ASP.NET Core, as far as function routes use them. */
import { parseConstraint, type Constraint } from "./route-constraints.js";

type Part =
  | { readonly kind: "literal"; readonly text: string }
  | {
      readonly kind: "parameter";
      readonly name: string;
      readonly constraints: readonly Constraint[];
      readonly optional: boolean;
      readonly catchAll: boolean;
      readonly preset: string | undefined;
    };

interface Segment {
  readonly parts: readonly Part[];
  /** Matches a whole segment; one group per parameter. */
  readonly pattern: RegExp;
}

export interface Route {
  readonly template: string;
  /** The parameters' values when the decoded path fits; a parameter that is absent has no key. */
  match(path: string): Readonly<Record<string, string>> | undefined;
}

/**
 * Parses a template such as `v1/items/{id:int}/{rest?}`.
 * @throws Error that says what is wrong with the template
 */
export function parseRoute(template: string): Route {
  const segments = splitTemplate(template).map(parseSegment);
  for (const [index, segment] of segments.entries()) {
    if (index < segments.length - 1 && segment.parts.some((part) => part.kind === "parameter" && part.catchAll)) {
      throw new Error(`'${template}': a catch-all parameter can only be the last segment`);
    }
  }
  return {
    template,
    match: (path) => matchSegments(segments, path),
  };
}

function matchSegments(segments: readonly Segment[], path: string): Record<string, string> | undefined {
  // A slash at the end is no segment of its own (PathTokenizer).
  const given = path.split("/").slice(1);
  if (given.at(-1) === "") given.pop();
  const values: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    const only = segment.parts.length === 1 ? segment.parts[0] : undefined;
    if (only?.kind === "parameter" && only.catchAll) {
      const rest = path.split("/").slice(index + 1);
      return assign(values, only, rest.join("/")) ? values : undefined;
    }
    const text = given[index];
    if (text === undefined ? !mayBeAbsent(only, values) : !matchSegment(segment, text, values)) return undefined;
  }
  return given.length > segments.length ? undefined : values;
}

function mayBeAbsent(part: Part | undefined, values: Record<string, string>): boolean {
  if (part?.kind !== "parameter" || (!part.optional && part.preset === undefined)) return false;
  return assign(values, part, "");
}

function matchSegment({ parts, pattern }: Segment, text: string, values: Record<string, string>): boolean {
  const groups = pattern.exec(text);
  if (groups === null) return false;
  let group = 1;
  return parts.every((part) => part.kind === "literal" || assign(values, part, groups[group++] ?? ""));
}

function assign(
  values: Record<string, string>,
  parameter: Extract<Part, { readonly kind: "parameter" }>,
  value: string,
): boolean {
  if (value === "") {
    if (parameter.preset !== undefined) values[parameter.name] = parameter.preset;
    return true;
  }
  if (!parameter.constraints.every((constraint) => constraint(value))) return false;
  values[parameter.name] = value;
  return true;
}

/** Splits at slashes outside braces: a regex constraint may contain some. */
function splitTemplate(template: string): readonly string[] {
  const segments: string[] = [""];
  let depth = 0;
  for (const char of template.replace(/^~?\/|\/$/g, "")) {
    if (char === "{") depth++;
    if (char === "}") depth--;
    if (char === "/" && depth === 0) segments.push("");
    else segments.push((segments.pop() ?? "") + char);
  }
  if (depth !== 0) throw new Error(`'${template}': braces do not match`);
  return segments.length === 1 && segments[0] === "" ? [] : segments;
}

function parseSegment(text: string): Segment {
  if (text === "") throw new Error("a route has no empty segments");
  const parts: Part[] = [];
  let literal = "";
  for (let i = 0; i < text.length;) {
    if (text.charAt(i) !== "{" || text.charAt(i + 1) === "{") {
      // Doubled braces are one brace.
      const doubled = /^(?:\{\{|\}\})/.test(text.slice(i));
      literal += text.charAt(i);
      i += doubled ? 2 : 1;
      continue;
    }
    if (literal !== "") parts.push({ kind: "literal", text: literal });
    literal = "";
    const end = closingBrace(text, i);
    parts.push(parseParameter(text.slice(i + 1, end)));
    i = end + 1;
  }
  if (literal !== "") parts.push({ kind: "literal", text: literal });
  if (parts.length > 1 && parts.some((part) => part.kind === "parameter" && (part.catchAll || part.optional))) {
    throw new Error(`'${text}': this host has optional and catch-all parameters only as a whole segment`);
  }
  const source = parts.map((part) =>
    part.kind === "literal" ? part.text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&") : "(.+)",
  );
  return { parts, pattern: new RegExp(`^${source.join("")}$`, "is") };
}

function closingBrace(text: string, open: number): number {
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if (text.charAt(i) === "{") depth++;
    if (text.charAt(i) === "}" && --depth === 0) return i;
  }
  throw new Error(`'${text}': braces do not match`);
}

/** `name`, `name?`, `*name`, `name=preset`, each with `:constraint`s. */
function parseParameter(text: string): Part {
  const [, stars = "", name = "", rest = ""] = /^(\**)([^:=?*{}/]+)(.*)$/s.exec(text) ?? [];
  if (name === "") throw new Error(`'{${text}}' is not a route parameter`);
  const optional = rest.endsWith("?");
  const body = optional ? rest.slice(0, -1) : rest;
  const constraints: Constraint[] = [];
  let preset: string | undefined;
  for (let i = 0; i < body.length;) {
    if (body.charAt(i) === "=") {
      preset = body.slice(i + 1);
      break;
    }
    const end = endOfConstraint(body, i + 1);
    constraints.push(parseConstraint(body.slice(i + 1, end)));
    i = end;
  }
  return { kind: "parameter", name, constraints, optional, catchAll: stars !== "", preset };
}

function endOfConstraint(text: string, start: number): number {
  let depth = 0;
  for (let i = start; i < text.length; i++) {
    const char = text.charAt(i);
    if (char === "(") depth++;
    if (char === ")") depth--;
    if (depth === 0 && (char === ":" || char === "=")) return i;
  }
  return text.length;
}
