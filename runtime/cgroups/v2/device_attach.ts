/**
 * Attaches a device program to a cgroup, in place of earlier ones: bpf(2).
 * @module
 */
import { bpf, bpfAttribute } from "../../../ffi/bpf.ts";
import {
  BPF_CGROUP_DEVICE,
  BPF_F_ALLOW_MULTI,
  BPF_F_REPLACE,
  BPF_PROG_ATTACH,
  BPF_PROG_DETACH,
  BPF_PROG_GET_FD_BY_ID,
  BPF_PROG_LOAD,
  BPF_PROG_QUERY,
  BPF_PROG_TYPE_CGROUP_DEVICE,
  O_DIRECTORY,
  O_RDONLY,
} from "../../../ffi/constants.ts";
import { ENOENT, EPERM } from "../../../ffi/errno.ts";
import { OperationError } from "../../../ffi/kernel.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import { RuntimeError } from "../../../ffi/errors.ts";

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
      const loaded = keep(loadProgram(k, program));
      const old = attached(k, cgroup).map((id) => descriptorOf(k, id)).filter((fd) => fd >= 0).map(keep);
      const words = [cgroup, loaded, BPF_CGROUP_DEVICE];
      if (old.length === 1) {
        return void command(k, BPF_PROG_ATTACH, [...words, BPF_F_ALLOW_MULTI | BPF_F_REPLACE, old[0]]);
      }
      command(k, BPF_PROG_ATTACH, [...words, BPF_F_ALLOW_MULTI]);
      for (const one of old) command(k, BPF_PROG_DETACH, [cgroup, one, BPF_CGROUP_DEVICE], [ENOENT]);
    });
  } catch (error) {
    if (error instanceof OperationError) throw new RuntimeError("EIO_DEVICE_PROGRAM", error.message);
    throw error;
  } finally {
    for (const descriptor of open) k.close(descriptor);
  }
}

/** Loads a program. The licence is needed only for helper functions, and the program calls none. */
export function loadProgram(k: LocalKernel, program: Uint8Array): number {
  return k.scratch(() => {
    const instructions = k.memory.put(program), licence = k.memory.string("Apache-2.0");
    const pointer = (address: number) => [address % 2 ** 32, Math.floor(address / 2 ** 32)];
    return command(k, BPF_PROG_LOAD, [
      BPF_PROG_TYPE_CGROUP_DEVICE,
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
      BPF_CGROUP_DEVICE,
      0,
      0,
      ids.address % 2 ** 32,
      Math.floor(ids.address / 2 ** 32),
      MAX_PROGRAMS,
    ];
    const attr = bpfAttribute(k, words);
    bpf(k, BPF_PROG_QUERY, attr, { doing: "bpf BPF_PROG_QUERY" });
    return Array.from({ length: attr.u32(24) }, (_, i) => ids.u32(i * 4));
  });
}

/** A descriptor of a program; negative where it is gone, or may not be looked at. */
function descriptorOf(k: LocalKernel, id: number): number {
  return command(k, BPF_PROG_GET_FD_BY_ID, [id], [ENOENT, EPERM]);
}

function command(k: LocalKernel, number: number, words: readonly number[], allow: number[] = []): number {
  return k.scratch(() => bpf(k, number, bpfAttribute(k, words), { allow }));
}
