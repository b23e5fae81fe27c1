/**
 * A device list as a program of BPF_PROG_TYPE_CGROUP_DEVICE, which the kernel runs at every access.
 *
 * Sources: kernel documents bpf/standardization/instruction-set.rst and admin-guide/cgroup-v2.rst "Device
 * controller"; `struct bpf_cgroup_dev_ctx` in include/uapi/linux/bpf.h. The program answers as v1's lists do
 * (security/device_cgroup.c): an access is allowed if one exception covers all of it, and denied if an
 * exception touches a part.
 * @module
 */
import type { DeviceException, DeviceList } from "../device_rules.ts";

/** Types of device in the low half of the context's `access_type`. The high half is a set of accesses. */
const TYPES = { b: 1, c: 2 } as const;

/** A device list has read as 1, write as 2, mknod as 4; the kernel has mknod as 1. */
const READ = 2, WRITE = 4, MKNOD = 1;
const ALL = READ | WRITE | MKNOD;

/** The instructions: class, operation and source in one byte. */
const LOAD_32 = 0x61, AND_32 = 0x54, SHIFT_RIGHT_32 = 0x74, MOVE_32 = 0xb4, MOVE_REGISTER_32 = 0xbc;
const JUMP_EQUAL_32 = 0x16, JUMP_NOT_EQUAL_32 = 0x56, JUMP_NOT_EQUAL_REGISTER_32 = 0x5e, EXIT = 0x95;

/** Registers: the answer, the context (later a scratch one), and the parts of the context. */
const R0 = 0, R1 = 1, TYPE = 2, ACCESS = 3, MAJOR = 4, MINOR = 5;

/** One instruction: operation, destination, source, length of a jump, constant. */
type Instruction = readonly [code: number, to: number, from: number, jump: number, constant: number];

/**
 * The program of a device list.
 *
 * @returns `struct bpf_insn[]`, eight bytes each, in little-endian order.
 */
export function deviceProgram({ defaultAllow, exceptions }: DeviceList): Uint8Array<ArrayBuffer> {
  const program: Instruction[] = [
    [LOAD_32, TYPE, R1, 0, 0],
    [AND_32, TYPE, 0, 0, 0xffff],
    [LOAD_32, ACCESS, R1, 0, 0],
    [SHIFT_RIGHT_32, ACCESS, 0, 0, 16],
    [LOAD_32, MAJOR, R1, 4, 0],
    [LOAD_32, MINOR, R1, 8, 0],
  ];
  for (const exception of exceptions) program.push(...block(exception, !defaultAllow));
  program.push(...answer(defaultAllow));
  return encode(program);
}

/** Code for one exception: it answers if the exception applies, and goes on behind itself otherwise. */
function block({ type, major, minor, access }: DeviceException, allow: boolean): Instruction[] {
  const wanted = (access & 1 ? READ : 0) | (access & 2 ? WRITE : 0) | (access & 4 ? MKNOD : 0);
  const tests: Instruction[] = [[JUMP_NOT_EQUAL_32, TYPE, 0, 0, TYPES[type]]];
  if (wanted !== ALL) {
    tests.push([MOVE_REGISTER_32, R1, ACCESS, 0, 0], [AND_32, R1, 0, 0, wanted]);
    tests.push(allow ? [JUMP_NOT_EQUAL_REGISTER_32, R1, ACCESS, 0, 0] : [JUMP_EQUAL_32, R1, 0, 0, 0]);
  }
  if (major !== -1) tests.push([JUMP_NOT_EQUAL_32, MAJOR, 0, 0, major]);
  if (minor !== -1) tests.push([JUMP_NOT_EQUAL_32, MINOR, 0, 0, minor]);
  const all = [...tests, ...answer(allow)];
  // Every jump leads behind the block. Its length counts from the next instruction.
  return all.map((one, i) => isJump(one) ? [one[0], one[1], one[2], all.length - 1 - i, one[4]] : one);
}

function isJump([code]: Instruction): boolean {
  return code === JUMP_EQUAL_32 || code === JUMP_NOT_EQUAL_32 || code === JUMP_NOT_EQUAL_REGISTER_32;
}

function answer(allow: boolean): Instruction[] {
  return [[MOVE_32, R0, 0, 0, allow ? 1 : 0], [EXIT, 0, 0, 0, 0]];
}

function encode(program: readonly Instruction[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  program.forEach(([code, to, from, jump, constant], i) => {
    view.setUint8(i * 8, code);
    view.setUint8(i * 8 + 1, from << 4 | to);
    view.setInt16(i * 8 + 2, jump, true);
    view.setUint32(i * 8 + 4, constant, true);
  });
  return bytes;
}
