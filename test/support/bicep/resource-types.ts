/** The types of Azure's resources, from an extract of Bicep's own type library, and whether a value fits one. */
import { readFileSync } from "node:fs";
import { optionsOf, type Shape } from "./shapes.js";

const REQUIRED = 1;
const READ_ONLY = 2;

interface Property {
  readonly flags: number;
  /** Missing where the extract was not asked for it. */
  readonly type?: number;
}
export type Properties = Readonly<Record<string, Property>>;

type Type =
  | { readonly $type: "AnyType" | "BooleanType" | "NullType" }
  | {
      readonly $type: "StringType";
      readonly minLength?: number;
      readonly maxLength?: number;
      readonly pattern?: string;
    }
  | { readonly $type: "IntegerType"; readonly minValue?: number; readonly maxValue?: number }
  | { readonly $type: "StringLiteralType"; readonly value: string }
  | { readonly $type: "UnionType"; readonly elements: readonly number[] }
  | { readonly $type: "ArrayType"; readonly itemType: number }
  | { readonly $type: "ObjectType"; readonly properties: Properties; readonly additionalProperties?: number }
  | {
      readonly $type: "DiscriminatedObjectType";
      readonly discriminator: string;
      readonly baseProperties: Properties;
      readonly elements: Readonly<Record<string, number>>;
    };

const extract = JSON.parse(readFileSync(new URL("types.json", import.meta.url), "utf8")) as {
  readonly resources: Readonly<Record<string, number>>;
  readonly types: readonly Type[];
};

/** A problem: where in the value, at which line if that is known, and what. */
export interface Misfit {
  readonly line: number | undefined;
  readonly says: string;
}

export const typeOfResource = (name: string): number | undefined => extract.resources[name];

function at(number: number): Type {
  const type = extract.types[number];
  if (type === undefined) throw new Error(`types.json has no type ${String(number)}`);
  return type;
}

/** The properties of a resource-typed value; undefined where it is no object, or one with any property. */
export function propertiesOf(number: number): Properties | undefined {
  const type = at(number);
  if (type.$type === "ObjectType") return type.additionalProperties === undefined ? type.properties : undefined;
  if (type.$type === "DiscriminatedObjectType") return { ...type.baseProperties, ...everyElement(type.elements) };
  return undefined;
}

const everyElement = (elements: Readonly<Record<string, number>>): Properties =>
  Object.assign({}, ...Object.values(elements).map((element) => propertiesOf(element) ?? {})) as Properties;

/** What a value of this type is when it is read. */
export function shapeOfType(number: number): Shape {
  const type = at(number);
  switch (type.$type) {
    case "StringType":
    case "StringLiteralType":
      return { is: "string" };
    case "IntegerType":
      return { is: "int" };
    case "BooleanType":
      return { is: "bool" };
    case "UnionType":
      return { is: "string" };
    case "ObjectType":
    case "DiscriminatedObjectType":
      return { is: "typed", type: number };
    default:
      return { is: "any" };
  }
}

/** All that keeps `shape` from being a value of the type; `where` names the value in what is said. */
export function misfits(shape: Shape, number: number, where: string): readonly Misfit[] {
  return optionsOf(shape).flatMap((option) => misfitsOfOne(option, at(number), where));
}

function misfitsOfOne(shape: Shape, type: Type, where: string): readonly Misfit[] {
  // Null leaves a property out.
  if (shape.is === "any" || shape.is === "null" || shape.is === "typed") return [];
  const wrong = (what: string): readonly Misfit[] => [{ line: shape.line, says: `${where} ${what}` }];
  const kind: string | undefined = KIND_OF[type.$type];
  if (kind !== undefined && shape.is !== kind) return wrong(`is ${shape.is}, not ${kind}`);
  if (type.$type === "UnionType") {
    if (type.elements.some((element) => misfitsOfOne(shape, at(element), where).length === 0)) return [];
    return wrong(`is ${"value" in shape ? `'${String(shape.value)}'` : shape.is}, none of what it may be`);
  }
  if (shape.is === "array" && type.$type === "ArrayType")
    return shape.items.flatMap((item) => misfits(item, type.itemType, `${where}[]`));
  if (shape.is === "object") return misfitsOfObject(shape, type, where, wrong);
  return "value" in shape ? misfitsOfLiteral(shape.value, type, wrong) : [];
}

type Wrong = (what: string) => readonly Misfit[];

const KIND_OF: Readonly<Record<string, string>> = {
  StringType: "string",
  StringLiteralType: "string",
  IntegerType: "int",
  BooleanType: "bool",
  ArrayType: "array",
  ObjectType: "object",
  DiscriminatedObjectType: "object",
};

function misfitsOfLiteral(value: string | number, type: Type, wrong: Wrong): readonly Misfit[] {
  if (type.$type === "StringLiteralType") return value === type.value ? [] : wrong(`is not '${type.value}'`);
  if (typeof value === "string" && type.$type === "StringType") return stringMisfit(value, type, wrong);
  if (typeof value !== "number" || type.$type !== "IntegerType") return [];
  const fits = value >= (type.minValue ?? value) && value <= (type.maxValue ?? value);
  return fits ? [] : wrong(`is ${String(value)}: out of range`);
}

function misfitsOfObject(
  shape: Extract<Shape, { is: "object" }>,
  type: Type,
  where: string,
  wrong: Wrong,
): readonly Misfit[] {
  if (type.$type === "ObjectType") return objectMisfits(shape, type.properties, type.additionalProperties, where);
  if (type.$type !== "DiscriminatedObjectType") return [];
  const tag = shape.properties[type.discriminator];
  const element = tag?.is === "string" && tag.value !== undefined ? type.elements[tag.value] : undefined;
  if (element === undefined) return wrong(`has no '${type.discriminator}' that is known`);
  const chosen = at(element);
  if (chosen.$type !== "ObjectType") return [];
  return objectMisfits(shape, { ...type.baseProperties, ...chosen.properties }, chosen.additionalProperties, where);
}

function stringMisfit(value: string, type: Extract<Type, { $type: "StringType" }>, wrong: Wrong): readonly Misfit[] {
  const fits =
    value.length >= (type.minLength ?? 0) &&
    value.length <= (type.maxLength ?? Infinity) &&
    (type.pattern === undefined || new RegExp(type.pattern).test(value));
  return fits ? [] : wrong(`is '${value}', which its length or pattern forbids`);
}

function objectMisfits(
  shape: Extract<Shape, { is: "object" }>,
  properties: Properties,
  additional: number | undefined,
  where: string,
): readonly Misfit[] {
  const found: Misfit[] = [];
  for (const [name, value] of Object.entries(shape.properties)) {
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
    const line = value.line ?? shape.line;
    if (property === undefined) {
      if (additional === undefined) found.push({ line, says: `${where} has no '${name}'` });
      else found.push(...misfits(value, additional, `${where}.${name}`));
    } else if ((property.flags & READ_ONLY) !== 0) found.push({ line, says: `${where}.${name} is read-only` });
    else if (property.type === undefined)
      found.push({
        line,
        says: `${where}.${name}: its type is not in the extract; run scripts/bicep/extract-types.js`,
      });
    else found.push(...misfits(value, property.type, `${where}.${name}`));
  }
  for (const [name, { flags }] of Object.entries(properties)) {
    if ((flags & REQUIRED) !== 0 && !(name in shape.properties) && !shape.open)
      found.push({ line: shape.line, says: `${where} lacks '${name}'` });
  }
  return found;
}
