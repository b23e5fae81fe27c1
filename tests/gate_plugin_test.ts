import { assertEquals } from "@std/assert";
import plugin from "./gate_plugin.ts";

const TOP = new URL("..", import.meta.url).pathname;

/** Messages of the project's rules for a file of this content. */
function lint(path: string, source: string): string[] {
  return Deno.lint.runPlugin(plugin, `${TOP}${path}`, source).map((found) => found.message);
}

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
    assertEquals(lint("runtime/host/x.ts", source), ["a function of 61 lines: stay under 60"], source);
  }
  assertEquals(lint("runtime/host/x.ts", `function a() {${"\n".repeat(58)}}`), []);
  assertEquals(lint("runtime/host/x.ts", "export {};\n".repeat(399)), []);
  assertEquals(lint("runtime/host/x.ts", "export {};\n".repeat(400)), [
    "a file of 400 lines: stay under 400",
  ]);
});

Deno.test("gate: errors have codes, outside of files whose errors are caught or mistakes", () => {
  const source = 'throw new Error("x");',
    message = "an error has a code: throw a RuntimeError (docs/errors.md)";
  assertEquals(lint("runtime/host/x.ts", source), [message]);
  assertEquals(lint("ffi/x.ts", source.replace("Error", "RangeError")), [message]);
  for (const path of ["tests/x.ts", "runtime/dbus/text.ts"]) assertEquals(lint(path, source), []);
});

Deno.test("gate: random values are the kernel's", () => {
  const message = (member: string) => `${member} may be the same in every process: use ffi/random.ts`;
  assertEquals(lint("ffi/x.ts", "crypto.randomUUID();"), [message("crypto.randomUUID")]);
  assertEquals(lint("runtime/cli/x.ts", "const a = Math.random();"), [message("Math.random")]);
  assertEquals(lint("runtime/cli/x.ts", "const a = Math.floor(1);"), []);
  assertEquals(lint("tests/x.ts", "crypto.randomUUID();"), []);
});

Deno.test("gate: unfinished work in the program, exported variables", () => {
  assertEquals(lint("ffi/x.ts", `// ${"TO"}DO: later`).length, 1);
  assertEquals(lint("tests/x.ts", `// ${"TO"}DO: later`), []);
  assertEquals(lint("ffi/x.ts", "export let a = 1;").length, 1);
  assertEquals(lint("ffi/x.ts", "export const a = 1;"), []);
});

Deno.test("gate: wide comments", () => {
  const words = (columns: number) => "word ".repeat(30).slice(0, columns - 1) + "s";
  for (const [begin, end] of [["// ", ""], ["  // ", ""], ["/** ", " */"], ["/**\n * ", "\n */"]]) {
    const source = (columns: number) =>
      begin + words(columns - begin.split("\n").at(-1)!.length - end.split("\n")[0].length) + end;
    assertEquals(lint("tests/x.ts", source(110)), [], source(110));
    assertEquals(lint("tests/x.ts", source(111)), ["a comment of 111 columns: wrap it at 110"], source(111));
  }
  assertEquals(lint("tests/x.ts", `const a = "${"/*".repeat(60)}";`), []);
});

Deno.test("gate: who asks the host", () => {
  assertEquals(lint("runtime/features/x.ts", "Deno.statSync(path);").length, 1);
  assertEquals(lint("runtime/host/x.ts", "Deno.statSync(path);"), []);
  assertEquals(lint("runtime/container/x.ts", "throw new Deno.errors.NotFound();"), []);
  assertEquals(lint("runtime/container/x.ts", "local().close(fd);").length, 1);
  assertEquals(lint("runtime/cli/x.ts", "local().close(fd);"), []);
  assertEquals(lint("runtime/cgroups/x.ts", 'k.call("read", [fd]);').length, 1);
  assertEquals(lint("runtime/cgroups/x.ts", "step.call(this, fd);"), []);
  assertEquals(lint("init/x.ts", 'k.call("read", [fd]);'), []);
});

Deno.test("gate: the kernel's numbers are in one place", () => {
  for (
    const name of ["O_RDONLY", "EINVAL", "SIGTERM", "MSG_PEEK", "CLONE_PIDFD", "DEVPTS_SUPER_MAGIC", "POLLIN"]
  ) {
    assertEquals(lint("runtime/host/x.ts", `const ${name} = 0x10;`).length, 1, name);
    assertEquals(lint("init/x.ts", `const A = 1, ${name} = 2;`).length, 1, name);
    assertEquals(lint("ffi/constants.ts", `export const ${name} = 1;`), []);
    assertEquals(lint("init/x_test.ts", `const ${name} = 1;`), []);
  }
  for (const text of ["const EXEC_FAILED = 255;", "const SIZE = 16;", "const O_BOTH = O_RDONLY | O_PATH;"]) {
    assertEquals(lint("init/x.ts", text), []);
  }
});
