/**
 * An executor for tests of the remote kernel.
 * @module
 */
import { Arena, type Executor, spawnExecutor } from "../../init/executor.ts";
import { local } from "../../ffi/local.ts";
import type { RemoteKernel } from "../../ffi/remote.ts";

/** Runs a test with an executor and an empty directory; the executor ends with the test. */
export function withExecutor(test: (k: RemoteKernel, directory: string, executor: Executor) => void) {
  using arena = new Arena(local(), 0);
  using executor = spawnExecutor(arena);
  const directory = Deno.makeTempDirSync();
  try {
    test(executor.kernel, directory, executor);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

/** Whether there is a file of this name, links not followed. */
export function isThere(path: string): boolean {
  try {
    return Boolean(Deno.lstatSync(path));
  } catch {
    return false;
  }
}
