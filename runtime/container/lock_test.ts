import { assert, assertEquals, assertThrows } from "@std/assert";
import { ENOSPC } from "../../ffi/errno.ts";
import { RuntimeError } from "../../ffi/errors.ts";
import { OperationError } from "../../ffi/kernel.ts";
import { local } from "../../ffi/local.ts";
import { claimContainer, lockContainer } from "./lock.ts";
import { createStateDir, removeStateDir } from "./state_dir.ts";
import { MissingContainerError, writeState } from "./record.ts";
import { sampleState, withRoot } from "./record_testing.ts";

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

Deno.test("claim: a new directory is locked, with the mode that was promised", () =>
  withRoot((root) => {
    const mask = Deno.umask(0o077);
    try {
      using _claim = claimContainer(local(), root, "a");
      assertEquals(Deno.statSync(`${root}/a`).mode! & 0o7777, 0o711);
      assertThrows(() => lockContainer(local(), root, "a", 20), RuntimeError, "busy");
    } finally {
      Deno.umask(mask);
    }
    assertThrows(
      () => claimContainer(local(), root, "a"),
      RuntimeError,
      "container with given ID already exists",
    );
  }));

/** Does something between the making of a directory and its lock, as another command would. */
function claimDisturbed(root: string, disturb: () => void): Disposable {
  const { mkdirSync } = Deno;
  let done = false;
  Deno.mkdirSync = (path, options) => {
    mkdirSync(path, options);
    if (done || !String(path).endsWith("/a")) return;
    done = true;
    disturb();
  };
  try {
    return claimContainer(local(), root, "a");
  } finally {
    Deno.mkdirSync = mkdirSync;
  }
}

Deno.test("claim: a directory that another command has removed before it was locked is made again", () =>
  withRoot((root) => {
    using _claim = claimDisturbed(root, () => Deno.removeSync(`${root}/a`));
    assertThrows(() => lockContainer(local(), root, "a", 20), RuntimeError, "busy");
  }));

Deno.test("claim: one that has become another container's is left to it", () =>
  withRoot((root) => {
    const steal = () => {
      Deno.removeSync(`${root}/a`);
      createStateDir(root, "a");
      writeState(root, sampleState("a"));
    };
    assertThrows(() => claimDisturbed(root, steal), RuntimeError, "container with given ID already exists");
    assertEquals([...Deno.readDirSync(`${root}/a`)].map(({ name }) => name), ["state.json"]);
  }));

Deno.test("claim: what cannot be locked is not left behind", () =>
  withRoot((root) => {
    const { call } = local();
    local().call = function (name, ...rest) {
      if (name === "flock") throw new OperationError(name, ENOSPC, "", "lock");
      return call.call(this, name, ...rest);
    };
    try {
      assertThrows(() => claimContainer(local(), root, "a"), OperationError, "no space left on device");
    } finally {
      local().call = call;
    }
    assertEquals([...Deno.readDirSync(root)], []);
  }));
