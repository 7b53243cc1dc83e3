/** What the `aud` claim of a token must say: the address that the token was made for is the address that is called. */

const LOOPBACK = new Set(["127.0.0.1", "localhost", "[::1]"]);

/** Host and port in one spelling: the names of this machine are one host, as they reach the same server. */
function normalHost(url: URL): string {
  return LOOPBACK.has(url.hostname) ? `127.0.0.1:${url.port}` : url.host;
}

function parse(url: string): URL | undefined {
  try {
    const parsed = new URL(url);
    return parsed.protocol === "http:" || parsed.protocol === "https:" ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** A client's token names `{endpoint}/clients/socketio/hubs/{hub}`; the case of the hub's name does not matter. */
export function isClientAudience(audience: string, host: string, hub: string): boolean {
  const [given, called] = [parse(audience), parse(`http://${host}`)];
  if (given === undefined || called === undefined || normalHost(given) !== normalHost(called)) return false;
  return given.search === "" && given.pathname.toLowerCase() === `/clients/socketio/hubs/${hub}`;
}

/** A server's token names the URL of its request: with its query, as the SDKs do, or without, as the service's documentation says. */
export function isRequestAudience(audience: string, host: string, requestTarget: string): boolean {
  const [given, called] = [parse(audience), parse(`http://${host}${requestTarget}`)];
  if (given === undefined || called === undefined || normalHost(given) !== normalHost(called)) return false;
  return given.pathname === called.pathname && (given.search === "" || given.search === called.search);
}
