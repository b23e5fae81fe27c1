import { assertEquals, assertThrows } from "@std/assert";
import { DryKernel } from "./dry.ts";
import { EEXIST, ENOENT, EPERM } from "./errno.ts";
import { OperationError } from "./kernel.ts";
import { Label } from "./recorder.ts";

/** A kernel that fails one call with an errno, as often as told. */
function failing(call: string, errno: number, times = Infinity): DryKernel {
  return new DryKernel((name) => name === call && times-- > 0 ? -errno : undefined);
}

Deno.test("dry: descriptors count up, everything else succeeds", () => {
  const k = new DryKernel();
  assertEquals([k.open("/a", 0).wait(), k.fsopen("proc").wait(), k.chdir("/").wait()], [100, 101, 0]);
});

Deno.test("dry: a result that is passed on shows as what it stands for", () => {
  const k = new DryKernel();
  k.close(k.open("/a", 0));
  assertEquals(k.lines(), ['openat -100 "/a" 524288 0', "close 100"]);
});

Deno.test("dry: lines tell texts, words, bytes and buffers apart", () => {
  const k = new DryKernel();
  k.call("capset", [new TextEncoder().encode("ab"), k.buffer(8), [1, 2], ["x"], null]);
  assertEquals(k.lines(), ['capset "ab" buffer [1,2] ["x"] null']);
});

Deno.test("dry: a failure throws at the call", () => {
  assertThrows(
    () => failing("chdir", ENOENT).chdir("/x"),
    OperationError,
    'chdir "/x": no such file or directory',
  );
});

Deno.test("dry: allowed failures are answers, others are not", () => {
  assertEquals(failing("chdir", ENOENT).chdir("/x", { allow: [ENOENT] }).wait(), -ENOENT);
  assertEquals(failing("chdir", ENOENT).chdir("/x", { allow: "any" }).wait(), -ENOENT);
  assertThrows(() => failing("chdir", ENOENT).chdir("/x", { allow: [EPERM] }), OperationError);
});

Deno.test("dry: a failure that leads elsewhere is no failure", () => {
  const result = failing("chdir", ENOENT).call("chdir", ["/x"], { onError: new Label() } as never);
  assertEquals(result.wait(), -ENOENT);
});

Deno.test("dry: after a repair the call is made again", () => {
  const k = failing("mkdirat", ENOENT, 1);
  const result = k.mkdirat(3, "x", 0, { repair: () => (k.chdir("/mended"), "retry") });
  assertEquals(result.wait(), 0);
  assertEquals(k.calls.map((call) => call.name), ["mkdirat", "chdir", "mkdirat"]);
});

Deno.test("dry: a repair may also leave the call undone", () => {
  const k = failing("mkdirat", EEXIST);
  assertEquals(k.mkdirat(3, "x", 0, { repair: () => "skip" }).wait(), -EEXIST);
  assertEquals(k.calls.length, 1);
});

Deno.test("dry: a repair may answer in the call's place", () => {
  const k = new DryKernel(() => -EEXIST);
  assertEquals(k.mkdirat(3, "x", 0, { repair: () => ({ answer: 7 }) }).wait(), 7);
});

Deno.test("dry: what a repair throws gets the step that it was for", () => {
  const k = failing("mkdirat", EPERM);
  const repair = () => {
    throw new OperationError("open", EPERM, '"/x"', "");
  };
  assertThrows(
    () => k.during("make x", () => k.mkdirat(3, "x", 0, { repair })),
    OperationError,
    'make x: open "/x": operation not permitted',
  );
});
