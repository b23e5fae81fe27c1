/**
 * Work with files as another user, by root of the host, who keeps all rights meanwhile.
 *
 * A filesystem of a user namespace takes no file of an id that the namespace does not have, root of the host's
 * included. Sources: setfsuid(2), capabilities(7).
 * @module
 */

import type { LocalKernel } from "../../ffi/local.ts";
import { words32 } from "../../ffi/structs.ts";
import { callerIsRoot } from "./caller.ts";

/** Version 3 of the structures of capget(2). */
const CAPABILITY_VERSION = 0x20080522;

/** Runs `work`, all on this thread, with another user and group for what it makes; for others than root as it is. */
export function actAs(k: LocalKernel, uid: number, gid: number, work: () => void): void {
  if (!callerIsRoot()) return work();
  k.scratch(() => {
    const header = k.buffer(8), capabilities = k.buffer(24);
    header.bytes.set(words32(CAPABILITY_VERSION, 0));
    k.call("capget", [header, capabilities]);
    const groupBefore = k.call("setfsgid", [gid]);
    const userBefore = k.call("setfsuid", [uid]);
    try {
      // The change has taken those that concern files.
      k.call("capset", [header, capabilities]);
      work();
    } finally {
      k.call("setfsuid", [userBefore]);
      k.call("setfsgid", [groupBefore]);
    }
  });
}
