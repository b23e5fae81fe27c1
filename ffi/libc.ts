/**
 * libc by foreign function interface: the only symbols that tsrun binds at start.
 *
 * Each bound symbol costs 0.2-0.4 ms, so everything goes through syscall(2)'s wrapper; addresses are passed as
 * numbers (exact up to 2^53, far above any user address) and results come back as 32-bit numbers, since a
 * 64-bit result would be a slow BigInt and no call made here has one.
 * @module
 */

const SYMBOLS = {
  // long syscall(long number, ...);
  syscall: {
    parameters: ["i32", "i64", "i64", "i64", "i64", "i64", "i64"],
    result: "i32",
  },
  // int posix_spawn(pid_t *pid, const char *path, const void *file_actions, const void *attr, char *const argv[], char *const envp[]);
  posix_spawn: { parameters: ["i64", "i64", "i64", "i64", "i64", "i64"], result: "i32" },
  // int *__errno_location(void);
  __errno_location: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

/** libc's symbols, bound; 64-bit parameters take plain numbers, which Deno accepts and its types do not say. */
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

let bound: Libc | undefined;

/**
 * libc, bound at its first use.
 *
 * @throws {Error} On a system whose C library is not glibc's `libc.so.6`.
 */
export function libc(): Libc {
  bound ??= Deno.dlopen("libc.so.6", SYMBOLS).symbols as unknown as Libc;
  return bound;
}

let errnoView: Deno.UnsafePointerView | undefined;

/** errno of this thread; to be read right after the call that failed, with nothing in between. */
export function errno(): number {
  errnoView ??= new Deno.UnsafePointerView(libc().__errno_location()!);
  return errnoView.getInt32();
}
