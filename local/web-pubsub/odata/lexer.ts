/** A filter that the service would refuse. */
export class FilterError extends Error {
  override readonly name = "FilterError";
}

export type Token =
  | { readonly kind: "word" | "symbol" | "end"; readonly text: string; readonly position: number }
  | { readonly kind: "string"; readonly text: string; readonly value: string; readonly position: number }
  | { readonly kind: "integer"; readonly text: string; readonly value: number; readonly position: number };

const TOKEN = /\s*(?:('(?:[^']|'')*')|(-?\d+)(?![\w.])|([A-Za-z_]\w*)|([(),]))/y;

/** Edm.Int32: the only numbers that the service compares. */
const LARGEST_INTEGER = 2 ** 31 - 1;

export function tokensOf(filter: string): readonly Token[] {
  const tokens: Token[] = [];
  let position = 0;
  const end = filter.trimEnd().length;
  while (position < end) {
    TOKEN.lastIndex = position;
    const match = TOKEN.exec(filter);
    if (match === null) throw new FilterError(`Syntax error at position ${position} in '${filter}'.`);
    position = TOKEN.lastIndex;
    tokens.push(tokenOf(match, position));
  }
  tokens.push({ kind: "end", text: "", position: end });
  return tokens;
}

function tokenOf([, string, integer, word, symbol]: RegExpExecArray, end: number): Token {
  if (string !== undefined) {
    const value = string.slice(1, -1).replaceAll("''", "'");
    return { kind: "string", text: string, value, position: end - string.length };
  }
  if (integer !== undefined) {
    const value = Number(integer);
    if (Math.abs(value) > LARGEST_INTEGER) throw new FilterError(`The number ${integer} is not a 32-bit integer.`);
    return { kind: "integer", text: integer, value, position: end - integer.length };
  }
  const text = word ?? symbol ?? "";
  return { kind: word === undefined ? "symbol" : "word", text, position: end - text.length };
}
