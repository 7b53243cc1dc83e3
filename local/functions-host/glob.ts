/** File patterns as `main` may use them: `*`, `?`, `**` and `{a,b}`. Node 20 has no `path.matchesGlob`. */

/** A regular expression for whole paths with `/`; as in globby, `*` and `**` pass over names that start with a dot. */
export function globToRegExp(pattern: string): RegExp {
  let source = "";
  let braces = 0;
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern.charAt(i);
    if (pattern.startsWith("**/", i)) {
      source += "(?:(?!\\.)[^/]+/)*";
      i += 2;
    } else if (pattern.startsWith("**", i)) {
      source += "(?:(?!\\.)[^/]+/)*(?!\\.)[^/]+";
      i += 1;
    } else if (char === "*") {
      source += `${i === 0 || pattern.charAt(i - 1) === "/" ? "(?!\\.)" : ""}[^/]*`;
    } else if (char === "?") {
      source += "[^/]";
    } else if (char === "{") {
      braces++;
      source += "(?:";
    } else if (char === "}" && braces > 0) {
      braces--;
      source += ")";
    } else if (char === "," && braces > 0) {
      source += "|";
    } else {
      source += char.replace(/[.+^$()|[\]\\{}]/g, "\\$&");
    }
  }
  return new RegExp(`^${source}$`);
}
