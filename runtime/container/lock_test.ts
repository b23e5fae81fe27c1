import { local } from "../../ffi/local.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { RuntimeError } from "../../ffi/errors.ts";
import { lockContainer, withLock } from "./lock.ts";
import { createStateDir, removeStateDir } from "./state_dir.ts";
import { MissingContainerError } from "./record.ts";
import { withRoot } from "./record_testing.ts";

Deno.test("lock: held until disposed of, then free for the next", () =>
  withRoot((root) => {
    createStateDir(root, "a");
    {
      using _lock = lockContainer(local(), root, "a");
      const error = assertThrows(() => lockContainer(local(), root, "a", 20), RuntimeError);
      assertEquals(error.message, 'container "a" is busy: another command has worked on it for 0.02 s');
    }
    lockContainer(local(), root, "a", 20)[Symbol.dispose]();
  }));

Deno.test("lock: of one container, not of the others", () =>
  withRoot((root) => {
    for (const id of ["a", "b"]) createStateDir(root, id);
    using _a = lockContainer(local(), root, "a");
    using _b = lockContainer(local(), root, "b", 20);
  }));

Deno.test("lock: work that fails frees it, work that goes on keeps it", () =>
  withRoot(async (root) => {
    createStateDir(root, "a");
    assertThrows(
      () =>
        withLock(local(), root, "a", () => {
          throw new Error("x");
        }),
      Error,
      "x",
    );
    assertEquals(withLock(local(), root, "a", () => 5), 5);
    let end = () => {};
    const work = withLock(local(), root, "a", () => new Promise<number>((resolve) => end = () => resolve(6)));
    assertThrows(() => lockContainer(local(), root, "a", 20), RuntimeError, "busy");
    end();
    assertEquals(await work, 6);
    await assertRejects(() => withLock(local(), root, "a", () => Promise.reject(new Error("y"))), Error, "y");
    lockContainer(local(), root, "a", 20)[Symbol.dispose]();
  }));

Deno.test("lock: there is none without a container", () =>
  withRoot((root) => {
    assertThrows(() => lockContainer(local(), root, "a"), MissingContainerError);
    assertThrows(() => lockContainer(local(), root, "../a"), RuntimeError, "invalid container ID format");
  }));

Deno.test("lock: whoever waited for a container that was removed does not get its successor's place", () =>
  withRoot((root) => {
    createStateDir(root, "a");
    const first = lockContainer(local(), root, "a");
    removeStateDir(root, "a");
    first[Symbol.dispose]();
    assertThrows(() => lockContainer(local(), root, "a", 20), MissingContainerError);
    createStateDir(root, "a");
    using lock = lockContainer(local(), root, "a", 20);
    assert(lock);
  }));
