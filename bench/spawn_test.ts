import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { Spawner } from "./spawn.ts";

/** Runs a shell script in a spawner of its own and returns how it ended and what it printed. */
function shell(script: string, timeout?: number) {
  const output = Deno.makeTempFileSync();
  try {
    using spawner = new Spawner(output, { GREETING: "hello" });
    return { end: spawner.run(["/bin/sh", "-c", script], timeout), printed: Deno.readTextFileSync(output) };
  } finally {
    Deno.removeSync(output);
  }
}

Deno.test("Spawner: exit code, output, and an environment of its own", () => {
  const { end, printed } = shell('echo "$GREETING ${HOME:-homeless}"; echo error >&2; exit 7');
  assertEquals(end.code, 7);
  assertEquals(end.timedOut, false);
  assertStringIncludes(printed, "hello homeless\n");
  assertStringIncludes(printed, "error\n");
});

Deno.test("Spawner: a signal is 128 plus its number", () =>
  assertEquals(shell("kill -TERM $$").end.code, 143));

Deno.test("Spawner: wall time holds the sleep, CPU time does not", () => {
  const { end } = shell("sleep 0.2");
  assert(end.wall >= 200 && end.wall < 5000, `wall ${end.wall}`);
  assert(end.cpu < 150, `cpu ${end.cpu}`);
});

Deno.test("Spawner: CPU time counts work done", () => {
  const { end } = shell("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done");
  assert(end.cpu > 5 && end.cpu < end.wall * 1.5 + 10, `cpu ${end.cpu} of wall ${end.wall}`);
});

Deno.test("Spawner: the deadline kills", () => {
  const { end } = shell("exec sleep 30", 50);
  assertEquals([end.timedOut, end.code], [true, 137]);
});

Deno.test("Spawner: a program that is not there is an error", () => {
  using spawner = new Spawner("/dev/null", {});
  assertThrows(() => spawner.run(["/nonexistent/runtime"]), Error, "cannot start /nonexistent/runtime");
});

Deno.test("Spawner: collected garbage does not reach the arguments", () => {
  const output = Deno.makeTempFileSync();
  using spawner = new Spawner(output, { NAME: "kept" });
  for (let turn = 0; turn < 20; turn++) {
    Array.from({ length: 2000 }, () => new Uint8Array(1024));
    assertEquals(spawner.run(["/bin/sh", "-c", 'test "$NAME-$0" = kept-word', "word"]).code, 0);
  }
  Deno.removeSync(output);
});
