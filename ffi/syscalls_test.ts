import { assert, assertEquals } from "@std/assert";
import { skip } from "../tests/lib/skip.ts";
import { type SyscallName, syscallNames, syscallNumber } from "./syscalls.ts";

/** Headers that tell an architecture's numbers; each as `#define __NR_name number`. */
const HEADERS = {
  x86_64: ["/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"],
  // aarch64 has the generic numbers, under the names of the 64-bit calls where there are two.
  aarch64: ["/usr/include/asm-generic/unistd.h"],
} as const;

/** Names that the generic header gives through a macro: `__SYSCALL(__NR3264_fcntl, sys_fcntl)`. */
const GENERIC_64: Readonly<Record<string, string>> = { newfstatat: "fstatat" };

function numbersIn(text: string): Map<string, number> {
  const numbers = new Map<string, number>();
  for (const [, name, number] of text.matchAll(/^#define\s+__NR(?:3264)?_(\w+)\s+(\d+)/gm)) {
    numbers.set(name, Number(number));
  }
  return numbers;
}

function firstFile(paths: readonly string[]): string | undefined {
  for (const path of paths) {
    try {
      return Deno.readTextFileSync(path);
    } catch { /* not installed */ }
  }
  return undefined;
}

for (const arch of ["x86_64", "aarch64"] as const) {
  const name = `system calls: the numbers of ${arch} are those of the kernel's headers`;
  const text = firstFile(HEADERS[arch]);
  if (text === undefined) skip(name, "the kernel's headers are not installed (linux-libc-dev)");
  else {
    Deno.test(name, () => {
      const numbers = numbersIn(text), last = Math.max(...numbers.values());
      const wrong = syscallNames().filter((call) => {
        const known = numbers.get(call) ?? numbers.get(GENERIC_64[call] ?? "");
        // Calls that are newer than the headers have the same number everywhere.
        const newer = known === undefined && syscallNumber(call, arch) > last &&
          syscallNumber(call, "x86_64") === syscallNumber(call, "aarch64");
        return !newer && known !== syscallNumber(call, arch);
      });
      assertEquals(wrong, []);
    });
  }
}

Deno.test("system calls: without an architecture, the machine's own", () => {
  for (const name of syscallNames()) {
    assertEquals(syscallNumber(name), syscallNumber(name, Deno.build.arch as "x86_64" | "aarch64"));
    // A second time it comes from what was found out.
    assertEquals(syscallNumber(name), syscallNumber(name, Deno.build.arch as "x86_64" | "aarch64"));
  }
});

Deno.test("system calls: a name is not taken for one that it begins", () => {
  assertEquals(syscallNumber("clone", "x86_64"), 56);
  assertEquals(syscallNumber("clone3", "x86_64"), 435);
  assertEquals(syscallNumber("exit", "aarch64"), 93);
  assertEquals(syscallNumber("exit_group", "aarch64"), 94);
});

Deno.test("system calls: every name of the type is in the table, and each has two numbers", () => {
  const source = Deno.readTextFileSync(new URL("syscalls.ts", import.meta.url));
  const type = source.slice(source.indexOf("export type SyscallName"), source.indexOf("const column"));
  const typed = [...type.matchAll(/\| "(\w+)"/g)].map(([, name]) => name);
  assertEquals(typed.toSorted(), syscallNames().map(String).toSorted());
  for (const name of typed as SyscallName[]) {
    for (const arch of ["x86_64", "aarch64"] as const) {
      const number = syscallNumber(name, arch);
      assert(Number.isInteger(number) && number >= 0 && number < 500, `${name} on ${arch}: ${number}`);
    }
  }
});
