/**
 * Holds every file of the project to its own lint rules. A file of tests, because Deno runs lint plugins in the
 * main thread only there: as a plugin of `deno lint` the rules end that program with a segmentation fault in one
 * run of fifteen.
 * @module
 */
import plugin from "./gate_plugin.ts";
import { sources } from "./sources.ts";

const TOP = new URL("..", import.meta.url).pathname;

/** Everything that is wrong with one file, as `path:line: message`. */
function problems(path: string): string[] {
  const text = Deno.readTextFileSync(TOP + path);
  return Deno.lint.runPlugin(plugin, TOP + path, text).map(({ range, message }) => {
    const line = text.slice(0, range[0]).split("\n").length;
    return `${path}:${line}: ${message}`;
  });
}

Deno.test("sizes, the direction of imports, and what comes from outside", () => {
  const found = sources().flatMap(problems);
  if (found.length > 0) throw new Error(`\n${found.join("\n")}`);
});
