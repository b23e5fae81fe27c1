/**
 * A new time namespace and its clocks: time_namespaces(7).
 *
 * The process that makes a time namespace stays outside. Its next child is the first process inside, and the
 * offsets cannot be changed from then on. So the stage makes the namespace before it clones the init. Where
 * only root of the container's user namespace may make one, the init makes it, and enters it at its
 * execve(2), from Linux 6.1 on.
 * @module
 */

import { TsrunError } from "../ffi/errors.ts";
import { AT_FDCWD, O_WRONLY } from "../ffi/constants.ts";
import { EINVAL, ENOENT, ERANGE } from "../ffi/errno.ts";
import { type Kernel, OperationError } from "../ffi/kernel.ts";
import { NAMESPACES } from "../spec/namespaces.ts";
import type { Linux } from "../spec/types.ts";

const OFFSETS = "/proc/self/timens_offsets";

/**
 * Makes a time namespace for the caller's next children.
 *
 * @param offsets `linux.timeOffsets`: what is added to each clock of the caller's own namespace.
 */
export function makeTimeNamespace(k: Kernel, offsets: Linux["timeOffsets"] = {}): void {
  k.during("make a time namespace", () => {
    k.unshare(NAMESPACES.time.flag, { repair: explain("unshare", [EINVAL]) });
    const lines = Object.entries(offsets).map(([clock, { secs = 0, nanosecs = 0 }]) =>
      `${clock} ${secs} ${nanosecs}\n`
    );
    if (lines.length === 0) return;
    const file = k.openat(AT_FDCWD, OFFSETS, O_WRONLY, 0, { repair: explain("openat", [ENOENT]) });
    // The kernel takes one write for all offsets.
    k.write(file, lines.join(""), {
      repair(errno) {
        const hint = errno === ERANGE ? " (a clock would be negative, or beyond 146 years)" : "";
        throw new OperationError(
          "write",
          errno,
          `${JSON.stringify(lines.join(""))} to ${OFFSETS}${hint}`,
          "",
        );
      },
    });
    k.close(file);
  });
}

/** Explains a refusal. `missing` has the error numbers of a kernel without time namespaces. */
function explain(call: "unshare" | "openat", missing: readonly number[]): (errno: number) => never {
  return (errno) => {
    if (missing.includes(errno)) throw notEnabled();
    throw new OperationError(call, errno, "", "");
  };
}

function notEnabled(): TsrunError {
  return new TsrunError({
    code: "ENOSYS_TIME_NAMESPACE",
    operation: "make a time namespace",
    reason: "function not implemented",
    message: "time namespaces aren't enabled in the kernel",
  });
}
