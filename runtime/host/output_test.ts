/** The output of programs: its limits of bytes and of time. */
import { assert, assertEquals } from "@std/assert";
import { outputOf } from "./output.ts";

Deno.test("output: what a program writes, and how it ended", async () => {
  const { success, code, stdout, stderr } = await outputOf(
    "/bin/sh",
    ["-c", "echo a; echo b >&2; exit 3"],
    {},
    99,
  );
  assertEquals([success, code, stdout, stderr], [false, 3, "a\n", "b\n"]);
});

Deno.test("output: a program that writes too much is killed", async () => {
  const { success, tooLong, stdout } = await outputOf(
    "/bin/sh",
    ["-c", "while :; do echo a; done"],
    {},
    1000,
  );
  assertEquals([success, tooLong, stdout], [false, true, ""]);
});

Deno.test("output: a program that takes too long is ended", async () => {
  const start = performance.now();
  const { success, stdout } = await outputOf("/bin/sh", ["-c", "echo a; exec sleep 100"], {}, 99, 100);
  assertEquals([success, stdout], [false, "a\n"]);
  assert(performance.now() - start < 60_000);
});
