/** Functions with HTTP triggers. */
import { StartError } from "../../../part.js";
import { triggerKind, type HostFunction } from "../../functions.js";
import type { AuthLevel } from "../../keys.js";
import { resolveSettings } from "../../settings.js";
import { parseRoute, type Route } from "./route.js";

export interface HttpFunction {
  readonly fn: HostFunction;
  /** The route without the prefix. */
  readonly path: string;
  readonly route: Route;
  readonly methods: readonly string[];
  readonly authLevel: AuthLevel;
}

/**
 * The functions with HTTP triggers and their routes, in the order in which they are tried: by name.
 * @throws StartError for a route or an authLevel that cannot be
 */
export function httpFunctions(
  functions: readonly HostFunction[],
  routePrefix: string,
  environment: NodeJS.ProcessEnv,
): readonly HttpFunction[] {
  return functions
    .filter((fn) => triggerKind(fn) === "http")
    .map((fn) => {
      const {
        route = fn.name,
        methods = [],
        authLevel = "function",
      } = fn.trigger as {
        readonly route?: string;
        readonly methods?: readonly string[];
        readonly authLevel?: string;
      };
      const level = authLevel.toLowerCase();
      if (level !== "anonymous" && level !== "function" && level !== "admin") {
        throw new StartError(`Function '${fn.name}': authLevel '${authLevel}' must be anonymous, function or admin.`);
      }
      const path = resolveSettings(route, environment).replace(/^\//, "");
      const template = [routePrefix, path].filter((part) => part !== "").join("/");
      const allowed = methods.map((each) => each.toUpperCase());
      try {
        return { fn, path, route: parseRoute(template), methods: allowed, authLevel: level };
      } catch (error) {
        throw new StartError(`Function '${fn.name}': route '${template}': ${(error as Error).message}`);
      }
    });
}
