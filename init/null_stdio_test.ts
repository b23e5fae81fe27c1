import { assertEquals, assertThrows } from "@std/assert";
import { S_IFCHR, S_IFREG } from "../ffi/constants.ts";
import type { DryKernel } from "../ffi/dry.ts";
import { EACCES, EMFILE, ENFILE, ENOENT } from "../ffi/errno.ts";
import { OperationError } from "../ffi/kernel.ts";
import { callsOf, scripted, stat } from "../tests/lib/scripted.ts";
import { openNulls, replaceNulls } from "./null_stdio.ts";

/** Replaces descriptors 0 and 2 by a file of the container. */
function replaced(open: number, file: Parameters<typeof stat>): DryKernel {
  const k = scripted({ openat2: open, statx: open < 0 ? -9 : stat(...file) });
  replaceNulls(k, openNulls(k, 5, [0, 2]));
  return k;
}

Deno.test("null stdio: the container's null device takes the place of the host's", () => {
  const k = replaced(100, [S_IFCHR, 1, 3]);
  assertEquals(callsOf(k, "dup3").map(({ args }) => args.slice(0, 2)), [[100, 0], [100, 2]]);
  assertEquals(callsOf(k, "close").length, 2);
});

Deno.test("null stdio: another file is not put there, and a container without one goes without", () => {
  for (const file of [[S_IFREG], [S_IFCHR, 1, 5]] as const) {
    assertEquals(callsOf(replaced(100, [...file]), "dup3"), []);
  }
  for (const errno of [ENOENT, EACCES]) assertEquals(callsOf(replaced(-errno, [S_IFREG]), "dup3"), []);
});

Deno.test("null stdio: what the host is short of is an error, not a container without a null device", () => {
  for (const errno of [EMFILE, ENFILE]) assertThrows(() => replaced(-errno, [S_IFREG]), OperationError);
});
