/**
 * Attaches a device program to a cgroup, in place of earlier ones: bpf(2).
 * @module
 */
import { bpf, bpfAttribute } from "../../../ffi/bpf.ts";
import { O_DIRECTORY, O_RDONLY } from "../../../ffi/constants.ts";
import { ENOENT, EPERM } from "../../../ffi/errno.ts";
import { OperationError } from "../../../ffi/kernel.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import { RuntimeError } from "../../../ffi/errors.ts";

/** Commands of bpf(2): include/uapi/linux/bpf.h. */
const PROG_LOAD = 5, PROG_ATTACH = 8, PROG_DETACH = 9, PROG_GET_FD_BY_ID = 13, PROG_QUERY = 16;
/** BPF_PROG_TYPE_CGROUP_DEVICE and BPF_CGROUP_DEVICE. */
const PROGRAM_TYPE = 15, ATTACH_TYPE = 6;
const ALLOW_MULTI = 2, REPLACE = 4;
/** The kernel's limit of programs on one cgroup: BPF_CGROUP_MAX_PROGS. */
const MAX_PROGRAMS = 64;

/**
 * Attaches a program. If exactly one is attached, it is replaced in one step. If there are several, the new
 * one is added before the old ones are removed. At no moment is more allowed than by the old or the new list.
 *
 * @param dir The cgroup's directory in the v2 hierarchy.
 * @param program Instructions, from {@linkcode ./device_bpf.ts deviceProgram}.
 * @throws {RuntimeError} with the kernel's reason.
 */
export function attachDevices(k: LocalKernel, dir: string, program: Uint8Array): void {
  const open: number[] = [];
  const keep = (descriptor: number) => {
    open.push(descriptor);
    return descriptor;
  };
  try {
    k.during(`attach the device program to ${dir}`, () => {
      const cgroup = keep(k.open(dir, O_RDONLY | O_DIRECTORY).wait());
      const loaded = keep(load(k, program));
      const old = attached(k, cgroup).map((id) => descriptorOf(k, id)).filter((fd) => fd >= 0).map(keep);
      const words = [cgroup, loaded, ATTACH_TYPE];
      if (old.length === 1) return void command(k, PROG_ATTACH, [...words, ALLOW_MULTI | REPLACE, old[0]]);
      command(k, PROG_ATTACH, [...words, ALLOW_MULTI]);
      for (const one of old) command(k, PROG_DETACH, [cgroup, one, ATTACH_TYPE], [ENOENT]);
    });
  } catch (error) {
    if (error instanceof OperationError) throw new RuntimeError(error.message);
    throw error;
  } finally {
    for (const descriptor of open) k.close(descriptor);
  }
}

/** Loads a program. The licence is needed only for helper functions, and the program calls none. */
function load(k: LocalKernel, program: Uint8Array): number {
  return k.scratch(() => {
    const instructions = k.memory.put(program), licence = k.memory.string("Apache-2.0");
    const pointer = (address: number) => [address % 2 ** 32, Math.floor(address / 2 ** 32)];
    return command(k, PROG_LOAD, [
      PROGRAM_TYPE,
      program.length / 8,
      ...pointer(instructions),
      ...pointer(licence),
    ]);
  });
}

/** Ids of the programs that are attached to this cgroup itself. */
function attached(k: LocalKernel, cgroup: number): number[] {
  return k.scratch(() => {
    const ids = k.buffer(MAX_PROGRAMS * 4);
    const words = [
      cgroup,
      ATTACH_TYPE,
      0,
      0,
      ids.address % 2 ** 32,
      Math.floor(ids.address / 2 ** 32),
      MAX_PROGRAMS,
    ];
    const attr = bpfAttribute(k, words);
    bpf(k, PROG_QUERY, attr, { doing: "bpf BPF_PROG_QUERY" });
    return Array.from({ length: attr.u32(24) }, (_, i) => ids.u32(i * 4));
  });
}

/** A descriptor of a program; negative where it is gone, or may not be looked at. */
function descriptorOf(k: LocalKernel, id: number): number {
  return command(k, PROG_GET_FD_BY_ID, [id], [ENOENT, EPERM]);
}

function command(k: LocalKernel, number: number, words: readonly number[], allow: number[] = []): number {
  return k.scratch(() => bpf(k, number, bpfAttribute(k, words), { allow }));
}
