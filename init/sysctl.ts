/**
 * `linux.sysctl`, written through a procfs that nobody else can have changed.
 * @module
 */

import * as c from "../ffi/constants.ts";
import type { Fd, Kernel, Result } from "../ffi/kernel.ts";

/**
 * A private procfs of the caller's PID namespace: mounted nowhere, so nothing can be mounted over its files
 * (CVE-2025-52881). See fsopen(2).
 */
export function openProcfs(k: Kernel): Result {
  return k.during("open a private procfs", () => {
    const context = k.fsopen("proc");
    k.fsconfigCreate(context);
    const procfs = k.fsmount(context, 0);
    k.close(context);
    return procfs;
  });
}

/**
 * The file below /proc/sys of a key: names are separated by dots, and by slashes where a name has dots in it.
 * Whichever separator comes first is the separator (sysctl(8)).
 */
export function sysctlPath(key: string): string {
  const separator = key.search(/[./]/);
  if (separator < 0 || key[separator] === "/") return key;
  return key.replace(/[./]/g, (char) => char === "." ? "/" : ".");
}

/** Writes kernel parameters of the container's namespaces. */
export function writeSysctls(k: Kernel, procfs: Fd, sysctls: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(sysctls)) {
    k.during(`set sysctl ${JSON.stringify(key)} to ${JSON.stringify(value)}`, () => {
      const resolve = c.RESOLVE_BENEATH | c.RESOLVE_NO_SYMLINKS | c.RESOLVE_NO_XDEV;
      const file = k.openat2(procfs, `sys/${sysctlPath(key)}`, c.O_WRONLY, resolve);
      k.write(file, value);
      k.close(file);
    });
  }
}
