/** What is known of a value without deploying: its kind, its literal, its properties. */

export type Shape = (
  | { readonly is: "any" | "null" | "bool" }
  | { readonly is: "string"; readonly value?: string }
  | { readonly is: "int"; readonly value?: number }
  /** `open`: there may be more properties than these. */
  | { readonly is: "object"; readonly properties: Readonly<Record<string, Shape>>; readonly open: boolean }
  /** Every element is one of these. */
  | { readonly is: "array"; readonly items: readonly Shape[] }
  | { readonly is: "union"; readonly options: readonly Shape[] }
  /** A value of a resource type: its number in the extract. */
  | { readonly is: "typed"; readonly type: number }
  | { readonly is: "module"; readonly path: string }
) & { readonly line?: number };

export const ANY: Shape = { is: "any" };
export const STRING: Shape = { is: "string" };

export const objectOf = (properties: Readonly<Record<string, Shape>>, open = false): Shape => ({
  is: "object",
  properties,
  open,
});

/** One of several; with one option, that. */
export function oneOf(options: readonly Shape[]): Shape {
  const flat = options.flatMap((option) => (option.is === "union" ? option.options : [option]));
  return flat.length === 1 && flat[0] !== undefined
    ? flat[0]
    : flat.length === 0
      ? ANY
      : { is: "union", options: flat };
}

export const optionsOf = (shape: Shape): readonly Shape[] => (shape.is === "union" ? shape.options : [shape]);

export function elementsOf(shape: Shape): Shape {
  return oneOf(
    optionsOf(shape).flatMap((option) => (option.is === "array" && option.items.length > 0 ? option.items : [ANY])),
  );
}

export function shapeOfJson(value: unknown): Shape {
  if (value === null) return { is: "null" };
  if (Array.isArray(value)) return { is: "array", items: value.map(shapeOfJson) };
  if (typeof value === "string") return { is: "string", value };
  if (typeof value === "number") return { is: "int", value };
  if (typeof value === "boolean") return { is: "bool" };
  return objectOf(Object.fromEntries(Object.entries(value as object).map(([key, each]) => [key, shapeOfJson(each)])));
}

/** What `union(…)` of objects makes: all their properties. */
export function merged(shapes: readonly Shape[]): Shape {
  const properties: Record<string, Shape> = {};
  let open = false;
  for (const option of shapes.flatMap(optionsOf)) {
    if (option.is === "object") Object.assign(properties, option.properties);
    open ||= option.is !== "object" || option.open;
  }
  return { is: "object", properties, open };
}
