import { assertEquals } from "@std/assert";
import plugin, { importProblem } from "./gate_plugin.ts";

const TOP = new URL("..", import.meta.url).pathname;

/** Messages of the project's rules for a file of this content. */
function lint(path: string, source: string): string[] {
  return Deno.lint.runPlugin(plugin, `${TOP}${path}`, source).map((found) => found.message);
}

Deno.test("gate: imports point one way", () => {
  const refused: [string, string][] = [
    ["ffi/a.ts", "../init/b.ts"],
    ["init/a.ts", "../runtime/b.ts"],
    ["runtime/a/b.ts", "../../main.ts"],
    ["spec/a.ts", "../ffi/b.ts"],
    ["spec/a.ts", "@std/assert"],
    ["runtime/a.ts", "../tests/lib/b.ts"],
    ["runtime/a.ts", "npm:left-pad"],
    ["runtime/a.ts", "node:fs"],
    ["ffi/a.ts", "jsr:@std/path"],
  ];
  for (const [from, to] of refused) {
    assertEquals(typeof importProblem(`${TOP}${from}`, to), "string", `${from} imports ${to}`);
  }
  const allowed: [string, string][] = [
    ["main.ts", "./runtime/b.ts"],
    ["runtime/a/b.ts", "../../ffi/c.ts"],
    ["ffi/a.ts", "../spec/b.ts"],
    ["runtime/a.ts", "@std/path/posix"],
    ["ffi/a_test.ts", "@std/assert"],
    ["tests/a.ts", "../runtime/b.ts"],
  ];
  for (const [from, to] of allowed) {
    assertEquals(importProblem(`${TOP}${from}`, to), undefined, `${from} imports ${to}`);
  }
});

Deno.test("gate: every form of import is seen", () => {
  for (
    const source of [
      `import "../init/a.ts";`,
      `import type { A } from "../init/a.ts";`,
      `export * from "../init/a.ts";`,
      `export { a } from "../init/a.ts";`,
      `await import("../init/a.ts");`,
    ]
  ) assertEquals(lint("ffi/x.ts", source).length, 1, source);
});

Deno.test("gate: long functions of every kind, long files", () => {
  const long = "\n".repeat(60);
  for (
    const source of [`function a() {${long}}`, `const a = () => {${long}};`, `class A { b() {${long}} }`]
  ) {
    assertEquals(lint("runtime/x.ts", source), ["a function of 61 lines: stay under 60"], source);
  }
  assertEquals(lint("runtime/x.ts", `function a() {${"\n".repeat(58)}}`), []);
  assertEquals(lint("runtime/x.ts", "export {};\n".repeat(399)), []);
  assertEquals(lint("runtime/x.ts", "export {};\n".repeat(400)), ["a file of 400 lines: stay under 400"]);
});

Deno.test("gate: unfinished work in the program, exported variables", () => {
  assertEquals(lint("ffi/x.ts", `// ${"TO"}DO: later`).length, 1);
  assertEquals(lint("tests/x.ts", `// ${"TO"}DO: later`), []);
  assertEquals(lint("ffi/x.ts", "export let a = 1;").length, 1);
  assertEquals(lint("ffi/x.ts", "export const a = 1;"), []);
});
