/**
 * Tests of single rules, as rows of a table.
 *
 * @module
 */
import { assertEquals, assertFalse } from "@std/assert";
import { change, type Config, dockerConfig } from "../testing.ts";
import { isPlainConfig } from "../plain.ts";
import { validateConfig } from "../validate.ts";

/** What is changed in a valid configuration, the path of the one problem that this makes, and its reason. */
export type Row = [changes: Record<string, unknown>, path: string, reason: string];

/** Registers a test for each row. */
export function testRules(chapter: string, rows: readonly Row[], base: () => Config = dockerConfig): void {
  for (const [changes, path, reason] of rows) {
    Deno.test(`${chapter}: ${path} ${reason} [${Object.keys(changes).join(", ")}]`, () => {
      assertEquals(problemsAfter(changes, base), [{ path, reason }]);
    });
  }
}

/** Registers a test that none of the changes makes a problem. */
export function testValid(
  chapter: string,
  changes: readonly Record<string, unknown>[],
  base = dockerConfig,
): void {
  Deno.test(`${chapter}: valid variants`, () => {
    for (const it of changes) assertEquals(problemsAfter(it, base), [], JSON.stringify(Object.keys(it)));
  });
}

function problemsAfter(changes: Record<string, unknown>, base: () => Config) {
  const config = base();
  for (const [path, value] of Object.entries(changes)) change(config, path, value);
  const problems = validateConfig(config).map(({ path, reason }) => ({ path, reason }));
  // The quick look must not miss a rule; NUL bytes are found in the text, before it.
  if (problems.length > 0 && !problems[0].reason.toLowerCase().includes("nul")) {
    assertFalse(isPlainConfig(config));
  }
  return problems;
}
