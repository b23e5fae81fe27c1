/**
 * Puts a function around everything that this process asks of the system: calls of the local kernel, file
 * operations of Deno, and the start of executors. Traces measure with it.
 * @module
 */

import { libc } from "../../../ffi/libc.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import { type Arg, type CallOptions, OperationError, type Settled } from "../../../ffi/kernel.ts";
import type { SyscallName } from "../../../ffi/syscalls.ts";

/** One thing that is asked of the system. */
export interface HostCall {
  /** Name of the system call, or of Deno's function. */
  readonly name: string;
  /** Arguments, where it is a call of the local kernel. */
  readonly args: readonly Arg[] | undefined;
  /** Arguments of Deno's function. */
  readonly operands: readonly unknown[];
  readonly doing: string;
}

/** What came of it: its result, or an error's number where it has one. */
export interface Outcome {
  result?: number;
  errno?: number;
}

/** Takes a call; `outcome` is called when it is over. */
export type Around = (call: HostCall) => (outcome: Outcome) => void;

/** Deno's functions for files that the program uses. */
export const FILE_FUNCTIONS = [
  ...["readTextFileSync", "readFileSync", "writeTextFileSync", "writeFileSync", "openSync", "mkdirSync"],
  ...["removeSync", "renameSync", "chmodSync", "chownSync", "copyFileSync", "symlinkSync", "readDirSync"],
  ...["readLinkSync", "realPathSync", "statSync", "lstatSync"],
] as const;

type Functions = Record<string, (...args: unknown[]) => unknown>;

/** Puts `around` around all that `k` and Deno do from here on. */
export function surroundHost(k: LocalKernel, around: Around): void {
  surroundKernel(k, around);
  const deno = Deno as unknown as Functions;
  for (const name of FILE_FUNCTIONS) {
    const plain = deno[name];
    deno[name] = (...operands) => {
      const over = around({ name, args: undefined, operands, doing: "" });
      return measured(() => plain.apply(Deno, operands), over);
    };
  }
  const symbols = libc(), spawn = symbols.posix_spawn;
  symbols.posix_spawn = (...words) => {
    const over = around({ name: "posix_spawn", args: undefined, operands: ["tsrun:init"], doing: "" });
    const errno = spawn(...words);
    over(errno === 0 ? { result: 0 } : { errno });
    return errno;
  };
}

function surroundKernel(k: LocalKernel, around: Around): void {
  const plain = k.call.bind(k);
  k.call = (name: SyscallName, args: readonly Arg[], options?: CallOptions) => {
    const over = around({ name, args, operands: [], doing: options?.doing ?? k.doing });
    try {
      const result = plain(name, args, options), value = (result as Settled).answer;
      over(value < 0 ? { errno: -value } : { result: value });
      return result;
    } catch (error) {
      over(error instanceof OperationError ? { errno: error.errno } : {});
      throw error;
    }
  };
}

function measured<T>(work: () => T, over: (outcome: Outcome) => void): T {
  try {
    const made = work();
    over({ result: 0 });
    return made;
  } catch (error) {
    over({ errno: errnoOfDeno(error) });
    throw error;
  }
}

/** Error numbers of the errors that Deno has classes for; it tells others in the message. */
function errnoOfDeno(error: unknown): number | undefined {
  const told = Number(/\(os error (\d+)\)/.exec((error as Error).message)?.[1]);
  return told > 0 ? told : undefined;
}
