import { assertThrows } from "@std/assert";
import { RuntimeError } from "../../../ffi/errors.ts";
import { lockResctrl } from "./lock.ts";

Deno.test("one program at a time, and no wait without end", () => {
  const mount = Deno.makeTempDirSync();
  try {
    {
      using _held = lockResctrl(mount);
      assertThrows(
        () => lockResctrl(mount, 20),
        RuntimeError,
        "is busy: another program has held its lock for 0.02 s",
      );
    }
    using _free = lockResctrl(mount, 0);
  } finally {
    Deno.removeSync(mount);
  }
  assertThrows(() => lockResctrl(mount), RuntimeError, `open ${mount}: no such file or directory`);
});
