/**
 * Tests of single rules, as rows of a table.
 *
 * @module
 */
import { isPlainConfig } from "../plain.ts";
import { change, type Config, dockerConfig } from "../spec_testing.ts";
import { validateConfig } from "../validate.ts";

/** What is changed in a valid configuration, the path of the one problem that this makes, and its reason. */
export type Row = [changes: Record<string, unknown>, path: string, reason: string];

/** Registers a test for each row. */
export function testRules(chapter: string, rows: readonly Row[], base: () => Config = dockerConfig): void {
  for (const [changes, path, reason] of rows) {
    const names = Object.keys(changes).join(", ");
    Deno.test(`${chapter}: ${path} ${reason} [${names}]`, () => expect(changes, base, `${path}: ${reason}`));
  }
}

/** Registers a test that none of the changes makes a problem. */
export function testValid(
  chapter: string,
  changes: readonly Record<string, unknown>[],
  base = dockerConfig,
): void {
  Deno.test(`${chapter}: valid variants`, () => {
    for (const it of changes) expect(it, base, "");
  });
}

/**
 * Throws unless the changes make that problem, and none but that, and the quick look sees that there is one.
 */
function expect(changes: Record<string, unknown>, base: () => Config, wanted: string): void {
  const config = base();
  for (const [path, value] of Object.entries(changes)) change(config, path, value);
  const found = validateConfig(config).map(({ path, reason }) => `${path}: ${reason}`).join("\n");
  if (found !== wanted) throw new Error(`${Object.keys(changes)}: wanted "${wanted}", found "${found}"`);
  // NUL bytes are seen in the text, before the quick look.
  const nul = /\bNUL\b|null byte|nul byte|\\u0000/.test(wanted);
  if (wanted !== "" && !nul && isPlainConfig(config)) throw new Error(`${wanted}: but it looks plain`);
}
