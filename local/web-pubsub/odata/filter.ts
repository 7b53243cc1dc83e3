/**
 * Filters over connections, in the service's subset of OData (learn.microsoft.com, reference-odata-filter). A filter is parsed
 * and type-checked as a whole before it meets a connection: a wrong one is refused even when nobody is connected.
 */
import { compile, type Filter } from "./compiler.js";
import { parseFilter } from "./parser.js";

const everybody: Filter = () => true;

/** @throws FilterError for a filter that the service would refuse. An empty one lets everybody pass, as the service's does. */
export function filterOf(text: string | null | undefined): Filter {
  if (text === null || text === undefined || text.trim() === "") return everybody;
  return compile(parseFilter(text));
}
