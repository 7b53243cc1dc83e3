/**
 * Who a user is: whoever the token says. 1 to 128 printable ASCII characters.
 *
 * `%2F` is refused: in a path the Functions host decodes everything but an encoded slash, so `a%2Fb` and `a/b` would be one.
 */
export const MAX_USER_LENGTH = 128;

export const isUser = (value: string): boolean => /^[\x20-\x7e]{1,128}$/.test(value) && !/%2f/i.test(value);

/** A user id from a path segment, as the Functions host hands it over: decoded but for `%2F`. */
export const userFromPath = (segment: string): string => segment.replace(/%2f/gi, "/");
