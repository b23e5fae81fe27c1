import { assertEquals } from "@std/assert";
import { circles, importProblem, sharedNames, unusedNames } from "./rooms.ts";

Deno.test("rooms: imports point one way", () => {
  const refused: [string, string][] = [
    ["ffi/a.ts", "../init/b.ts"],
    ["init/a.ts", "../runtime/host/b.ts"],
    ["runtime/host/a.ts", "../../init/b.ts"],
    ["runtime/host/a.ts", "../cgroups/mod.ts"],
    ["runtime/features/seccomp/a.ts", "../../container/record.ts"],
    ["runtime/features/seccomp/a.ts", "../terminal/modes.ts"],
    ["runtime/features/labels.ts", "./seccomp/mod.ts"],
    ["runtime/container/a.ts", "../cgroups/driver.ts"],
    ["runtime/container/a.ts", "../cli/flags.ts"],
    ["runtime/cgroups/v1/a.ts", "../v2/b.ts"],
    ["runtime/cgroups/v2/a.ts", "../v1/b.ts"],
    ["runtime/cli/a/b.ts", "../../../main.ts"],
    ["runtime/a.ts", "../ffi/b.ts"],
    ["spec/a.ts", "../ffi/b.ts"],
    ["spec/a.ts", "@std/assert"],
    ["runtime/host/a.ts", "../../tests/lib/b.ts"],
    ["runtime/container/a.ts", "./record_testing.ts"],
    ["runtime/host/a.ts", "npm:left-pad"],
    ["runtime/host/a.ts", "node:fs"],
    ["ffi/a.ts", "jsr:@std/path"],
  ];
  for (const [from, to] of refused) {
    assertEquals(typeof importProblem(from, to), "string", `${from} imports ${to}`);
  }
  const allowed: [string, string][] = [
    ["main.ts", "./runtime/cli/app.ts"],
    ["mod.ts", "./runtime/container/run.ts"],
    ["runtime/container/a.ts", "../cgroups/mod.ts"],
    ["runtime/container/a.ts", "../../init/c.ts"],
    ["runtime/cgroups/systemd/a.ts", "../v1/driver.ts"],
    ["runtime/cgroups/systemd/a.ts", "../../dbus/connection.ts"],
    ["runtime/features/seccomp/a.ts", "./cache.ts"],
    ["runtime/features/seccomp/a.ts", "../feature.ts"],
    ["ffi/a.ts", "../spec/b.ts"],
    ["runtime/host/a.ts", "@std/path/posix"],
    ["ffi/a_test.ts", "@std/assert"],
    ["runtime/container/a_test.ts", "./record_testing.ts"],
    ["tests/a.ts", "../runtime/container/b.ts"],
  ];
  for (const [from, to] of allowed) assertEquals(importProblem(from, to), undefined, `${from} imports ${to}`);
});

Deno.test("rooms: circles are found, of any length, and each once", () => {
  const graph = new Map([
    ["a", ["b"]],
    ["b", ["c", "d"]],
    ["c", ["a"]],
    ["d", ["e"]],
    ["e", ["e", "f"]],
    ["f", []],
  ]);
  assertEquals(circles(graph).sort(), [["a", "b", "c"], ["e"]]);
  assertEquals(circles(new Map([["a", ["b", "c"]], ["b", ["c"]], ["c", []]])), []);
});

Deno.test("rooms: one name, one exported function", () => {
  const same = "export function open(): void {}\n";
  const texts = new Map([["runtime/host/a.ts", same], ["init/b.ts", `export async function open() {}\n`]]);
  assertEquals(sharedNames(texts), ["open is exported by runtime/host/a.ts and init/b.ts"]);
  const drivers = new Map([["runtime/cgroups/v1/a.ts", same], ["runtime/cgroups/v2/a.ts", same]]);
  assertEquals(sharedNames(drivers), []);
  assertEquals(sharedNames(new Map([["runtime/host/a.ts", same + same]])), []);
});

Deno.test("rooms: what is exported is used by the program", () => {
  const texts = new Map([
    [
      "ffi/a.ts",
      "export function used() {}\nexport const LEFT = 1; // LEFT\nexport type Own = 1;\nlet a: Own;",
    ],
    ["init/b.ts", 'import { used } from "../ffi/a.ts";\n/** LEFT */\nused();'],
    ["init/b_test.ts", "LEFT;"],
  ]);
  assertEquals(unusedNames(texts), ["ffi/a.ts exports LEFT, which nothing uses"]);
  const list = new Map([["ffi/constants.ts", "export const A_B = 1, C_D = 2,\n  E_F = 3;\nA_B;"], [
    "a_test.ts",
    "E_F;",
  ]]);
  assertEquals(unusedNames(list), ["ffi/constants.ts exports C_D, which nothing uses"]);
});
