/**
 * libc by foreign function interface: all symbols that tsrun binds at start.
 *
 * Deno compiles native code for each function that is bound, at 0.3 ms apiece. Only optimised JavaScript uses
 * that code, and tsrun runs none (`--jitless`). Deno compiles nothing for a function that takes a structure
 * by value. A structure of one 64-bit integer is passed like the integer itself, on x86-64 and on aarch64
 * (the procedure call standards of both), so the number of the system call is declared as such a structure.
 * Functions that are called once at most are bound as addresses. Binding then takes 0.9 ms instead of 1.9; a
 * call takes 1 µs in both ways.
 *
 * All other calls go through syscall(2)'s wrapper. Addresses are passed as numbers (exact up to 2^53, far
 * above any user address). Results come back as 32-bit numbers: a 64-bit result would be a slow BigInt, and
 * no call made here has one.
 * @module
 */

const SYMBOLS = {
  // long syscall(long number, ...);
  syscall: { parameters: [{ struct: ["i64"] }, "i64", "i64", "i64", "i64", "i64", "i64"], result: "i32" },
  posix_spawn: { type: "pointer" },
  __errno_location: { type: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

// int posix_spawn(pid_t *pid, const char *path, const void *file_actions, const void *attr, char *const
// argv[], char *const envp[]);
const POSIX_SPAWN = { parameters: ["i64", "i64", "i64", "i64", "i64", "i64"], result: "i32" } as const;
// int *__errno_location(void);
const ERRNO_LOCATION = { parameters: [], result: "pointer" } as const;

/**
 * libc's symbols, bound. Their 64-bit parameters take plain numbers, which Deno accepts although its types do
 * not say so.
 */
export interface Libc {
  syscall(number: number, a: number, b: number, c: number, d: number, e: number, f: number): number;
  posix_spawn(
    pid: number,
    path: number,
    actions: number,
    attributes: number,
    argv: number,
    envp: number,
  ): number;
  __errno_location(): Deno.PointerValue;
}

/** syscall(2)'s wrapper as it is bound. */
type Syscall = (
  number: Int32Array,
  a: number,
  b: number,
  c: number,
  d: number,
  e: number,
  f: number,
) => number;

let bound: Libc | undefined;

/**
 * libc, bound at its first use.
 *
 * @throws {Error} On a system whose C library is not glibc's `libc.so.6`.
 */
export function libc(): Libc {
  return bound ??= bind();
}

/** The function at an address. */
function at<F extends Deno.ForeignFunction>(
  address: Deno.PointerValue,
  definition: F,
): Deno.UnsafeFnPointer<F> {
  return new Deno.UnsafeFnPointer(address as Deno.PointerObject<F>, definition);
}

function bind(): Libc {
  const { symbols } = Deno.dlopen("libc.so.6", SYMBOLS);
  const call = symbols.syscall as unknown as Syscall;
  // The low half of the structure is the number: both machines are little-endian, and no number is negative.
  const structure = new Int32Array(2);
  return {
    syscall(number, a, b, c, d, e, f) {
      structure[0] = number;
      return call(structure, a, b, c, d, e, f);
    },
    posix_spawn: (...args) =>
      (at(symbols.posix_spawn, POSIX_SPAWN) as unknown as { call: Libc["posix_spawn"] }).call(...args),
    __errno_location: () => at(symbols.__errno_location, ERRNO_LOCATION).call(),
  };
}

let errnoView: Deno.UnsafePointerView | undefined;

/** errno of this thread. Read it right after the call that failed, with nothing in between. */
export function errno(): number {
  errnoView ??= new Deno.UnsafePointerView(libc().__errno_location()!);
  return errnoView.getInt32();
}
