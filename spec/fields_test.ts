/**
 * The table of README.md, beside: it has a row for each property of the types, and names files and tests that
 * exist.
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { allShapes } from "./validate/rare_shapes.ts";

const HERE = new URL(".", import.meta.url).pathname;

/** Names of an interface's properties, and the types that they have as written. */
type Properties = Map<string, string>;

/** The interfaces of the files that describe a config.json. */
function readInterfaces(): Map<string, Properties> {
  const found = new Map<string, Properties>();
  for (const file of ["config.ts", "process.ts", "linux.ts", "resources.ts"]) {
    const text = Deno.readTextFileSync(`${HERE}${file}`);
    for (
      const [, name, base, body] of text.matchAll(
        /^export interface (\w+)(?: extends (\w+))? \{\n(.*?)^\}/gms,
      )
    ) {
      const properties: Properties = new Map(base ? found.get(base) : []);
      for (const [, property, type] of body.matchAll(/^ {2}(\w+)\??: (.*);$/gm)) {
        properties.set(property, type);
      }
      found.set(name, properties);
    }
  }
  return found;
}

/** The paths of all properties: `process.args[]`, `linux.sysctl.*`. */
function pathsOfTypes(): string[] {
  const interfaces = readInterfaces(), paths: string[] = [];
  const walk = (name: string, prefix: string) => {
    for (const [property, type] of interfaces.get(name)!) {
      const map = /Record<[^,]+, (\w+)>/.exec(type);
      const element = map?.[1] ?? type.replace("[]", "");
      const path = `${prefix}${property}${type.endsWith("[]") ? "[]" : map ? ".*" : ""}`;
      if (interfaces.has(element)) walk(element, `${path}.`);
      else paths.push(path);
    }
  };
  walk("Spec", "");
  return paths;
}

/** The same of the table of shapes. */
function pathsOfShapes(): string[] {
  const shapes = allShapes(), paths: string[] = [];
  const walk = (shape: unknown, path: string) => {
    if (typeof shape === "string" && shape.startsWith("$")) return walk(shapes[shape], path);
    if (Array.isArray(shape)) return walk(shape[0], `${path}[]`);
    if (typeof shape === "string") return void paths.push(path);
    for (const [key, property] of Object.entries(shape as object)) {
      if (key !== "!" && key !== "0") walk(property, path === "" ? key : `${path}.${key}`);
    }
  };
  walk("$config", "");
  return paths;
}

/** Properties of older versions, which are read for a warning only. */
const OBSOLETE = ["linux.intelRdt.enableCMT", "linux.intelRdt.enableMBM"];

/** The cells of the table's rows. */
function rowsOfTable(): string[][] {
  return Deno.readTextFileSync(`${HERE}README.md`).split("\n").filter((line) => line.startsWith("| `"))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
}

/** `a.{b,c}` is `a.b` and `a.c`. */
function expand(path: string): string[] {
  const group = /^(.*?)\{([^}]*)\}(.*)$/.exec(path);
  if (!group) return [path];
  return group[2].split(",").flatMap((one) => expand(group[1] + one + group[3]));
}

Deno.test("fields: README.md has each property of the types once", () => {
  const paths = rowsOfTable().flatMap(([property]) => expand(property.replaceAll("`", "")));
  assertEquals(paths.toSorted(), pathsOfTypes().toSorted());
});

Deno.test("fields: the files and the tests of README.md are there", () => {
  for (const [property, where, test] of rowsOfTable()) {
    const source = Deno.readTextFileSync(`${HERE}../${where}`);
    const names = property.match(/\w+/g)!.slice(1);
    assert(
      names.length === 0 || names.some((name) => source.includes(name)),
      `${where} has nothing of ${property}`,
    );
    const [file, title] = [test.slice(0, test.indexOf(":")), test.slice(test.indexOf(":") + 2)];
    assert(
      Deno.readTextFileSync(`${HERE}../${file}`).includes(title),
      `${property}: no test "${title}" in ${file}`,
    );
  }
});

Deno.test("fields: types and shapes have the same ones", () => {
  assertEquals(
    pathsOfShapes().filter((path) => !OBSOLETE.includes(path)).toSorted(),
    pathsOfTypes().toSorted(),
  );
});
