/**
 * Which keys a query's filter leaves possible. The filter itself still decides on each entity; this only spares it those that it could not
 * take, so it may be too wide, and never too narrow.
 */

/** A node of the tree that Azurite's parser makes of a filter. */
export interface FilterNode {
  /** `and`, `eq`, `ge`, …; `id` with an identifier, `constant` with a value. */
  readonly name: string;
  readonly left?: FilterNode;
  readonly right?: FilterNode;
  readonly identifier?: string;
  readonly value?: unknown;
}

/** Both ends are included; an absent one is open. */
export interface Bounds {
  readonly from?: string;
  readonly to?: string;
}

export interface KeyRange {
  readonly partition: Bounds;
  readonly row: Bounds;
}

const OPEN: KeyRange = { partition: {}, row: {} };
const MIRRORED: Readonly<Record<string, string>> = { eq: "eq", ge: "le", gt: "lt", le: "ge", lt: "gt" };

export function rangeOf(filter: FilterNode | undefined): KeyRange {
  if (filter === undefined) return OPEN;
  const { name, left, right } = filter;
  if (left === undefined || right === undefined) return OPEN;
  if (name === "and") {
    const [one, other] = [rangeOf(left), rangeOf(right)];
    return { partition: both(one.partition, other.partition), row: both(one.row, other.row) };
  }
  return comparison(name, left, right) ?? comparison(MIRRORED[name], right, left) ?? OPEN;
}

function comparison(operator: string | undefined, key: FilterNode, constant: FilterNode): KeyRange | undefined {
  if (key.name !== "id" || constant.name !== "constant" || typeof constant.value !== "string") return undefined;
  const bounds = boundsOf(operator, constant.value);
  if (bounds === undefined) return undefined;
  if (key.identifier === "PartitionKey") return { partition: bounds, row: {} };
  if (key.identifier === "RowKey") return { partition: {}, row: bounds };
  return undefined;
}

function boundsOf(operator: string | undefined, value: string): Bounds | undefined {
  if (operator === "eq") return { from: value, to: value };
  if (operator === "ge" || operator === "gt") return { from: value };
  if (operator === "le" || operator === "lt") return { to: value };
  return undefined;
}

function both(one: Bounds, other: Bounds): Bounds {
  const from = latest(one.from, other.from);
  const to = one.to === undefined || (other.to !== undefined && other.to < one.to) ? other.to : one.to;
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
}

export function latest(one: string | undefined, other: string | undefined): string | undefined {
  return one === undefined || (other !== undefined && other > one) ? other : one;
}
