/**
 * Finds out what a seccomp filter would answer, by running its program here instead of in the kernel.
 *
 * Sources: bpf(4) of BSD as Documentation/networking/filter.rst describes it, seccomp(2), linux/seccomp.h.
 * @module
 */

import {
  BPF_AND_K,
  BPF_JA,
  BPF_JEQ_K,
  BPF_JGE_K,
  BPF_JGT_K,
  BPF_JSET_K,
  BPF_LD_W_ABS,
  BPF_RET_K,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_LOG,
} from "../ffi/constants.ts";
import { type SyscallName, syscallNumber } from "../ffi/syscalls.ts";

/** Audit names of architectures: linux/audit.h. */
const AUDIT_ARCH = { x86_64: 0xc000003e, aarch64: 0xc00000b7 } as const;
/** The part of an answer that is the action. */
const ACTION = 0xffff0000;

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
    if (code === BPF_LD_W_ABS) accumulator = load(k);
    else if (code === BPF_AND_K) accumulator = (accumulator & k) >>> 0;
    else if (code === BPF_RET_K) return k;
    else if (code === BPF_JA) at += k * 8;
    else {
      if (code === BPF_JEQ_K) taken = accumulator === k;
      else if (code === BPF_JGT_K) taken = accumulator > k;
      else if (code === BPF_JGE_K) taken = accumulator >= k;
      else if (code === BPF_JSET_K) taken = (accumulator & k) !== 0;
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
    return action === SECCOMP_RET_ALLOW || action === SECCOMP_RET_LOG;
  });
}
