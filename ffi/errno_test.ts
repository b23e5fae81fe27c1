import { assert, assertEquals } from "@std/assert";
import * as errno from "./errno.ts";
import { skip } from "../tests/lib/skip.ts";

/** Where the machine's headers tell the names of error numbers. */
const HEADERS = ["/usr/include/asm-generic/errno-base.h", "/usr/include/asm-generic/errno.h"];

Deno.test("errno: the words that clients look for", () => {
  assertEquals(errno.strerror(errno.ENOENT), "no such file or directory");
  assertEquals(errno.strerror(errno.EACCES), "permission denied");
  assertEquals(errno.strerror(8), "exec format error");
  assertEquals(errno.strerror(errno.EPERM), "operation not permitted");
  assertEquals(errno.strerror(errno.ENOTDIR), "not a directory");
  assertEquals(errno.strerror(132), "operation not possible due to RF-kill");
});

Deno.test("errno: a number that is not in use is told as a number", () => {
  for (const number of [0, -1, 41, 58, 134, 4095]) {
    assertEquals(errno.strerror(number), `errno ${number}`);
    assertEquals(errno.errnoName(number), `errno ${number}`);
  }
});

Deno.test("errno: no number is taken for a longer one that it begins or ends", () => {
  assertEquals(errno.errnoName(1), "EPERM");
  assertEquals(errno.errnoName(11), "EAGAIN");
  assertEquals(errno.errnoName(111), "ECONNREFUSED");
});

Deno.test("errno: every exported constant has the number of its name", () => {
  const constants = Object.entries(errno).filter(([, value]) => typeof value === "number");
  assert(constants.length > 20);
  for (const [name, value] of constants) assertEquals(errno.errnoName(value as number), name);
});

const NAME = "errno: numbers are those of the machine's headers, none is missing";
if (HEADERS.every((path) => exists(path))) {
  Deno.test(NAME, () => {
    const text = HEADERS.map((path) => Deno.readTextFileSync(path)).join("\n");
    const defined = [...text.matchAll(/^#define\s+(E\w+)\s+(\d+)\b/gm)];
    assert(defined.length > 100);
    for (const [, name, number] of defined) assertEquals(errno.errnoName(Number(number)), name);
  });
} else skip(NAME, "the kernel's headers are not installed (linux-libc-dev)");

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
