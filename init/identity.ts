/**
 * The identity of the container's process: user, groups, capabilities, no-new-privileges.
 *
 * Sources: credentials(7), capabilities(7), prctl(2), runtime-spec config.md (User, Linux Process).
 * @module
 */

import {
  LINUX_CAPABILITY_VERSION_3,
  PR_CAP_AMBIENT,
  PR_CAP_AMBIENT_CLEAR_ALL,
  PR_CAP_AMBIENT_RAISE,
  PR_CAPBSET_DROP,
  PR_CAPBSET_READ,
  PR_SET_KEEPCAPS,
} from "../ffi/constants.ts";
import { EINVAL, EPERM } from "../ffi/errno.ts";
import { type Kernel, OperationError, type Result } from "../ffi/kernel.ts";
import type { Branches, Recorder } from "../ffi/recorder.ts";
import { words32 } from "../ffi/structs.ts";
import {
  CAPABILITIES,
  type CapabilityName,
  type CapabilityWords,
  capabilityWords,
} from "../spec/capabilities.ts";
import type { Process } from "../spec/types.ts";

/** The runtime's own rights. It cannot give more than these. */
export interface HostCapabilities {
  permitted: CapabilityWords;
  /** Number of the last capability that this kernel knows. */
  last: number;
}

/** Asks the kernel for the rights of this process. */
export function readHostCapabilities(k: Kernel): HostCapabilities {
  const header = k.buffer(8), data = k.buffer(24);
  header.bytes.set(words32(LINUX_CAPABILITY_VERSION_3, 0));
  k.call("capget", [header, data]);
  const known = (bit: number) => k.prctl(PR_CAPBSET_READ, bit, 0, 0, 0, { allow: [EINVAL] }).wait() >= 0;
  let last = CAPABILITIES.CAP_CHECKPOINT_RESTORE;
  while (known(last + 1)) last++;
  while (last > 0 && !known(last)) last--;
  return { permitted: { low: data.u32(4), high: data.u32(16) }, last };
}

/** The sets of capset(2), each as two words. */
export interface CapabilitySets {
  effective: CapabilityWords;
  permitted: CapabilityWords;
  inheritable: CapabilityWords;
}

/**
 * The sets that a config asks for, without those that cannot be given. As in runc, a missing one is no error.
 */
export function finalSets(process: Process, host: HostCapabilities): CapabilitySets {
  const { capabilities = {} } = process;
  const permitted = both(capabilityWords(capabilities.permitted, host.last), host.permitted);
  return {
    permitted,
    effective: both(capabilityWords(capabilities.effective, host.last), permitted),
    inheritable: both(capabilityWords(capabilities.inheritable, host.last), host.permitted),
  };
}

/** Sets with further capabilities for later steps, as far as the runtime has them. */
export function withRights(
  sets: CapabilitySets,
  host: HostCapabilities,
  names: readonly CapabilityName[],
): CapabilitySets {
  const add = both(capabilityWords(names), host.permitted);
  return { ...sets, effective: either(sets.effective, add), permitted: either(sets.permitted, add) };
}

function both(a: CapabilityWords, b: CapabilityWords): CapabilityWords {
  return { low: (a.low & b.low) >>> 0, high: (a.high & b.high) >>> 0 };
}

function either(a: CapabilityWords, b: CapabilityWords): CapabilityWords {
  return { low: (a.low | b.low) >>> 0, high: (a.high | b.high) >>> 0 };
}

/** capset(2) for the calling process. */
export function setCapabilities(k: Recorder, sets: CapabilitySets, branches: Branches = {}): Result {
  const { effective: e, permitted: p, inheritable: i } = sets;
  const data = words32(e.low, p.low, i.low, e.high, p.high, i.high);
  const doing = "set the capabilities of the process";
  return k.call("capset", [words32(LINUX_CAPABILITY_VERSION_3, 0), data], { doing, ...branches });
}

/** Drops all capabilities that are not in the bounding set. No execve(2) can regain them. */
export function dropBounding(k: Kernel, process: Process, last: number): void {
  const keep = capabilityWords(process.capabilities?.bounding, last);
  for (let bit = 0; bit <= last; bit++) {
    const kept = bit < 32 ? keep.low & (1 << bit) : keep.high & (1 << (bit - 32));
    if (!kept) k.prctl(PR_CAPBSET_DROP, bit, 0, 0, 0, { doing: "drop capabilities from the bounding set" });
  }
}

/**
 * Fills the ambient set. The kernel refuses capabilities that are not both permitted and inheritable; these
 * are left out.
 */
export function raiseAmbient(k: Kernel, process: Process, last: number): void {
  const ambient = process.capabilities?.ambient ?? [];
  k.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0, { allow: "any" });
  for (const name of ambient) {
    const bit = CAPABILITIES[name as keyof typeof CAPABILITIES];
    if (bit !== undefined && bit <= last) {
      k.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, bit, 0, 0, { allow: "any" });
    }
  }
}

/** `NGROUPS_MAX` of limits.h: groups that a process can be in. */
const GROUPS_MAX = 65_536;

/** Why setgroups(2) answers EINVAL. */
function refusal(gids: readonly number[]): string {
  return gids.length > GROUPS_MAX
    ? ` (process.user.additionalGids has ${gids.length} of them, the kernel takes ${GROUPS_MAX})`
    : " (one of process.user.additionalGids is not mapped in the user namespace)";
}

/**
 * Becomes the configured user and groups. The permitted capabilities are kept until they are set.
 *
 * @param groupsDenied Whether the user namespace denies setgroups(2). A function is called only after the
 * kernel has refused. If the call is denied, the groups are left as they are, as in runc.
 */
export function becomeUser(k: Kernel, process: Process, groupsDenied: boolean | (() => boolean)): void {
  const { uid, gid, additionalGids = [] } = process.user;
  k.prctl(PR_SET_KEEPCAPS, 1);
  if (groupsDenied !== true) {
    const doing = "set the additional groups";
    k.call("setgroups", [additionalGids.length, words32(...additionalGids)], {
      doing,
      repair(errno) {
        if (errno === EPERM && groupsDenied !== false && groupsDenied()) return "skip";
        throw new OperationError(
          "setgroups",
          errno,
          "",
          `${doing}${errno === EINVAL ? refusal(additionalGids) : ""}`,
        );
      },
    });
  }
  k.call("setresgid", [gid, gid, gid], { doing: `set the group id ${gid}` });
  k.call("setresuid", [uid, uid, uid], { doing: `set the user id ${uid}` });
  k.prctl(PR_SET_KEEPCAPS, 0);
}
