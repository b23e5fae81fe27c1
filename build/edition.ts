/**
 * Version and date of what is built, from deno.json and the changelog.
 * @module
 */
import type { Edition } from "./man/roff.ts";

const TOP = new URL("..", import.meta.url).pathname;

/**
 * The version of deno.json, and the date that CHANGELOG.md has for it: so the same sources make the same
 * pages.
 *
 * @throws {Error} when the changelog has no such version.
 */
export function readEdition(): Edition {
  const { version } = JSON.parse(Deno.readTextFileSync(`${TOP}deno.json`));
  const date = releaseDate(Deno.readTextFileSync(`${TOP}CHANGELOG.md`), version);
  if (date === undefined) throw new Error(`CHANGELOG.md has no heading "## [${version}] - YYYY-MM-DD"`);
  return { version, date };
}

/** The date of a version's heading in a changelog; undefined where there is none. */
export function releaseDate(changelog: string, version: string): string | undefined {
  const start = `## [${version}] - `;
  const line = changelog.split("\n").find((line) => line.startsWith(start));
  const date = line?.slice(start.length).trim();
  return date !== undefined && /^\d{4}-\d\d-\d\d$/.test(date) ? date : undefined;
}
