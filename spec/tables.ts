/**
 * Tables of names that the specification defines.
 *
 * @module
 */

/**
 * The table's entry of that name, if it has one.
 *
 * Names come from a document that may contain `constructor` or `__proto__`, so only the table's own entries
 * count.
 */
export function lookup<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
