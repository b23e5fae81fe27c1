/**
 * ENOSYS for system calls that are newer than the profile.
 *
 * A deny-by-default profile answers EPERM to calls that its author did not know. C libraries take that for a
 * refusal and give up; after ENOSYS they would use an older call. So code is put in front of the filter: a
 * number above the largest one of the profile, on that architecture, gets ENOSYS.
 *
 * Source of the instructions: the kernel's Documentation/networking/filter.rst; of `struct seccomp_data`:
 * seccomp(2).
 * @module
 */

import { ENOSYS } from "../../../ffi/errno.ts";
import { BPF_JA, BPF_JEQ_K, BPF_JGT_K, BPF_JSET_K, BPF_LD_W_ABS, BPF_RET_K } from "../../../ffi/constants.ts";
import { SECCOMP_ACTIONS, SECCOMP_ARCHS } from "../../../spec/seccomp.ts";

/** Offsets in struct seccomp_data. */
const OFFSET_NR = 0, OFFSET_ARCH = 4;
/** Set in the number of a call made through the x32 ABI, which otherwise looks like x86-64. */
const X32_SYSCALL_BIT = 0x4000_0000;
/** sizeof(struct sock_filter): code, jump distances if true and false, constant. */
const INSTRUCTION_SIZE = 8;

type Instruction = readonly [code: number, jumpTrue: number, jumpFalse: number, constant: number];

/**
 * Whether to tell unknown calls from forbidden ones. It is not needed where they are allowed, or get ENOSYS
 * anyway.
 */
export function needsEnosysStub(defaultAction: number): boolean {
  const { SCMP_ACT_ALLOW, SCMP_ACT_LOG, SCMP_ACT_TRACE, SCMP_ACT_ERRNO } = SECCOMP_ACTIONS;
  // A tracer may emulate calls that this kernel lacks, so it is asked about all of them.
  const traced = defaultAction - (defaultAction & 0xffff) === SCMP_ACT_TRACE;
  return !traced && ![SCMP_ACT_ALLOW, SCMP_ACT_LOG, SCMP_ACT_ERRNO + ENOSYS].includes(defaultAction);
}

/**
 * The code to put in front of a filter. Calls that it does not answer go on into the filter.
 *
 * @param largest The largest system call number of the profile, by SCMP_ARCH_* token. Numbers of x32 have
 * their bit set.
 * @returns struct sock_filter[]; empty where it is not needed.
 */
export function enosysStub(largest: ReadonlyMap<number, number>): Uint8Array<ArrayBuffer> {
  const sections = [...largest.keys()]
    .filter((arch) => arch !== SECCOMP_ARCHS.SCMP_ARCH_X32 || !largest.has(SECCOMP_ARCHS.SCMP_ARCH_X86_64))
    .map((arch) => section(arch, largest));
  let rest = sections.reduce((sum, code) => sum + code.length, 0);
  if (rest === 0) return new Uint8Array(0);
  const code: Instruction[] = [[BPF_LD_W_ABS, 0, 0, OFFSET_ARCH]];
  for (const part of sections) {
    rest -= part.length;
    // Every section ends with a jump over the sections behind it, into the filter.
    code.push(...part.slice(0, -1), [BPF_JA, 0, 0, rest]);
  }
  return encode(code);
}

/**
 * Code for one architecture of the kernel. The accumulator holds the architecture at its beginning; it ends
 * with a jump.
 */
function section(arch: number, largest: ReadonlyMap<number, number>): Instruction[] {
  const { SCMP_ARCH_X86_64, SCMP_ARCH_X32 } = SECCOMP_ARCHS;
  const isX86 = arch === SCMP_ARCH_X86_64 || arch === SCMP_ARCH_X32;
  const body = isX86
    ? x86Body(largest.get(SCMP_ARCH_X86_64), largest.get(SCMP_ARCH_X32))
    : plainBody(largest.get(arch)!);
  // The kernel's name of the architecture. Only that of x32 differs from libseccomp's.
  const audit = arch === SCMP_ARCH_X32 ? SCMP_ARCH_X86_64 : arch;
  return [[BPF_JEQ_K, 0, body.length, audit], ...body];
}

function plainBody(max: number): Instruction[] {
  return [
    [BPF_LD_W_ABS, 0, 0, OFFSET_NR],
    [BPF_JGT_K, 0, 1, max],
    [BPF_RET_K, 0, 0, SECCOMP_ACTIONS.SCMP_ACT_ERRNO + ENOSYS],
    [BPF_JA, 0, 0, 0],
  ];
}

/**
 * Code for x86-64 and x32, which are one architecture to the kernel. Where the profile covers only one of
 * them, calls of the other go to the filter.
 */
function x86Body(max64: number | undefined, max32: number | undefined): Instruction[] {
  // No number is above the largest word, so this comparison always goes on to the filter.
  const never = 0xffff_ffff;
  return [
    [BPF_LD_W_ABS, 0, 0, OFFSET_NR],
    [BPF_JSET_K, 1, 0, X32_SYSCALL_BIT],
    [BPF_JGT_K, 1, 2, max64 ?? never],
    [BPF_JGT_K, 0, 1, max32 ?? never],
    [BPF_RET_K, 0, 0, SECCOMP_ACTIONS.SCMP_ACT_ERRNO + ENOSYS],
    [BPF_JA, 0, 0, 0],
  ];
}

function encode(code: readonly Instruction[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(code.length * INSTRUCTION_SIZE);
  const view = new DataView(bytes.buffer);
  code.forEach(([operation, jumpTrue, jumpFalse, constant], i) => {
    view.setUint16(i * INSTRUCTION_SIZE, operation, true);
    view.setUint8(i * INSTRUCTION_SIZE + 2, jumpTrue);
    view.setUint8(i * INSTRUCTION_SIZE + 3, jumpFalse);
    view.setUint32(i * INSTRUCTION_SIZE + 4, constant, true);
  });
  return bytes;
}
