import { assertEquals } from "@std/assert";
import { exitStatus } from "../../ffi/wait.ts";
import { caughtSignals } from "./supervisor.ts";

Deno.test("the exit status of a process is its code, or 128 and the signal that ended it", () => {
  assertEquals([0x0000, 0x0300, 0xff00].map(exitStatus), [0, 3, 255]);
  assertEquals([9, 15, 64, 11 | 0x80 /* core dumped */].map(exitStatus), [137, 143, 192, 139]);
});

Deno.test("all signals are passed on that can be, the real-time ones with them", () => {
  const caught = caughtSignals();
  for (const signal of [1, 2, 15, 16, 17, 20, 28, 31, 34, 50, 64]) {
    assertEquals(caught.includes(signal), true);
  }
  for (const signal of [0, 9, 11, 19, 23, 32, 33, 65]) assertEquals(caught.includes(signal), false);
});
