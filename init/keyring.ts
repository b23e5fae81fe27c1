/**
 * The session keyring of a container: keyrings(7), keyctl(2).
 * @module
 */

import { KEYCTL_JOIN_SESSION_KEYRING, KEYCTL_SETPERM } from "../ffi/constants.ts";
import { ENOSYS } from "../ffi/errno.ts";
import type { Kernel, Result } from "../ffi/kernel.ts";

/** What possessor and owner may do with it: all but change it, and search it. */
const PERMISSIONS = 0x3f1b0000;

/** Name of a container's session keyring. */
export function keyringName(id: string): string {
  return `_ses.${id}`;
}

/** Joins a new session keyring of that name, and sets its permissions. */
export function makeKeyring(k: Kernel, name: string): void {
  const keyring = joinKeyring(k, name, "join a new session keyring");
  k.call("keyctl", [KEYCTL_SETPERM, keyring, PERMISSIONS], { allow: [ENOSYS] });
}

/** Joins the keyring of that name, made where there is none; a kernel without keys has no need of it. */
export function joinKeyring(k: Kernel, name: string, doing: string): Result {
  return k.call("keyctl", [KEYCTL_JOIN_SESSION_KEYRING, name], { allow: [ENOSYS], doing });
}
