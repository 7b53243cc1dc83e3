/** The row without some of its fields. */
export const omit = <Row extends object, Key extends keyof Row>(row: Row, ...keys: readonly Key[]): Omit<Row, Key> =>
  Object.fromEntries(Object.entries(row).filter(([key]) => !keys.includes(key as Key))) as unknown as Omit<Row, Key>;
