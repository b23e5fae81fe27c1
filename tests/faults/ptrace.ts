/**
 * ptrace(2) and what goes with it, by libc: the only place of these tests that touches memory of the kernel's
 * layout.
 *
 * All calls of one trace have to come from one thread, so everything here blocks: no event loop turns
 * meanwhile. x86-64 only: the place of a call's number and result in the registers is that machine's.
 * @module
 */

/** Why nothing can be traced here, or undefined. */
export function lacksTracing(): string | undefined {
  if (Deno.uid() !== 0) return "needs root";
  return Deno.build.arch === "x86_64" ? undefined : "the tracer knows the registers of x86-64 only";
}

const SYMBOLS = {
  // int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *, const posix_spawnattr_t
  // *,
  //                 char *const argv[], char *const envp[]);
  posix_spawn: { parameters: ["buffer", "buffer", "pointer", "pointer", "buffer", "buffer"], result: "i32" },
  // pid_t wait4(pid_t pid, int *wstatus, int options, struct rusage *rusage);
  wait4: { parameters: ["i32", "buffer", "i32", "pointer"], result: "i32" },
  // int kill(pid_t pid, int sig);
  kill: { parameters: ["i32", "i32"], result: "i32" },
  // long ptrace(enum __ptrace_request op, pid_t pid, void *addr, void *data);
  ptrace: { parameters: ["i32", "i32", "i64", "i64"], result: "i64" },
  ptraceInto: { name: "ptrace", parameters: ["i32", "i32", "i64", "buffer"], result: "i64" },
} as const satisfies Deno.ForeignLibraryInterface;

let bound: Deno.DynamicLibrary<typeof SYMBOLS> | undefined;

function libc(): Deno.DynamicLibrary<typeof SYMBOLS>["symbols"] {
  return (bound ??= Deno.dlopen("libc.so.6", SYMBOLS)).symbols;
}

/** Requests of ptrace(2). */
const CONT = 7, DETACH = 17, SYSCALL = 24, SETOPTIONS = 0x4200, GETEVENTMSG = 0x4201, GETREGSET = 0x4204;
const SETREGSET = 0x4205, SEIZE = 0x4206, INTERRUPT = 0x4207, LISTEN = 0x4208, GET_SYSCALL_INFO = 0x420e;
const NT_PRSTATUS = 1;
/** wait(2): children of all kinds. */
const WALL = 0x40000000;
/** `struct user_regs_struct` of x86-64: its size, and where a call's result and number stand. */
const REGISTERS = 27 * 8, RAX = 10 * 8, ORIG_RAX = 15 * 8;

/** What is traced of a process, besides itself. */
export const TRACE_SYSGOOD = 1, TRACE_VFORK = 4, TRACE_CLONE = 8, TRACE_EXEC = 16;
/** Events that a stop tells of. */
export const EVENT_VFORK = 2, EVENT_CLONE = 3, EVENT_EXEC = 4, EVENT_STOP = 128;

/** What wait4(2) tells of a process. */
export type Change =
  /** It has ended: exit status, or 128 and the signal's number. */
  | { pid: number; kind: "end"; code: number }
  /** It stands at the beginning or the end of a system call. */
  | { pid: number; kind: "call" }
  | { pid: number; kind: "event"; event: number; signal: number }
  /** It is about to get a signal. */
  | { pid: number; kind: "signal"; signal: number };

/** A call that a process is about to make. */
export interface Entry {
  number: number;
  args: number[];
}

function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}

/**
 * Starts a program with an empty environment, and with all of this process's descriptors that do not close on
 * exec.
 */
export function spawn(argv: readonly string[]): number {
  const strings = argv.map(cString);
  const pointers = strings.map((bytes) => Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)));
  const pid = new Int32Array(1);
  const args = BigUint64Array.from([...pointers, 0n]), environment = new BigUint64Array(1);
  const error = libc().posix_spawn(pid, strings[0], null, null, args, environment);
  if (error !== 0) throw new Error(`cannot start ${argv[0]}: errno ${error}`);
  return pid[0];
}

/** Sends a signal; fine where there is no such process any more. */
export function sendSignal(pid: number, signal: number): void {
  libc().kill(pid, signal);
}

