import { TsrunError } from "../ffi/errors.ts";
import { assertEquals, assertThrows } from "@std/assert";
import { local } from "../ffi/local.ts";
import { Arena, spawnExecutor } from "./executor.ts";

/** How many descriptors this process has. */
const descriptors = () => [...Deno.readDirSync("/proc/self/fd")].length;

Deno.test("arena: two hundred in one process, one after the other, leave no descriptor", () => {
  const before = descriptors();
  for (let i = 0; i < 200; i++) {
    using arena = new Arena(local(), 0);
    const { theirs } = arena.line();
    local().close(theirs);
  }
  assertEquals(descriptors(), before);
});

Deno.test("arena: executors of several work at a time, and those of one go on when another is gone", () => {
  using first = new Arena(local(), 0);
  using executor = spawnExecutor(first);
  {
    using second = new Arena(local(), 0);
    using other = spawnExecutor(second);
    assertEquals(other.kernel.call("getpid", []).wait(), other.pid);
    assertEquals(executor.kernel.call("getpid", []).wait(), executor.pid);
  }
  assertEquals(executor.kernel.call("getpid", []).wait(), executor.pid);
});

Deno.test("arena: what still holds the memory of one that is gone has none, and is no crash", () => {
  const arena = new Arena(local(), 0);
  const executor = spawnExecutor(arena);
  const text = arena.memory.alloc(8);
  executor[Symbol.dispose]();
  arena[Symbol.dispose]();
  arena[Symbol.dispose]();
  assertThrows(() => text.bytes, TypeError);
  assertThrows(() => text.u32(0), TypeError);
  assertThrows(() => arena.memory.alloc(8), TsrunError);
});

Deno.test("executor: one that is disposed of in the middle of a call that never ends is gone at once", () => {
  using arena = new Arena(local(), 0);
  let pid: number;
  {
    using executor = spawnExecutor(arena);
    pid = executor.pid;
    executor.kernel.call("ppoll", [0, 0, null, null, 8]);
    executor.kernel.kick();
  }
  assertThrows(() => Deno.statSync(`/proc/${pid}`), Deno.errors.NotFound);
});
