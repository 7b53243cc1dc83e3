/** Which request counts towards which limit, and the headers that say so. */
import type { HttpRequest } from "@azure/functions";
import type { Allowance, LimitName, RateLimiter } from "../use-cases/rate-limiter.js";

/** Functions with a limit of their own, beside that of all writes. */
const OWN_LIMITS: Readonly<Record<string, LimitName>> = {
  putConsent: "consents",
  postConsents: "consents",
  openView: "views",
  reportMessage: "reports",
};

export interface Limits {
  /** Before anybody is asked who they are. @throws rate-limited */
  admitAddress(request: HttpRequest): Promise<void>;
  /** Answers what is left for the header; undefined for what is not limited. @throws rate-limited */
  admitUser(functionName: string, request: HttpRequest, user: string): Promise<Allowance | undefined>;
}

export const limitsOf = (limiter: RateLimiter, trustedProxies: number): Limits => ({
  admitAddress: async (request) => {
    const address = addressOf(request.headers.get("x-forwarded-for"), trustedProxies);
    if (isWrite(request) && address !== undefined) await limiter.admit("address", address, 1);
  },
  admitUser: async (functionName, request, user) => {
    if (!isWrite(request)) return undefined;
    const own = OWN_LIMITS[functionName];
    const size = Number(request.headers.get("content-length") ?? 0);
    const [allowance, ownAllowance] = await Promise.all([
      limiter.admit("writes", user, 1),
      own === undefined ? undefined : limiter.admit(own, user, 1),
      size > 0 ? limiter.admit("bytes", user, size) : undefined,
    ]);
    return ownAllowance ?? allowance;
  },
});

const isWrite = ({ method }: HttpRequest): boolean => !["GET", "HEAD", "OPTIONS"].includes(method);

/**
 * Who connected to the outermost machine that is ours. Azure's front end appends the address that it sees to what came: what
 * stands before that is the caller's own invention. Undefined when there is no front end.
 */
export function addressOf(forwardedFor: string | null, trustedProxies: number): string | undefined {
  const address = forwardedFor
    ?.split(",")
    .at(-1 - trustedProxies)
    ?.trim();
  // With a port, and in brackets when it is IPv6: [2001:db8::1]:443.
  return address === undefined || address === ""
    ? undefined
    : address.replace(/^\[(.+)\](?::\d+)?$|^([^:]+):\d+$/, "$1$2");
}

/** draft-ietf-httpapi-ratelimit-headers: the policy, and what is left of it. */
export const limitHeaders = ({ name, capacity, remaining, resetS, windowS }: Allowance): Record<string, string> => ({
  "ratelimit-policy": `"${name}";q=${String(capacity)};w=${String(windowS)}`,
  ratelimit: `"${name}";r=${String(remaining)};t=${String(resetS)}`,
});
