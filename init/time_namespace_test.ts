import { assertEquals, assertThrows } from "@std/assert";
import { EINVAL, ENOENT, EPERM, ERANGE } from "../ffi/errno.ts";
import { OperationError } from "../ffi/kernel.ts";
import { callsOf, names, scripted } from "../tests/lib/scripted.ts";
import { makeTimeNamespace } from "./time_namespace.ts";

Deno.test("time namespace: made, and no clock touched", () => {
  for (const offsets of [undefined, {}]) {
    const k = scripted();
    makeTimeNamespace(k, offsets);
    assertEquals(k.lines(), ["unshare 128"]);
  }
});

Deno.test("time namespace: all offsets in one write, what is not said being zero", () => {
  const k = scripted();
  makeTimeNamespace(k, { monotonic: { secs: -5, nanosecs: 999_999_999 }, boottime: { secs: 86400 } });
  assertEquals(names(k), ["unshare", "openat", "write", "close"]);
  const [write] = callsOf(k, "write");
  assertEquals(
    new TextDecoder().decode(write.args[1] as Uint8Array),
    "monotonic -5 999999999\nboottime 86400 0\n",
  );
});

Deno.test("time namespace: failures say what is missing", () => {
  const offsets = { boottime: { secs: -1 } };
  const failure = (script: Record<string, number>) =>
    assertThrows(() => makeTimeNamespace(scripted(script), offsets), Error).message;
  assertEquals(failure({ unshare: -EINVAL }), "time namespaces aren't enabled in the kernel");
  assertEquals(failure({ openat: -ENOENT }), "time namespaces aren't enabled in the kernel");
  assertEquals(failure({ unshare: -EPERM }), "make a time namespace: operation not permitted");
  assertThrows(
    () => makeTimeNamespace(scripted({ write: -ERANGE }), offsets),
    OperationError,
    'make a time namespace: write "boottime -1 0\\n" to /proc/self/timens_offsets (a clock would be negative, ' +
      "or beyond 146 years): numerical result out of range",
  );
});
