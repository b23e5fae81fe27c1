/**
 * Finds out what a seccomp filter would answer, by running its program here instead of in the kernel.
 *
 * Sources: bpf(4) of BSD as Documentation/networking/filter.rst describes it, seccomp(2), linux/seccomp.h.
 * @module
 */

import { type SyscallName, syscallNumber } from "../ffi/syscalls.ts";

/** Audit names of architectures: linux/audit.h. */
const AUDIT_ARCH = { x86_64: 0xc000003e, aarch64: 0xc00000b7 } as const;
/** The part of an answer that is the action. */
const ACTION = 0xffff0000;
const RET_ALLOW = 0x7fff0000, RET_LOG = 0x7ffc0000;

/** Instructions that libseccomp writes: linux/bpf_common.h. */
const LD_ABS = 0x20, JA = 0x05, JEQ = 0x15, JGT = 0x25, JGE = 0x35, JSET = 0x45, AND = 0x54, RET = 0x06;

/**
 * The answer (`SECCOMP_RET_*`) to a system call whose arguments are all zero.
 *
 * @param program `struct sock_filter[]`.
 * @returns Undefined when the program has an instruction that is not known here.
 */
export function filterAnswer(
  program: Uint8Array,
  name: SyscallName,
  firstArgument = 0,
  arch: "x86_64" | "aarch64" = Deno.build.arch,
): number | undefined {
  const view = new DataView(program.buffer, program.byteOffset, program.length);
  // struct seccomp_data: number, architecture, instruction pointer, six arguments of 64 bits.
  const load = (offset: number) =>
    offset === 0
      ? syscallNumber(name, arch)
      : offset === 4
      ? AUDIT_ARCH[arch]
      : offset === 16
      ? firstArgument >>> 0
      : 0;
  let accumulator = 0;
  for (let at = 0; at < program.length; at += 8) {
    const code = view.getUint16(at, true), k = view.getUint32(at + 4, true);
    let taken: boolean;
    if (code === LD_ABS) accumulator = load(k);
    else if (code === AND) accumulator = (accumulator & k) >>> 0;
    else if (code === RET) return k;
    else if (code === JA) at += k * 8;
    else {
      if (code === JEQ) taken = accumulator === k;
      else if (code === JGT) taken = accumulator > k;
      else if (code === JGE) taken = accumulator >= k;
      else if (code === JSET) taken = (accumulator & k) !== 0;
      else return undefined;
      at += view.getUint8(at + (taken ? 2 : 3)) * 8;
    }
  }
  return undefined;
}

/** Whether a filter allows all these calls. `clone` is checked as a plain fork. */
export function filterAllows(
  program: Uint8Array,
  calls: readonly SyscallName[],
  cloneFlags: number,
): boolean {
  return calls.every((name) => {
    const answer = filterAnswer(program, name, name === "clone" ? cloneFlags : 0);
    if (answer === undefined) return false;
    const action = (answer & ACTION) >>> 0;
    return action === RET_ALLOW || action === RET_LOG;
  });
}
