/**
 * Puts a function around everything that this process asks of the system: calls of the local kernel, file
 * operations of Deno, and the start of executors. Traces measure with it, and dry runs answer in its place.
 * @module
 */

import { libc } from "../../../ffi/libc.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import { type Arg, type CallOptions, isResult, OperationError, type Result } from "../../../ffi/kernel.ts";
import type { SyscallName } from "../../../ffi/syscalls.ts";

/** One thing that is asked of the system. */
export interface HostCall {
  /** Name of the system call, or of Deno's function. */
  readonly name: string;
  /** Arguments, where it is a call of the local kernel; results are numbers. */
  readonly args: readonly Arg[] | undefined;
  /** Arguments of Deno's function; of posix_spawn(3), the address that the pid is written to. */
  readonly operands: readonly unknown[];
  readonly doing: string;
  readonly options?: CallOptions;
}

/** Answers a call, by `run` or in its place. */
export type Handler = (call: HostCall, run: () => unknown) => unknown;

/** What came of a call: its result, or an error's number where it has one. */
export interface Outcome {
  result?: number;
  errno?: number;
}

/** Deno's functions for files that the program uses. */
const FILE_FUNCTIONS = [
  ...["readTextFileSync", "readFileSync", "writeTextFileSync", "writeFileSync", "openSync", "mkdirSync"],
  ...["removeSync", "renameSync", "chmodSync", "chownSync", "copyFileSync", "symlinkSync", "readDirSync"],
  ...["readLinkSync", "realPathSync", "statSync", "lstatSync"],
];

type Functions = Record<string, (...args: unknown[]) => unknown>;

/** Has `handler` answer all that `k` and Deno do from here on. */
export function surroundHost(k: LocalKernel, handler: Handler): void {
  const call = k.call.bind(k);
  k.call = (name: SyscallName, args: readonly Arg[], options?: CallOptions) => {
    const known = args.map((arg) => isResult(arg) ? arg.wait() : arg);
    const doing = options?.doing ?? k.doing;
    return handler(
      { name, args: known, operands: [], doing, options },
      () => call(name, args, options),
    ) as Result;
  };
  const deno = Deno as unknown as Functions;
  for (const name of FILE_FUNCTIONS) {
    const plain = deno[name];
    deno[name] = (...operands) =>
      handler({ name, args: undefined, operands, doing: k.doing }, () => plain.apply(Deno, operands));
  }
  const symbols = libc(), spawn = symbols.posix_spawn;
  symbols.posix_spawn = (...words) => {
    const call = { name: "posix_spawn", args: undefined, operands: [words[0]], doing: k.doing };
    return handler(call, () => spawn(...words)) as number;
  };
}

/** What came of a call that has returned. */
export function outcomeOf({ name, args }: HostCall, value: unknown): Outcome {
  if (name === "posix_spawn") return value === 0 ? { result: 0 } : { errno: value as number };
  if (args === undefined) return { result: 0 };
  const result = (value as Result).wait();
  return result < 0 ? { errno: -result } : { result };
}

/** What came of a call that has thrown. Deno has classes for some errors, and tells others in the message. */
export function outcomeOfError(error: unknown): Outcome {
  if (error instanceof OperationError) return { errno: error.errno };
  const told = Number(/\(os error (\d+)\)/.exec((error as Error).message)?.[1]);
  return told > 0 ? { errno: told } : {};
}