/** Waits for any child or traced process, or for one; undefined where there is none. */
export function waitForChange(pid = -1): Change | undefined {
  const status = new Int32Array(1);
  const found = libc().wait4(pid, status, WALL, null);
  if (found <= 0) return undefined;
  const [word] = status, low = word & 0x7f, signal = (word >> 8) & 0xff;
  if (low === 0) return { pid: found, kind: "end", code: signal };
  if (low !== 0x7f) return { pid: found, kind: "end", code: 128 + low };
  if (signal === (5 | 0x80)) return { pid: found, kind: "call" };
  const event = word >> 16;
  return event === 0 ? { pid: found, kind: "signal", signal } : { pid: found, kind: "event", event, signal };
}

function request(operation: number, pid: number, data = 0): boolean {
  return libc().ptrace(operation, pid, 0n, BigInt(data)) !== -1n;
}

/** Begins to trace a process without stopping it. */
export function seize(pid: number, options: number): void {
  if (!request(SEIZE, pid, options)) throw new Error(`cannot trace process ${pid}`);
}

/** Changes what is traced of a process that stands still. */
export function setOptions(pid: number, options: number): void {
  request(SETOPTIONS, pid, options);
}

/** Has a process stop soon, with the event {@linkcode EVENT_STOP}. */
export function interrupt(pid: number): void {
  request(INTERRUPT, pid);
}

/** Lets a stopped process go on: to its next call, or to its next event. */
export function goOn(pid: number, calls: boolean, signal = 0): void {
  request(calls ? SYSCALL : CONT, pid, signal);
}

/** Leaves a process stopped that a signal has stopped, and hears of what ends that. */
export function listen(pid: number): void {
  request(LISTEN, pid);
}

/** Lets a stopped process go for good. */
export function detach(pid: number, signal = 0): void {
  request(DETACH, pid, signal);
}

/** The process that an event made. */
export function madeBy(pid: number): number {
  const message = new BigUint64Array(1);
  libc().ptraceInto(GETEVENTMSG, pid, 0n, message);
  return Number(message[0]);
}

/** The call that a stopped process is about to make; undefined where it stands at the end of one. */
export function entryOf(pid: number): Entry | undefined {
  // struct ptrace_syscall_info: op, at 24 the number and six arguments.
  const info = new DataView(new ArrayBuffer(88));
  libc().ptraceInto(GET_SYSCALL_INFO, pid, 88n, new Uint8Array(info.buffer));
  if (info.getUint8(0) !== 1) return undefined;
  const word = (at: number) => Number(info.getBigUint64(at, true));
  return { number: word(24), args: [32, 40, 48, 56, 64, 72].map(word) };
}

/** Changes a register of a stopped process. */
function setRegister(pid: number, at: number, value: bigint): void {
  const registers = new DataView(new ArrayBuffer(REGISTERS));
  // struct iovec
  const address = Deno.UnsafePointer.value(Deno.UnsafePointer.of(registers));
  const vector = BigUint64Array.from([address, BigInt(REGISTERS)]);
  libc().ptraceInto(GETREGSET, pid, BigInt(NT_PRSTATUS), vector);
  registers.setBigInt64(at, value, true);
  libc().ptraceInto(SETREGSET, pid, BigInt(NT_PRSTATUS), vector);
}

/** Has a process that is about to make a call make none. */
export function skipCall(pid: number): void {
  setRegister(pid, ORIG_RAX, -1n);
}

/** Sets the result of the call that a process stands at the end of. */
export function setResult(pid: number, value: number): void {
  setRegister(pid, RAX, BigInt(value));
}

/** Text in the memory of a stopped process. */
export function textAt(pid: number, address: number): string {
  const bytes = memoryAt(pid, address, 256);
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

/** Memory of a stopped process; shorter, or empty, where it has none. */
export function memoryAt(pid: number, address: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  try {
    using memory = Deno.openSync(`/proc/${pid}/mem`);
    memory.seekSync(address, Deno.SeekMode.Start);
    // A page at a time: the next may not be there.
    const first = Math.min(length, 4096 - address % 4096);
    let got = memory.readSync(bytes.subarray(0, first)) ?? 0;
    if (got === first && first < length) got += memory.readSync(bytes.subarray(first)) ?? 0;
    return bytes.subarray(0, got);
  } catch {
    return bytes.subarray(0, 0);
  }
}
