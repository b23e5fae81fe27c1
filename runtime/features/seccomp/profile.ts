/**
 * A seccomp profile as numbers. The names of config.json are looked up, and contradictions are refused.
 *
 * Source: runtime-spec config-linux.md, section Seccomp; libseccomp's seccomp.h for the values.
 * @module
 */

import type { Condition } from "../../../ffi/libseccomp.ts";
import type { LinuxSeccomp, LinuxSeccompArg, LinuxSyscall } from "../../../spec/linux.ts";
import {
  SECCOMP_ACTIONS,
  SECCOMP_ARCHS,
  SECCOMP_FILTER_FLAG_NEW_LISTENER,
  SECCOMP_FLAGS,
  SECCOMP_OPERATORS,
} from "../../../spec/seccomp.ts";
import { type Uint64, UINT64_MAX } from "../../../spec/integers.ts";
import { RuntimeError } from "../../../ffi/errors.ts";

/** One rule for one system call. It matches when any of its alternatives matches. */
export interface SeccompRule {
  name: string;
  /** SCMP_ACT_* with its data. */
  action: number;
  /**
   * Sets of conditions, all of which must hold within a set. One empty set means that the rule always
   * matches.
   */
  alternatives: Condition[][];
}

/** A profile ready to be compiled. */
export interface SeccompPlan {
  /** SCMP_ACT_* with its data. */
  defaultAction: number;
  /** SCMP_ARCH_* tokens beyond the native one. */
  architectures: number[];
  rules: SeccompRule[];
  /** Whether a rule notifies a listener. */
  listener: boolean;
}

/** Error number of an ERRNO or TRACE without one: EPERM. */
const DEFAULT_ERRNO = 1;
/** The kernel's MAX_ERRNO. libseccomp takes only smaller numbers. */
const MAX_ERRNO = 4095;

/**
 * Looks all names up.
 *
 * @throws {RuntimeError} For an unknown name, an error number for an action that has none (as the
 * specification asks), a number that cannot be exact, and for SCMP_ACT_NOTIFY where the runtime itself would
 * wait on it.
 */
export function planSeccomp(profile: LinuxSeccomp): SeccompPlan {
  const at = "linux.seccomp";
  const defaultAction = actionOf(profile.defaultAction, profile.defaultErrnoRet, `${at}.defaultAction`);
  if (defaultAction === SECCOMP_ACTIONS.SCMP_ACT_NOTIFY) {
    throw new RuntimeError("EINVAL_SECCOMP", "SCMP_ACT_NOTIFY cannot be used as default action");
  }
  const rules = (profile.syscalls ?? []).flatMap((entry, i) => rulesOf(entry, `${at}.syscalls[${i}]`));
  return {
    defaultAction,
    architectures: (profile.architectures ?? []).map((name, i) =>
      lookUp(SECCOMP_ARCHS, name, "arch", `${at}.architectures[${i}]`)
    ),
    rules,
    listener: rules.some((rule) => rule.action === SECCOMP_ACTIONS.SCMP_ACT_NOTIFY),
  };
}

/** The rules of one entry: one for each name. */
function rulesOf(entry: LinuxSyscall, at: string): SeccompRule[] {
  const action = actionOf(entry.action, entry.errnoRet, `${at}.action`);
  const alternatives = alternativesOf(
    (entry.args ?? []).map((arg, i) => conditionOf(arg, `${at}.args[${i}]`)),
  );
  return entry.names.map((name) => {
    if (name === "") {
      throw new RuntimeError("EINVAL_SECCOMP", `${at}.names: empty string is not a valid syscall`);
    }
    // The init reports its listener's descriptor by a write. If that were notified, nothing would ever
    // answer.
    if (name === "write" && action === SECCOMP_ACTIONS.SCMP_ACT_NOTIFY) {
      throw new RuntimeError("EINVAL_SECCOMP", "SCMP_ACT_NOTIFY cannot be used for the write syscall");
    }
    return { name, action, alternatives };
  });
}

/**
 * libseccomp cannot test one argument twice in a rule. runc then makes a rule of every condition of the
 * entry. Profiles rely on that (for example a personality that is 0 or 8), so the same is done here.
 */
function alternativesOf(conditions: Condition[]): Condition[][] {
  const tested = new Set(conditions.map((condition) => condition.arg));
  return tested.size === conditions.length ? [conditions] : conditions.map((condition) => [condition]);
}

