/**
 * How rules report what is wrong.
 *
 * A rule is a function that compares values of a document with one another. It only gets values that have
 * their shapes (shapes.ts). Other values are left out, so any property may be absent.
 *
 * @module
 */

/**
 * Takes a problem or a warning.
 *
 * @param path Where, such as `process.args[0]`.
 * @param reason Why, in runc's words where clients may know them.
 * @param fix What to do about it.
 * @param cause Path of another value. If that value is wrong itself, this report is only a consequence of it.
 */
export type Report = (path: string, reason: string, fix?: string, cause?: string) => void;

/** A part of a document in which every property may be absent. */
export type Partly<T> = T extends readonly (infer Element)[] ? Partly<Element>[]
  : T extends object ? { [Key in keyof T]?: Partly<T[Key]> }
  : T;

/** A text in quotes and escapes, for a message of one line. */
export const quote = (text: string): string => JSON.stringify(text);

/** Path of a property, such as `linux.sysctl["net.core.somaxconn"]`. */
export function propertyPath(parent: string, key: string): string {
  if (!/^[A-Za-z_]\w*$/.test(key)) return `${parent}[${quote(key)}]`;
  return parent === "" ? key : `${parent}.${key}`;
}
