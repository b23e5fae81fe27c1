/**
 * Holds every file of the project to its own lint rules. A file of tests, because Deno runs lint plugins in
 * the main thread only there: as a plugin of `deno lint` the rules end that program with a segmentation fault
 * in one run of fifteen.
 * @module
 */
import plugin from "./gate_plugin.ts";
import { circles, type ImportGraph, isShipped, sharedNames, unusedNames } from "./rooms.ts";
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

/** What each file of the program imports, types included. */
function importGraph(texts: ReadonlyMap<string, string>): ImportGraph {
  const specifier = /(?:\bfrom\s+|\bimport\s*\(\s*|^import\s+)"(\.{1,2}\/[^"]+)"/gm;
  return new Map([...texts].map(([path, text]) => {
    // Examples in comments import their own module.
    const code = text.replace(/^ *\*.*$/gm, "");
    const found = [...code.matchAll(specifier)].map(([, to]) =>
      new URL(to, `file:///${path}`).pathname.slice(1)
    );
    return [path, found.filter((to) => texts.has(to))] as const;
  }));
}

Deno.test("no file imports itself by way of others, every exported function has a name of its own, and is used", () => {
  const all = new Map(
    sources().map((path) => [path, Deno.readTextFileSync(TOP + path)] as const),
  );
  const texts = new Map([...all].filter(([path]) => isShipped(path)));
  const found = [
    ...circles(importGraph(texts)).map(
      (files) => `a circle of imports: ${files.join(", ")}`,
    ),
    ...sharedNames(texts),
    ...unusedNames(all),
  ];
  if (found.length > 0) throw new Error(`\n${found.join("\n")}`);
});
