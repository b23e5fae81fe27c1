import { assertEquals, assertThrows } from "@std/assert";
import { F_GETFD, FD_CLOEXEC, O_CREAT, O_RDWR, PR_SET_DUMPABLE } from "../ffi/constants.ts";
import { OperationError } from "../ffi/kernel.ts";
import { local } from "../ffi/local.ts";
import { Arena, type Executor, spawnExecutor } from "./executor.ts";
import { fetchDescriptor } from "./hand_over.ts";

/** An executor for one test. */
function withExecutor(use: (executor: Executor) => void): void {
  using arena = new Arena(local(), 0);
  using executor = spawnExecutor(arena);
  use(executor);
}

Deno.test("a descriptor of the executor's process is brought here, and closes on exec", () => {
  const directory = Deno.makeTempDirSync();
  try {
    withExecutor(({ kernel }) => {
      // Nobody but the executor could open it so: pidfd_getfd(2) would not do for a process that is not
      // dumpable.
      kernel.prctl(PR_SET_DUMPABLE, 0);
      const there = kernel.open(`${directory}/file`, O_RDWR | O_CREAT, 0o600);
      kernel.write(there, "by the executor");
      const here = fetchDescriptor(local(), kernel, there.wait());
      kernel.close(there).wait();
      assertEquals(Deno.readTextFileSync(`/proc/self/fd/${here}`), "by the executor");
      assertEquals(local().call("fcntl", [here, F_GETFD, 0]).wait(), FD_CLOEXEC);
      local().close(here);
      // The channel is good for more.
      assertEquals(kernel.call("getpid", []).wait() > 0, true);
    });
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("a descriptor that is not there is an error that says what was to be done", () => {
  withExecutor(({ kernel }) => {
    const error = assertThrows(() => fetchDescriptor(local(), kernel, 190), OperationError);
    assertEquals(error.message, "hand a descriptor over to tsrun: bad file descriptor");
    assertEquals(kernel.call("getpid", []).wait() > 0, true);
  });
});
