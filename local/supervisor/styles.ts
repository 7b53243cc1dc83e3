/** Colours for a terminal that has them; https://no-color.org is respected. */
import { styleText } from "node:util";

type Style = "none" | "bold" | "dim" | "red" | "yellow";
export type Styles = Readonly<Record<Style, (text: string) => string>>;

const same = (text: string): string => text;

export const plain: Styles = { none: same, bold: same, dim: same, red: same, yellow: same };

const coloured: Styles = {
  none: same,
  bold: (text) => styleText("bold", text),
  dim: (text) => styleText("dim", text),
  red: (text) => styleText("red", text),
  yellow: (text) => styleText("yellow", text),
};

export function stylesFor(
  output: { readonly isTTY?: boolean },
  environment: Readonly<Record<string, string | undefined>>,
): Styles {
  const refused = (environment["NO_COLOR"] ?? "") !== "" || environment["TERM"] === "dumb";
  return output.isTTY === true && !refused ? coloured : plain;
}
