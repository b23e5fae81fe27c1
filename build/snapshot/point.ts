/**
 * The machine code at which a started engine is taken, and from which each snapshot goes on (point_x86_64.s).
 * @module
 */

/** The bytes of point_x86_64.s; point_test.ts assembles it again. */
export const POINT: Uint8Array<ArrayBuffer> = Uint8Array.fromHex(
  "5355415441554156415748892764488b04251000000048894708488d052500000048894710b8270000000f0589c7be130000" +
    "00b83e0000000f05b8e7000000bf010000000f054889fbb89e000000bf02100000488b73080f05488b23415f415e415d415c" +
    "5d5bb801000000c3",
);

/** The words of the structure that the point gets (point_x86_64.s); the last is where the arguments are. */
export const POINT_WORDS = { stack: 0, thread: 1, resume: 2, arguments: 3 } as const;
/** What the engine writes to a file before it stops. Numbers are addresses, in decimal. */
export interface Point {
  /** The structure. */
  block: string;
  /** The engine's process, and the second of its monotonic clock at which it stops. */
  pid: number;
  second: number;
  /** libc's variable `environ`. */
  environ: string;
  /** libc's variable `__curbrk`: where it believes the end of the heap to be. */
  brk: string;
  /** How far struct rseq is from the thread's control block; 0 where libc registers none. */
  rseq: string;
  /** How the signals are handled that are not at their default: struct kernel_sigaction in hex. */
  actions: Record<string, string>;
  /** stack_t of the alternate signal stack, in hex. */
  alternateStack: string;
  /** The thread's list of robust futexes, and the size of its head. */
  robust: [string, string];
}
