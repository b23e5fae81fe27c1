/**
 * Works with files as another user. The caller is root of the host, and keeps all rights meanwhile.
 *
 * A filesystem of a user namespace takes no file of an id that the namespace lacks, not even of root of the
 * host. Sources: setfsuid(2), capabilities(7).
 * @module
 */

import { LINUX_CAPABILITY_VERSION_3 } from "../../ffi/constants.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import { words32 } from "../../ffi/structs.ts";
import { callerIsRoot } from "./caller.ts";

/**
 * Runs `work` on this thread. Files that it makes belong to the given user and group. A caller that is not
 * root runs it unchanged.
 */
export function actAs(k: LocalKernel, uid: number, gid: number, work: () => void): void {
  if (!callerIsRoot()) return work();
  k.scratch(() => {
    const header = k.buffer(8), capabilities = k.buffer(24);
    header.bytes.set(words32(LINUX_CAPABILITY_VERSION_3, 0));
    k.call("capget", [header, capabilities]);
    const groupBefore = k.call("setfsgid", [gid]);
    const userBefore = k.call("setfsuid", [uid]);
    try {
      // The change has dropped the capabilities for files, which are set again.
      k.call("capset", [header, capabilities]);
      work();
    } finally {
      k.call("setfsuid", [userBefore]);
      k.call("setfsgid", [groupBefore]);
    }
  });
}
