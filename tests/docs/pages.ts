/**
 * Reads the project's own pages, so that tests can compare what they say with the code.
 * @module
 */

/** The project's directory, with a slash at its end. */
export const TOP = new URL("../..", import.meta.url).pathname;

const SKIPPED: readonly string[] = [".git", ".deno", "dist", "node_modules", "golden"];

/** All files below a directory of the project whose names end so, in order, as paths from the top. */
export function filesEndingIn(ending: string, directory = ""): string[] {
  const entries = [...Deno.readDirSync(TOP + directory)].sort((a, b) => a.name < b.name ? -1 : 1);
  return entries.flatMap(({ name, isDirectory }) => {
    if (SKIPPED.includes(name)) return [];
    if (isDirectory) return filesEndingIn(ending, `${directory}${name}/`);
    return name.endsWith(ending) ? [directory + name] : [];
  });
}

/** The text of a page. @param path From the top. */
export function readPage(path: string): string {
  return Deno.readTextFileSync(TOP + path);
}

/** Cells of one line of a table, without the marks of code; `\|` is a bar inside a cell. */
function cells(line: string): string[] {
  return line.split(/(?<!\\)\|/).slice(1, -1).map((cell) =>
    cell.trim().replaceAll("\\|", "|").replaceAll("`", "")
  );
}

/**
 * The first table below a heading, as one record for each row.
 *
 * @param heading The heading's text.
 * @throws {Error} When there is no such heading, or no table before the next one.
 */
export function readTable(page: string, heading: string): Record<string, string>[] {
  const lines = page.split("\n");
  const start = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, "") === heading);
  if (start < 0) throw new Error(`no heading "${heading}"`);
  const end = lines.findIndex((line, i) => i > start && /^#+ /.test(line));
  const section = lines.slice(start + 1, end < 0 ? undefined : end);
  const first = section.findIndex((line) => line.startsWith("|"));
  if (first < 0) throw new Error(`no table below "${heading}"`);
  const after = section.findIndex((line, i) => i > first && !line.startsWith("|"));
  const [names, _rule, ...rows] = section.slice(first, after < 0 ? undefined : after).map(cells);
  return rows.map((row) => Object.fromEntries(names.map((name, i) => [name, row[i] ?? ""])));
}

/**
 * Fields of an interface in the shipped sources, with their types as they are written there.
 *
 * @throws {Error} When there is no such interface, or more than one.
 */
export function readInterface(name: string): Record<string, string> {
  const bodies = ["spec/", "ffi/", "init/", "runtime/"].flatMap((area) => filesEndingIn(".ts", area))
    .flatMap((
      path,
    ) => [...readPage(path).matchAll(new RegExp(`^export interface ${name} \\{\n(.*?)^\\}`, "gms"))]);
  if (bodies.length !== 1) throw new Error(`there are ${bodies.length} interfaces ${name}`);
  return Object.fromEntries(
    [...bodies[0][1].matchAll(/^ {2}(\w+)\??: (.*);$/gm)].map(([, field, type]) => [field, type]),
  );
}