function conditionOf(arg: LinuxSeccompArg, at: string): Condition {
  if (!Number.isInteger(arg.index) || arg.index < 0 || arg.index > 5) {
    throw new RuntimeError(
      "EINVAL_SECCOMP",
      `${at}.index: syscall argument ${arg.index} is invalid: a system call has arguments 0 to 5`,
    );
  }
  return {
    arg: arg.index,
    op: lookUp(SECCOMP_OPERATORS, arg.op, "operator", `${at}.op`),
    a: datum(arg.value, `${at}.value`),
    b: datum(arg.valueTwo ?? 0, `${at}.valueTwo`),
  };
}

/**
 * A 64-bit value to compare with. A value that lost digits in a JavaScript number would allow the wrong
 * calls.
 */
function datum(value: Uint64, at: string): bigint {
  const exact = typeof value === "bigint" || Number.isSafeInteger(value);
  if (!exact || value < 0 || value > UINT64_MAX) {
    throw new RuntimeError("EINVAL_SECCOMP", `${at}: ${value} is not an exact unsigned 64-bit integer`);
  }
  return BigInt(value);
}

/** The action's number. ERRNO and TRACE carry the error number in their low 16 bits. */
function actionOf(name: string, errno: number | null | undefined, at: string): number {
  const action = lookUp(SECCOMP_ACTIONS, name, "action", at);
  const carries = action === SECCOMP_ACTIONS.SCMP_ACT_ERRNO || action === SECCOMP_ACTIONS.SCMP_ACT_TRACE;
  if (!carries) {
    if (errno == null) return action;
    throw new RuntimeError("EINVAL_SECCOMP", `${at}: ${name} takes no error number, but ${errno} is given`);
  }
  const number = errno ?? DEFAULT_ERRNO;
  const limit = action === SECCOMP_ACTIONS.SCMP_ACT_ERRNO ? MAX_ERRNO - 1 : 0xffff;
  if (!Number.isInteger(number) || number < 0 || number > limit) {
    throw new RuntimeError(
      "EINVAL_SECCOMP",
      `${at}: error number ${number} of ${name} is not between 0 and ${limit}`,
    );
  }
  return action + number;
}

function lookUp(table: Readonly<Record<string, number>>, name: string, what: string, at: string): number {
  if (!Object.hasOwn(table, name)) {
    throw new RuntimeError("EINVAL_SECCOMP", `${at}: string ${name} is not a valid ${what} for seccomp`);
  }
  return table[name];
}

/**
 * The flags that the filter is loaded with by seccomp(2).
 *
 * SECCOMP_FILTER_FLAG_TSYNC is accepted and left out, because the task that loads the filter has a single
 * thread.
 *
 * @param flags `linux.seccomp.flags`. As in runc, absent flags ask for SPEC_ALLOW if the kernel supports it.
 * @param listener Whether a rule notifies. seccomp(2) then has to return a descriptor.
 * @param supported Whether this kernel knows a flag.
 * @throws {RuntimeError} For an unknown flag, one that the kernel lacks, and for WAIT_KILLABLE_RECV without a
 * listener.
 */
export function flagsOf(
  flags: readonly string[] | null | undefined,
  listener: boolean,
  supported: (flag: number) => boolean,
): number {
  const base = listener ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;
  const {
    SECCOMP_FILTER_FLAG_TSYNC,
    SECCOMP_FILTER_FLAG_SPEC_ALLOW,
    SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
  } = SECCOMP_FLAGS;
  if (flags == null) {
    return base | (supported(SECCOMP_FILTER_FLAG_SPEC_ALLOW) ? SECCOMP_FILTER_FLAG_SPEC_ALLOW : 0);
  }
  return flags.reduce((all, name) => {
    if (!Object.hasOwn(SECCOMP_FLAGS, name)) {
      throw new RuntimeError("EINVAL_SECCOMP", `seccomp flag ${name} is not known to tsrun`);
    }
    const flag = SECCOMP_FLAGS[name as keyof typeof SECCOMP_FLAGS];
    if (flag === SECCOMP_FILTER_FLAG_TSYNC) return all;
    if (!supported(flag)) {
      throw new RuntimeError("ENOTSUP_SECCOMP", `seccomp flag ${name} is not supported by this kernel`);
    }
    if (flag === SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV && !listener) {
      throw new RuntimeError(
        "EINVAL_SECCOMP",
        `seccomp flag ${name} needs a rule with the action SCMP_ACT_NOTIFY`,
      );
    }
    return all | flag;
  }, base);
}
