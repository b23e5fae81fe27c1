import { assertEquals, assertThrows } from "@std/assert";
import { RuntimeError } from "../../ffi/errors.ts";
import { parseFlags } from "./flags.ts";
import { absolute, GLOBAL_FLAGS, readGlobals } from "./globals.ts";

const read = (line: string) => readGlobals(parseFlags(GLOBAL_FLAGS, line.split(" ")).flags);

Deno.test("globals: paths become absolute and clean", () => {
  const cwd = Deno.cwd();
  const cases: [string, string][] = [
    ["/a/b", "/a/b"],
    ["/a//b/./c/", "/a/b/c"],
    ["/a/../../b", "/b"],
    ["/", "/"],
    ["", cwd],
    [".", cwd],
    ["x", `${cwd}/x`],
  ];
  for (const [path, wanted] of cases) assertEquals(absolute(path), wanted, path);
});

Deno.test("globals: the root may be named in many ways, but not be /", () => {
  assertEquals(read("--root /a/../b").root, "/b");
  for (const root of ["/", "//", "/a/.."]) {
    assertThrows(() => read(`--root ${root}`), RuntimeError, "Option --root argument should not be set to /");
  }
});

Deno.test("globals: rootless is a truth or auto", () => {
  const cases = {
    "--rootless true": "true",
    "--rootless=0": "false",
    "--rootless=auto": "auto",
    "--debug": "auto",
  };
  for (const [line, wanted] of Object.entries(cases)) assertEquals(read(line).rootless, wanted as "auto");
});

Deno.test("globals: the default root is the host's for root, the user's for others", () => {
  const before = Deno.env.get("XDG_RUNTIME_DIR");
  Deno.env.delete("XDG_RUNTIME_DIR");
  try {
    assertEquals([read("--debug").root, read("--debug").rootGiven], ["/run/tsrun", false]);
    Deno.env.set("XDG_RUNTIME_DIR", "/run/user/1000");
    const initial = /^\s*0\s+0\s+4294967295\s*$/.test(Deno.readTextFileSync("/proc/self/uid_map"));
    const hostRoot = Deno.uid() === 0 && (initial || Deno.env.get("USER") === "root");
    assertEquals(read("--debug").root, hostRoot ? "/run/tsrun" : "/run/user/1000/tsrun");
    assertEquals(read("--root /r").root, "/r");
  } finally {
    if (before === undefined) Deno.env.delete("XDG_RUNTIME_DIR");
    else Deno.env.set("XDG_RUNTIME_DIR", before);
  }
});
