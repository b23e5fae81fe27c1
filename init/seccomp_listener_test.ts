import { TsrunError } from "../ffi/errors.ts";
import { assertEquals, assertThrows } from "@std/assert";
import { SECCOMP_FILTER_FLAG_NEW_LISTENER, SECCOMP_SET_MODE_FILTER } from "../ffi/constants.ts";
import { EINVAL } from "../ffi/errno.ts";
import { OperationError } from "../ffi/kernel.ts";
import { callsOf, names, scripted } from "../tests/lib/scripted.ts";
import { hasListener, loadWithListener } from "./seccomp_listener.ts";

const LISTENER = SECCOMP_FILTER_FLAG_NEW_LISTENER;
const filter = { program: new Uint8Array(16), flags: LISTENER | 4 };

Deno.test("listener: only a filter whose flags ask for one has one", () => {
  assertEquals([hasListener(filter), hasListener({ ...filter, flags: 4 }), hasListener(null)], [
    true,
    false,
    false,
  ]);
});

Deno.test("listener: handed over once the filter is loaded, and closed behind that", () => {
  const delivered: unknown[] = [];
  const k = scripted({ seccomp: 9 });
  loadWithListener(k, filter, (fd) => delivered.push(fd, ...names(k)));
  assertEquals(delivered, [9, "seccomp"]);
  assertEquals(names(k), ["seccomp", "close"]);
  const [mode, flags, program] = callsOf(k, "seccomp")[0].args;
  // Two instructions of eight bytes.
  assertEquals([mode, flags, (program as number[])[0]], [SECCOMP_SET_MODE_FILTER, LISTENER | 4, 2]);
});

Deno.test("listener: nothing is handed over when the filter cannot be loaded", () => {
  const deliver = () => {
    throw new Error("delivered");
  };
  assertThrows(
    () => loadWithListener(scripted({ seccomp: -EINVAL }), filter, deliver),
    OperationError,
    "load the seccomp filter: invalid argument",
  );
});

Deno.test("listener: a filter that keeps the init from answering is told within the deadline", () => {
  const k = scripted();
  k.flush = (deadline) => {
    if (deadline) throw new TsrunError(deadline.otherwise);
  };
  assertThrows(() => loadWithListener(k, filter, () => {}), Error, "does the profile allow write(2)?");
});
