/**
 * Who a user is: whoever the token says. 1 to 128 printable ASCII characters.
 *
 * `%2F` is refused: in a path the Functions host decodes everything but an encoded slash, so `a%2Fb` and `a/b` would be one.
 * `.` and `..` are refused because an address cannot hold them, encoded or not (WHATWG URL, section 4.4: dot segments).
 */
export const isUser = (value: string): boolean => /^[\x20-\x7e]{1,128}$/.test(value) && !/%2f|^\.\.?$/i.test(value);

/** A user id from a path segment, as the Functions host hands it over: decoded but for `%2F`. */
export const userFromPath = (segment: string): string => segment.replace(/%2f/gi, "/");
