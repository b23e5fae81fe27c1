/**
 * Compiles a profile into a program by libseccomp.
 * @module
 */

import { LibseccompError, SeccompFilter } from "../../../ffi/libseccomp.ts";
import { kernelKnowsFlag } from "../../../ffi/libseccomp_probe.ts";
import type { LinuxSeccomp } from "../../../spec/linux.ts";
import { SECCOMP_ARCHS } from "../../../spec/seccomp.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { enosysStub, needsEnosysStub } from "./enosys.ts";
import { flagsOf, planSeccomp, type SeccompPlan } from "./profile.ts";
import type { DebugSink } from "../../host/log.ts";

/** The filter that the init stage gives to seccomp(2). */
export interface CompiledFilter {
  /** struct sock_filter[], in native byte order. */
  program: Uint8Array;
  /** SECCOMP_FILTER_FLAG_*, NEW_LISTENER among them where a rule notifies. */
  flags: number;
}

/** The kernel's BPF_MAXINSNS: longer programs are refused with EINVAL. */
const MAX_INSTRUCTIONS = 4096;
/** sizeof(struct sock_filter). */
const INSTRUCTION_SIZE = 8;
/**
 * Rules from which on a binary tree is asked for. libseccomp puts four calls in a leaf, so short lists gain
 * nothing, and releases up to 2.5.4 mishandle a tree without rules.
 */
const TREE_FROM = 33;
/** Rules between two looks at signals: libseccomp takes minutes for tens of thousands of one system call. */
const RULES_BETWEEN = 64;

/** The architecture tsrun runs on. */
export const nativeArch: number = Deno.build.arch === "aarch64"
  ? SECCOMP_ARCHS.SCMP_ARCH_AARCH64
  : SECCOMP_ARCHS.SCMP_ARCH_X86_64;

/**
 * Compiles a profile.
 *
 * @param debug Takes a line about each thing that is ignored.
 * @param checkInterrupts Throws when a signal has asked to end the command.
 * @throws {RuntimeError} For a profile that is wrong, or that libseccomp or the kernel does not support.
 */
export function compileProfile(
  profile: LinuxSeccomp,
  debug: DebugSink,
  checkInterrupts: () => void = () => {},
): CompiledFilter {
  const plan = planSeccomp(profile);
  const flags = flagsOf(profile.flags, plan.listener, kernelKnowsFlag);
  try {
    const program = build(plan, debug, checkInterrupts);
    const instructions = program.length / INSTRUCTION_SIZE;
    if (instructions > MAX_INSTRUCTIONS) {
      throw new RuntimeError(
        "E2BIG_SECCOMP",
        `the seccomp profile compiles to ${instructions} instructions; the kernel takes ${MAX_INSTRUCTIONS}`,
      );
    }
    return { program, flags };
  } catch (error) {
    if (error instanceof LibseccompError) {
      throw new RuntimeError("EINVAL_SECCOMP", `error compiling seccomp filter: ${error.message}`);
    }
    throw error;
  }
}

function build(plan: SeccompPlan, debug: DebugSink, checkInterrupts: () => void): Uint8Array {
  using filter = new SeccompFilter(plan.defaultAction, plan.rules.map((rule) => rule.name));
  addArchitectures(filter, plan);
  if (plan.rules.length >= TREE_FROM && !filter.optimize(2)) {
    debug("seccomp: this libseccomp has no binary tree", "runtime/features/seccomp/compile.ts build");
  }
  addRules(filter, plan, debug, checkInterrupts);
  const program = filter.exportProgram();
  if (!needsEnosysStub(plan.defaultAction)) return program;
  const stub = enosysStub(largestCalls(filter, plan));
  const whole = new Uint8Array(stub.length + program.length);
  whole.set(stub);
  whole.set(program, stub.length);
  return whole;
}

/** @throws {RuntimeError} Where libseccomp is too old for one, or the byte order is another. */
function addArchitectures(filter: SeccompFilter, plan: SeccompPlan): void {
  for (const arch of plan.architectures) {
    try {
      filter.addArch(arch);
    } catch (error) {
      if (!(error instanceof LibseccompError)) throw error;
      const name = Object.entries(SECCOMP_ARCHS).find(([, token]) => token === arch)?.[0];
      throw new RuntimeError(
        "EINVAL_SECCOMP",
        `error adding architecture ${name} to seccomp filter: ${error.message}`,
      );
    }
  }
}

function addRules(
  filter: SeccompFilter,
  plan: SeccompPlan,
  debug: DebugSink,
  checkInterrupts: () => void,
): void {
  let added = 0;
  for (const { name, action, alternatives } of plan.rules) {
    // libseccomp refuses a rule that repeats the default.
    if (action === plan.defaultAction) continue;
    const number = filter.resolve(name, nativeArch);
    if (number === undefined) {
      debug(
        `unknown seccomp syscall ${JSON.stringify(name)} ignored`,
        "runtime/features/seccomp/compile.ts addRules",
      );
      continue;
    }
    try {
      for (const conditions of alternatives) {
        if (++added % RULES_BETWEEN === 0) checkInterrupts();
        filter.addRule(action, number, conditions);
      }
    } catch (error) {
      if (!(error instanceof LibseccompError)) throw error;
      throw new RuntimeError(
        "EINVAL_SECCOMP",
        `error adding seccomp filter rule for syscall ${name}: ${error.message}`,
      );
    }
  }
}

/** The largest call number in the profile, for each of its architectures that has one above 0. */
function largestCalls(filter: SeccompFilter, plan: SeccompPlan): Map<number, number> {
  const largest = new Map<number, number>();
  for (const arch of new Set([nativeArch, ...plan.architectures])) {
    let max = 0;
    for (const { name } of plan.rules) max = Math.max(max, filter.resolve(name, arch) ?? 0);
    if (max > 0) largest.set(arch, max);
  }
  return largest;
}
