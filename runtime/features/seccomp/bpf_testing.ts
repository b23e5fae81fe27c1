/**
 * What the tests of the filters need: an interpreter of classic BPF as seccomp(2) uses it, and names of
 * calls.
 *
 * Sources: the kernel's Documentation/networking/filter.rst; its checks of a filter: bpf_check_classic() and
 * seccomp_check_filter().
 * @module
 */

import { locateLibseccomp } from "../../../ffi/libseccomp_file.ts";

/** struct seccomp_data, as far as filters read it here. */
export interface SyscallData {
  nr: number;
  /** AUDIT_ARCH_*. */
  arch: number;
  args: readonly bigint[];
}

/** Whether the tests that compile can run here. */
export const hasLibseccomp = locateLibseccomp() !== null;

/** struct seccomp_data in memory: nr, arch, instruction pointer, six arguments. */
function encodeData({ nr, arch, args }: SyscallData): DataView {
  const view = new DataView(new ArrayBuffer(64));
  view.setUint32(0, nr, true);
  view.setUint32(4, arch, true);
  args.forEach((arg, i) => view.setBigUint64(16 + i * 8, arg, true));
  return view;
}

/**
 * Runs a filter on one system call.
 *
 * @returns SECCOMP_RET_* with its data.
 * @throws {Error} When the program does what the kernel would refuse to load.
 */
export function runFilter(program: Uint8Array, call: SyscallData): number {
  const code = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const data = encodeData(call);
  const count = program.length / 8;
  let accumulator = 0;
  for (let pc = 0; pc < count; pc++) {
    const at = pc * 8;
    const constant = code.getUint32(at + 4, true);
    const jump = (holds: boolean) => pc += code.getUint8(at + (holds ? 2 : 3));
    const operation = code.getUint16(at, true);
    switch (operation) {
      case 0x20: // ld [k]
        if (constant % 4 !== 0 || constant >= 64) throw new Error(`load from ${constant}`);
        accumulator = data.getUint32(constant, true);
        break;
      case 0x54: // and #k
        accumulator = (accumulator & constant) >>> 0;
        break;
      case 0x05: // ja
        pc += constant;
        break;
      case 0x15: // jeq
        jump(accumulator === constant);
        break;
      case 0x25: // jgt
        jump(accumulator > constant);
        break;
      case 0x35: // jge
        jump(accumulator >= constant);
        break;
      case 0x45: // jset
        jump((accumulator & constant) !== 0);
        break;
      case 0x06: // ret #k
        return constant;
      default:
        throw new Error(`instruction ${pc} has code 0x${operation.toString(16)}`);
    }
  }
  throw new Error("the program ran past its end");
}

/** Names of all system calls of an architecture that libseccomp knows, in the order of their numbers. */
export function allSyscallNames(arch: number): string[] {
  const library = Deno.dlopen(locateLibseccomp()!.path, {
    // char *seccomp_syscall_resolve_num_arch(uint32_t arch_token, int num);  (to be freed; a test may leak)
    seccomp_syscall_resolve_num_arch: { parameters: ["u32", "i32"], result: "pointer" },
  });
  const names: string[] = [];
  for (let number = 0; number < 500; number++) {
    const name = library.symbols.seccomp_syscall_resolve_num_arch(arch, number);
    if (name !== null) names.push(new Deno.UnsafePointerView(name).getCString());
  }
  library.close();
  return names;
}
