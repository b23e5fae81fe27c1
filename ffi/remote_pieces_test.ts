import { assert, assertEquals, assertThrows } from "@std/assert";
import { Arena, spawnExecutor } from "../init/executor.ts";
import { AT_FDCWD } from "./constants.ts";
import { EEXIST } from "./errno.ts";
import { OperationError } from "./kernel.ts";
import { local } from "./local.ts";
import type { RemoteKernel } from "./remote.ts";

/** Runs a test with an executor and an empty directory. */
function withExecutor(test: (k: RemoteKernel, directory: string) => void) {
  using arena = new Arena(local(), 0);
  using executor = spawnExecutor(arena);
  const directory = Deno.makeTempDirSync();
  try {
    test(executor.kernel, directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

Deno.test("remote: a list of any length is worked off in pieces, whose memory is used again", () =>
  withExecutor((k, directory) => {
    const known = k.call("getpid", []), list = Array.from({ length: 70_000 }, (_, i) => i);
    const sizes: number[] = [];
    let made: number[] = [];
    k.inPieces(list, (piece) => {
      const results = piece.map((i) =>
        k.mkdirat(AT_FDCWD, `${directory}/${i % 10}`, 0o755, { allow: [EEXIST] })
      );
      if (piece[0] === 0) made = results.map((result) => result.wait());
      sizes.push(k.memory.top);
    });
    assertEquals(made.slice(0, 11), [...Array(10).fill(0), -EEXIST]);
    assertEquals([...Deno.readDirSync(directory)].length, 10);
    // From the second on every piece finds what the one before has found, and what was there is as it was.
    assertEquals(new Set(sizes.slice(1, -1)).size, 1);
    assert(known.wait() > 0);
    assertEquals(k.call("getpid", []).wait(), known.wait());
  }));

Deno.test("remote: a failure in a piece is an error, and the kernel is good for more", () =>
  withExecutor((k) => {
    const { top } = k.memory;
    assertThrows(() => k.reusing(() => k.open("/nonexistent", 0).wait()), OperationError, "no such file");
    assertEquals(k.memory.top, top);
    assert(k.call("getpid", []).wait() > 0);
  }));
