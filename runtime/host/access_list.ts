/**
 * Access control lists of files: acl(5), xattr(7).
 * @module
 */
import { O_CLOEXEC, O_DIRECTORY, O_RDONLY } from "../../ffi/constants.ts";
import type { LocalKernel } from "../../ffi/local.ts";

/**
 * Whether a directory has an access control list that names users or groups. One that only repeats the mode
 * is not stored.
 */
export function hasAccessList(k: LocalKernel, path: string): boolean {
  const directory = k.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC).wait();
  const size = k.call("fgetxattr", [directory, "system.posix_acl_access", null, 0], { allow: "any" }).wait();
  k.close(directory);
  return size > 0;
}
