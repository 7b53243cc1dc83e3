/** Paths and query strings as Kestrel and ASP.NET Core read them. */

const ESCAPED = /(?:%[0-9A-Fa-f]{2})+/g;
const SLASH = 0x2f;
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Decodes a path as Kestrel does (UrlDecoder.cs): percent-encoded UTF-8 becomes text, but `%2F` stays as it is, and so does
 * what is not valid UTF-8. Dot segments are removed afterwards. Undefined for a path with a null character: Kestrel answers 400.
 */
export function decodePath(raw: string): string | undefined {
  const decoded = raw.replace(ESCAPED, (run) => decodeRun(run, true));
  return decoded.includes("\0") ? undefined : removeDotSegments(decoded);
}

/** Decodes a key or a value of a query string: `+` is a space. */
export function decodeQueryText(raw: string): string {
  return raw.replaceAll("+", " ").replace(ESCAPED, (run) => decodeRun(run, false));
}

function decodeRun(run: string, keepSlash: boolean): string {
  const bytes = Buffer.from(run.replaceAll("%", ""), "hex");
  let text = "";
  for (let i = 0; i < bytes.length;) {
    const first = bytes[i] ?? 0;
    const length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    const decoded = keepSlash && first === SLASH ? undefined : decodeBytes(bytes.subarray(i, i + length));
    // What cannot be decoded is copied, one escape at a time, in the case in which it came.
    text += decoded ?? run.slice(3 * i, 3 * i + 3);
    i += decoded === undefined ? 1 : length;
  }
  return text;
}

function decodeBytes(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

/** RFC 3986, section 5.2.4, for a path that starts with a slash. */
function removeDotSegments(path: string): string {
  if (!/(?:^|\/)\.{1,2}(?:\/|$)/.test(path)) return path;
  const result: string[] = [];
  const segments = path.split("/").slice(1);
  for (const [index, segment] of segments.entries()) {
    if (segment === "..") result.pop();
    if (segment !== "." && segment !== "..") result.push(segment);
    else if (index === segments.length - 1) result.push("");
  }
  return `/${result.join("/")}`;
}

/**
 * Escapes a decoded path again for `request.url`, as `PathString.ToUriComponent` does: characters that a path may have, and
 * escapes that are still there, are left alone.
 */
export function encodePath(path: string): string {
  return path.replace(/%[0-9A-Fa-f]{2}|[^A-Za-z0-9!$&'()*+,\-./:;=@_~]+/g, (text) =>
    /^%[0-9A-Fa-f]{2}$/.test(text)
      ? text
      : text.replace(/%(?![0-9A-Fa-f]{2})|[^%]+/g, (part) => encodeURIComponent(part)),
  );
}

/** Parses a query string (without `?`): keys know no case, repeated values are joined with a comma. */
export function parseQuery(query: string): ReadonlyMap<string, string> {
  const values = new Map<string, { name: string; value: string }>();
  for (const pair of query.split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = decodeQueryText(equals === -1 ? pair : pair.slice(0, equals));
    const value = equals === -1 ? "" : decodeQueryText(pair.slice(equals + 1));
    const known = values.get(name.toLowerCase());
    if (known === undefined) values.set(name.toLowerCase(), { name, value });
    else known.value = [known.value, value].filter((each) => each !== "").join(",");
  }
  return new Map([...values.values()].map(({ name, value }) => [name, value]));
}
