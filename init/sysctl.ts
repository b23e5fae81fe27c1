/**
 * `linux.sysctl`, written through a procfs that nothing else can have changed.
 * @module
 */

import { O_WRONLY, RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV } from "../ffi/constants.ts";
import { EINVAL, EPERM } from "../ffi/errno.ts";
import { type Fd, type Kernel, OperationError, type Result } from "../ffi/kernel.ts";
import { sysctlPath } from "../spec/sysctl.ts";

/**
 * Opens a private procfs of the caller's PID namespace. It is mounted nowhere, so nothing can be mounted over
 * its files (CVE-2025-52881). See fsopen(2).
 *
 * Root of a user namespace may not mount the procfs of a PID namespace of others. It may mount none at all if
 * it sees no procfs without mounts on it (mount_namespaces(7)).
 *
 * @param otherwise Finds another procfs that is as trustworthy. Its result is a descriptor of the kernel's
 * process.
 */
export function openProcfs(k: Kernel, otherwise: () => number): Result {
  const doing = "open a private procfs";
  return k.during(doing, () => {
    const context = k.fsopen("proc");
    k.fsconfigCreate(context, { allow: [EPERM] });
    const procfs = k.fsmount(context, 0, {
      repair(errno) {
        // EINVAL: the context has not become a filesystem, since the process had no permission.
        if (errno === EPERM || errno === EINVAL) return { answer: otherwise() };
        throw new OperationError("fsmount", errno, "", doing);
      },
    });
    k.close(context);
    return procfs;
  });
}

/** Writes kernel parameters of the container's namespaces. */
export function writeSysctls(k: Kernel, procfs: Fd, sysctls: Readonly<Record<string, string>>): void {
  k.inPieces(Object.entries(sysctls), (piece) => {
    for (const [key, value] of piece) writeSysctl(k, procfs, key, value);
  });
}

function writeSysctl(k: Kernel, procfs: Fd, key: string, value: string): void {
  k.during(`set sysctl ${JSON.stringify(key)} to ${JSON.stringify(value)}`, () => {
    const resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
    const file = k.openat2(procfs, `sys/${sysctlPath(key)}`, O_WRONLY, resolve);
    k.write(file, value);
    k.close(file);
  });
}
