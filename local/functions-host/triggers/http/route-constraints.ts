/**
 * Inline constraints of route templates, as in ASP.NET Core
 * (https://learn.microsoft.com/aspnet/core/fundamentals/routing#route-constraints).
 */
export type Constraint = (value: string) => boolean;

const INTEGER = /^\s*[+-]?\d+\s*$/;
const DECIMAL = /^\s*[+-]?(?:\d[\d,]*\.?\d*|\.\d+)\s*$/;
const FLOAT = /^\s*[+-]?(?:\d[\d,]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*$/;
const GUID =
  /^(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\{[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}|\([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\))$/i;
const FILE = /\.[^./]+$/;

const isInteger = (bits: number): Constraint => {
  const limit = 2n ** BigInt(bits - 1);
  return (value) => {
    if (!INTEGER.test(value)) return false;
    const number = BigInt(value.trim().replace(/^\+/, ""));
    return number >= -limit && number < limit;
  };
};

const simple: Readonly<Record<string, Constraint>> = {
  int: isInteger(32),
  long: isInteger(64),
  bool: (value) => /^\s*(?:true|false)\s*$/i.test(value),
  datetime: (value) => !Number.isNaN(Date.parse(value)),
  decimal: (value) => DECIMAL.test(value),
  double: (value) => FLOAT.test(value),
  float: (value) => FLOAT.test(value),
  guid: (value) => GUID.test(value),
  alpha: (value) => /^[a-z]*$/i.test(value),
  required: (value) => value !== "",
  file: (value) => FILE.test(value),
  nonfile: (value) => !FILE.test(value),
};

const withArguments: Readonly<Record<string, (args: readonly number[]) => Constraint>> = {
  minlength:
    ([least = 0]) =>
    (value) =>
      value.length >= least,
  maxlength:
    ([most = 0]) =>
    (value) =>
      value.length <= most,
  length:
    ([least = 0, most = least]) =>
    (value) =>
      value.length >= least && value.length <= most,
  min:
    ([least = 0]) =>
    (value) =>
      INTEGER.test(value) && Number(value) >= least,
  max:
    ([most = 0]) =>
    (value) =>
      INTEGER.test(value) && Number(value) <= most,
  range:
    ([least = 0, most = 0]) =>
    (value) =>
      INTEGER.test(value) && Number(value) >= least && Number(value) <= most,
};

/**
 * The test that a constraint such as `int`, `length(2,5)` or `regex(^a)` stands for.
 * @throws Error for a constraint that ASP.NET Core does not know either
 */
export function parseConstraint(text: string): Constraint {
  const [, name = text, argument] = /^([A-Za-z]+)\((.*)\)$/s.exec(text) ?? [];
  const key = name.toLowerCase();
  if (key === "regex" && argument !== undefined) {
    const pattern = new RegExp(argument.replaceAll("{{", "{").replaceAll("}}", "}"), "i");
    return (value) => pattern.test(value);
  }
  const constraint = argument === undefined ? simple[key] : withArguments[key]?.(argument.split(",").map(Number));
  if (constraint === undefined) throw new Error(`unknown route constraint '${text}'`);
  return constraint;
}
