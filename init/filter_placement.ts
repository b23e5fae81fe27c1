/**
 * Decides when the seccomp filter of one more process is loaded, and by which process.
 * @module
 */

import { CLONE_PARENT } from "../ffi/constants.ts";
import { TsrunError } from "../ffi/errors.ts";
import type { SyscallName } from "../ffi/syscalls.ts";
import type { CapabilityName } from "../spec/capabilities.ts";
import { filterAllows } from "./filter_check.ts";
import type { SeccompFilter } from "./seccomp_listener.ts";

/** When a filter is loaded, and by which process. */
export interface Placement {
  /** The joiner loads it, before the clone. */
  early: boolean;
  /** Rights beyond the final ones that are needed until the filter is loaded. */
  rights: readonly CapabilityName[];
  /** The rights outlive the clone. */
  late: boolean;
}

/** The facts that decide. */
export interface PlacementRequest {
  filter: SeccompFilter | null;
  noNewPrivileges: boolean;
  /** Whether the filter asks an agent. */
  asks: boolean;
  /** System calls of features between an early filter and the program. */
  calls: readonly SyscallName[];
  /** Rights that the process itself needs after the clone. */
  lateRights: readonly CapabilityName[];
}

/** System calls of the process between an early filter and its program, apart from those of features. */
const CALLS_UNDER_FILTER: readonly SyscallName[] = [
  "capset",
  "clone",
  "setsid",
  "prlimit64",
  "execve",
  "write",
  "exit_group",
];

/**
 * Decides where a filter is loaded. With no-new-privileges the process loads it last of all, and needs no
 * right for it.
 *
 * Without no-new-privileges, loading takes CAP_SYS_ADMIN. So the joiner loads the filter, drops the right,
 * and clones the process under the filter. If the filter forbids a call that this takes, the process is
 * cloned with the right instead, loads the filter itself and then drops the right. The same holds when the
 * process itself needs further rights, such as CAP_SYS_NICE for a deadline: no clone inherits a deadline.
 */
export function placeFilter(request: PlacementRequest): Placement {
  const { filter, asks, noNewPrivileges, calls, lateRights } = request;
  if (filter !== null && asks) return placeListener(filter, request);
  if (filter === null || noNewPrivileges) {
    return { early: false, rights: lateRights, late: lateRights.length > 0 };
  }
  const early = lateRights.length === 0 &&
    filterAllows(filter.program, [...CALLS_UNDER_FILTER, ...calls], CLONE_PARENT);
  return { early, rights: ["CAP_SYS_ADMIN", ...lateRights], late: !early };
}

/**
 * Calls of the joiner under a filter that asks, before the agent can know of the process. The filter has to
 * allow them without asking.
 */
const CALLS_BEFORE_AGENT: readonly SyscallName[] = ["read", "write", "close", "mmap", "capset", "clone"];

/** A filter that asks is loaded while tsrun still drives the joiner, which hands over the listener. */
function placeListener(filter: SeccompFilter, { noNewPrivileges, lateRights }: PlacementRequest): Placement {
  if (!filterAllows(filter.program, CALLS_BEFORE_AGENT, CLONE_PARENT)) {
    throw new TsrunError({
      code: "EPERM_SECCOMP_LISTENER",
      operation: "exec under a filter that asks",
      reason: `it must allow ${CALLS_BEFORE_AGENT.join(", ")}`,
    });
  }
  const admin: CapabilityName[] = noNewPrivileges ? [] : ["CAP_SYS_ADMIN"];
  return { early: true, rights: [...admin, ...lateRights], late: lateRights.length > 0 };
}
