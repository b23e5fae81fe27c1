/**
 * The sources of the project.
 * @module
 */

const TOP = new URL("..", import.meta.url).pathname;
const SKIPPED: readonly string[] = [".git", ".deno", "dist", "node_modules"];

/** All sources below a directory of the top, in order of their names, as paths from the top. */
export function sources(directory = ""): string[] {
  const entries = [...Deno.readDirSync(TOP + directory)].sort((a, b) => a.name < b.name ? -1 : 1);
  return entries.flatMap(({ name, isDirectory }) => {
    if (SKIPPED.includes(name)) return [];
    if (isDirectory) return sources(`${directory}${name}/`);
    return name.endsWith(".ts") ? [directory + name] : [];
  });
}
