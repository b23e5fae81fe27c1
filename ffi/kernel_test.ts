import { assertEquals, assertThrows } from "@std/assert";
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_RECURSIVE,
  AT_SYMLINK_NOFOLLOW,
  FSCONFIG_CMD_CREATE,
  FSCONFIG_SET_FLAG,
  FSCONFIG_SET_STRING,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  MOVE_MOUNT_F_EMPTY_PATH,
  MOVE_MOUNT_T_EMPTY_PATH,
  O_CLOEXEC,
  O_PATH,
  O_RDWR,
  OPEN_TREE_CLOEXEC,
  RESOLVE_IN_ROOT,
} from "./constants.ts";
import { type Call, DryKernel } from "./dry.ts";
import { ENOENT, EPERM } from "./errno.ts";
import {
  AddressOf,
  describeArgs,
  inStep,
  isResult,
  type Kernel,
  Load,
  OperationError,
  Settled,
} from "./kernel.ts";

/** The one call that `use` makes. */
function callOf(use: (k: Kernel) => unknown): Call {
  const k = new DryKernel();
  use(k);
  assertEquals(k.calls.length, 1);
  return k.calls[0];
}

/** Name and arguments of the one call that `use` makes. */
function made(use: (k: Kernel) => unknown): unknown[] {
  const { name, args } = callOf(use);
  return [name, ...args];
}

Deno.test("errors: what was being done, on what, why", () => {
  assertEquals(
    new OperationError("openat", ENOENT, '"/x"', "mount it").message,
    'mount it: openat "/x": no such file or directory',
  );
});

Deno.test("errors: a step without an object needs no name of a call", () => {
  assertEquals(new OperationError("setns", EPERM, "", "join").message, "join: operation not permitted");
});

Deno.test("errors: without a step, the call is named", () => {
  assertEquals(new OperationError("setns", EPERM, "", "").message, "setns: operation not permitted");
  assertEquals(new OperationError("open", EPERM, '"/x"', "").message, 'open "/x": operation not permitted');
});

Deno.test("errors: an error without a step gets the one that was being repaired", () => {
  const named = inStep(new OperationError("open", EPERM, '"/x"', ""), "mount it");
  assertEquals((named as Error).message, 'mount it: open "/x": operation not permitted');
});

Deno.test("errors: a step that is named already, and what is no failed call, stay as they are", () => {
  const named = new OperationError("open", EPERM, "", "first");
  assertEquals(inStep(named, "second"), named);
  const other = new Error("else");
  assertEquals(inStep(other, "second"), other);
});

Deno.test("errors: of the arguments, texts are told, quoted, empty ones not", () => {
  assertEquals(describeArgs([3, "a\nb", "", new Uint8Array(2), null, ["x"], "c"]), '"a\\nb" "c"');
});

Deno.test("arguments: a result is told from every other kind", () => {
  const buffer = new DryKernel().buffer(8);
  assertEquals(isResult(new Settled(3)), true);
  for (const arg of [3, "value", null, new Uint8Array(1), buffer, new Load(buffer), [1], ["value"]]) {
    assertEquals(isResult(arg), false);
  }
  assertEquals(isResult(new AddressOf(new Settled(1))), false);
});

Deno.test("during: names the step of the calls in it, and the outer one again after it, even after a throw", () => {
  const k = new DryKernel();
  k.during("outer", () => {
    assertThrows(() =>
      k.during("inner", () => {
        k.chdir("/1");
        throw new Error("out");
      })
    );
    k.chdir("/2");
  });
  k.chdir("/3");
  assertEquals(k.calls.map((call) => call.doing), ["inner", "outer", ""]);
});

Deno.test("during: what it does comes back", () => {
  assertEquals(new DryKernel().during("it", () => 5), 5);
});

Deno.test("during: a call's own purpose counts more than the step", () => {
  const k = new DryKernel();
  k.during("step", () => k.chdir("/", { doing: "own" }));
  assertEquals(k.calls[0].doing, "own");
});

Deno.test("files: whatever is opened closes on exec", () => {
  assertEquals(made((k) => k.openat2(5, "x", O_PATH, RESOLVE_IN_ROOT, 0o600)), [
    "openat2",
    5,
    "x",
    [O_PATH | O_CLOEXEC, 0o600, RESOLVE_IN_ROOT],
    24,
  ]);
  assertEquals(made((k) => k.open("x", O_RDWR)), ["openat", AT_FDCWD, "x", O_RDWR | O_CLOEXEC, 0]);
  assertEquals(made((k) => k.dup3(5, 6)), ["dup3", 5, 6, O_CLOEXEC]);
  assertEquals(made((k) => k.dup3(5, 0, 0)), ["dup3", 5, 0, 0]);
  assertEquals(made((k) => k.fsopen("proc")), ["fsopen", "proc", FSOPEN_CLOEXEC]);
  assertEquals(made((k) => k.fsmount(5, 3)), ["fsmount", 5, FSMOUNT_CLOEXEC, 3]);
  assertEquals(made((k) => k.openTree(5, "", 1)), ["open_tree", 5, "", 1 | OPEN_TREE_CLOEXEC]);
});

Deno.test("files: a write's length is in bytes", () => {
  assertEquals(made((k) => k.write(1, "ü")), ["write", 1, new Uint8Array([0xc3, 0xbc]), 2]);
});

Deno.test("files: writeFile opens, writes once, closes; a failure tells file and text", () => {
  const k = new DryKernel((name) => name === "write" ? -EPERM : undefined);
  assertThrows(
    () => k.writeFile(AT_FDCWD, "/proc/x", "0"),
    OperationError,
    'write "0" to "/proc/x": operation not permitted',
  );
  const good = new DryKernel();
  good.writeFile(7, "x", "0");
  assertEquals(good.calls.map((call) => call.name), ["openat", "write", "close"]);
  assertEquals(good.calls[1].args[0], good.calls[2].args[0]);
});

Deno.test("files: ownership is changed and asked for by the descriptor itself", () => {
  assertEquals(made((k) => k.fchown(5, 1, 2)), ["fchownat", 5, "", 1, 2, AT_EMPTY_PATH]);
  const [name, dir, path, flags] = made((k) => k.statx(5, "", k.buffer(256)));
  assertEquals([name, dir, path, flags], ["statx", 5, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW]);
});

Deno.test("mounts: a mount is attached by descriptors on both sides", () => {
  assertEquals(made((k) => k.moveMount(5, 6)), [
    "move_mount",
    5,
    "",
    6,
    "",
    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH,
  ]);
});

Deno.test("mounts: attributes are one structure of four words; an empty path means the descriptor", () => {
  assertEquals(made((k) => k.mountSetattr(5, "", 0, { set: 1, clear: 2, propagation: 4 })), [
    "mount_setattr",
    5,
    "",
    AT_EMPTY_PATH,
    [1, 2, 4, 0],
    32,
  ]);
  assertEquals(made((k) => k.mountSetattr(AT_FDCWD, "/", AT_RECURSIVE, {})), [
    "mount_setattr",
    AT_FDCWD,
    "/",
    AT_RECURSIVE,
    [0, 0, 0, 0],
    32,
  ]);
});

Deno.test("mounts: an option without a value is a flag, with one a text", () => {
  assertEquals(made((k) => k.fsconfig(5, "ro", null)), ["fsconfig", 5, FSCONFIG_SET_FLAG, "ro", null, 0]);
  assertEquals(made((k) => k.fsconfig(5, "k", "")), ["fsconfig", 5, FSCONFIG_SET_STRING, "k", "", 0]);
  assertEquals(made((k) => k.fsconfigCreate(5)), ["fsconfig", 5, FSCONFIG_CMD_CREATE, null, null, 0]);
});

Deno.test("processes: limits are a pair of words, infinity among them", () => {
  assertEquals(made((k) => k.prlimit(0, 7, 1024, 2 ** 64)), ["prlimit64", 0, 7, [1024, 2 ** 64], 0]);
});
