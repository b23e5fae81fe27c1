/**
 * The records by which the entry makes the process of a snapshot: first what must be as it was, then the
 * memory, then the descriptors and what the kernel keeps of a thread.
 *
 * libc is told an end of the heap behind which no more can be had: it takes all further memory by mmap(2), for
 * the kernel has the heap of this process elsewhere.
 *
 * Numbers of system calls are those of x86-64.
 * @module
 */
import { type Point, POINT_WORDS } from "./engine.ts";
import {
  ARGUMENTS_BLOCK,
  CODE,
  ENVIRONMENT,
  FILE,
  Head,
  HEAD_SIZE,
  PROCESSOR,
  PROCESSOR_SIZE,
} from "./head.ts";
import type { Piece } from "./take.ts";
import { type Descriptor, descriptorsOf, type Mapping, mappingsOf, type MemoryOf } from "./process.ts";
import { FIRST_DESCRIPTOR } from "./spawn.ts";

const CALL = {
  close: 3,
  fstat: 5,
  poll: 7,
  mmap: 9,
  rt_sigaction: 13,
  mremap: 25,
  socketpair: 53,
  uname: 63,
  fcntl: 72,
  sigaltstack: 131,
  set_tid_address: 218,
  epoll_ctl: 233,
  openat: 257,
  set_robust_list: 273,
  timerfd_create: 283,
  timerfd_settime: 286,
  eventfd2: 290,
  epoll_create1: 291,
  dup3: 292,
  prlimit64: 302,
  rseq: 334,
} as const;

const PAGE = 4096, ET_EXEC = 2;
const MAP_PRIVATE = 0x2,
  MAP_ANONYMOUS = 0x20,
  MAP_NORESERVE = 0x4000,
  MAP_FIXED = 0x10,
  MAP_FIXED_NOREPLACE = 0x100000;
const MREMAP_MAYMOVE_FIXED = 3;
const O_CLOEXEC = 0x80000, NONBLOCK_CLOEXEC = 0x80800, AT_FDCWD = -100;
const F_DUPFD_CLOEXEC = 1030, RLIMIT_NOFILE = 7;

/** Bytes below the stack that it may grow into: the usual limit of a stack. */
const STACK_ROOM = 8 * 2 ** 20;

/** Pages of zeros in a row that are worth a mapping of their own. */
const ZEROS = 16;

/**
 * Records all of a stopped process.
 *
 * @param program The program of the entry itself, if that is the engine too: it is in memory already.
 * @returns The head, and what of the memory follows it in the file.
 */
export function recordProcess(
  pid: number,
  point: Point,
  digest: string,
  program: string | undefined,
  memory: MemoryOf,
): { head: Uint8Array<ArrayBuffer>; pieces: Piece[] } {
  const head = new Head(digest), mappings = mappingsOf(pid);
  const image = imageOf(program, mappings);
  recordConditions(head, image);
  const pieces = new MemoryRecorder(head, memory, image).record(mappings);
  recordVdso(head, mappings);
  recordDescriptors(head, descriptorsOf(pid));
  recordThread(head, pid, point, memory);
  head.resume(memoryWord(memory, BigInt(point.block) + 8n * BigInt(POINT_WORDS.resume)), BigInt(point.block));
  return { head: head.finish(), pieces };
}

function memoryWord(memory: MemoryOf, address: bigint): bigint {
  return new DataView(memory.read(address, 8).buffer).getBigInt64(0, true);
}

/** The program of the entry in memory, where that is the engine too. */
interface Image {
  start: bigint;
  end: bigint;
  /** Address of the entry's first instruction. */
  code: bigint;
  /** Its program headers, with the build's identity behind them. */
  header: { start: bigint; bytes: Uint8Array };
}

/** Where program headers begin, and up to where memory is compared: the notes are there, too. */
const HEADERS_AT = 64, HEADERS_END = 1024;
/** Bytes of a program header, and the type of one that is loaded: elf(5). */
const HEADER_SIZE = 56, PT_LOAD = 1;

function imageOf(program: string | undefined, mappings: readonly Mapping[]): Image | undefined {
  if (program === undefined) return undefined;
  const first = mappings.find(({ name }) => name === program);
  if (first === undefined) throw new Error(`${program} is not in memory`);
  const file = Deno.readFileSync(program), view = new DataView(file.buffer);
  if (view.getUint16(16, true) !== ET_EXEC) throw new Error(`${program} has no fixed address`);
  // All that is loaded, with what it has in memory only.
  const ends = Array.from({ length: view.getUint16(56, true) }, (_, i) => HEADERS_AT + i * HEADER_SIZE)
    .filter((at) => view.getUint32(at, true) === PT_LOAD)
    .map((at) => view.getBigUint64(at + 16, true) + view.getBigUint64(at + 40, true));
  const page = BigInt(PAGE), { start } = first;
  return {
    start,
    end: ends.map((end) => (end + page - 1n) / page * page).reduce((a, b) => a > b ? a : b),
    code: view.getBigInt64(24, true),
    header: { start: start + BigInt(HEADERS_AT), bytes: file.slice(HEADERS_AT, HEADERS_END) },
  };
}

/** Bytes of one field of struct utsname; the fields are sysname, nodename, release, version, machine. */
const UTSNAME_FIELD = 65, UTSNAME_SIZE = 6 * UTSNAME_FIELD;

/** The kernel, the processor, the streams and the clock must be as they were, or later. */
function recordConditions(head: Head, image: Image | undefined): void {
  if (image !== undefined) {
    // The same program at the same address: of the build that the digest names, as it was linked there.
    head.compare(CODE, head.data(new Uint8Array(new BigInt64Array([image.code]).buffer)), 8);
    head.compare(image.header.start, head.data(image.header.bytes), image.header.bytes.length);
  }
  for (const stream of [0, 1, 2]) head.call(CALL.fcntl, [stream, 1]);
  const kernel = [
    Deno.readTextFileSync("/proc/sys/kernel/osrelease"),
    Deno.readTextFileSync("/proc/sys/kernel/version"),
  ]
    .map((text) => text.trimEnd());
  const expected = new Uint8Array(2 * UTSNAME_FIELD), encoder = new TextEncoder();
  kernel.forEach((text, i) =>
    encoder.encodeInto(text, expected.subarray(i * UTSNAME_FIELD, (i + 1) * UTSNAME_FIELD - 1))
  );
  const names = head.room(UTSNAME_SIZE);
  head.call(CALL.uname, [names]);
  head.compare(names + 2 * UTSNAME_FIELD, head.data(expected), expected.length);
  head.compare(PROCESSOR, head.data(processor()), PROCESSOR_SIZE);
  recordClock(head);
}

/** What the entry asks the processor: cpuid(1) and cpuid(7), without what is of one processor only. */
function processor(): Uint8Array<ArrayBuffer> {
  // mov eax, 1; cpuid; and so on, as in restore_x86_64.s; rdi: where it goes.
  const code = Uint8Array.fromHex(
    "53" + "b801000000" + "31c9" + "0fa2" + "8907" + "894f04" + "895708" +
      "b807000000" + "31c9" + "0fa2" + "895f0c" + "894f10" + "895714" + "5b" + "c3",
  );
  const lib = Deno.dlopen("libc.so.6", {
    mmap: { parameters: ["usize", "usize", "i32", "i32", "i32", "i64"], result: "usize" },
    mprotect: { parameters: ["usize", "usize", "i32"], result: "i32" },
    memcpy: { parameters: ["usize", "buffer", "usize"], result: "usize" },
  });
  const page = lib.symbols.mmap(0n, BigInt(PAGE), 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0n);
  lib.symbols.memcpy(page, code, BigInt(code.length));
  lib.symbols.mprotect(page, BigInt(PAGE), 5);
  const ask = new Deno.UnsafeFnPointer(Deno.UnsafePointer.create(page)!, {
    parameters: ["buffer"],
    result: "void",
  });
  const words = new Uint8Array(PROCESSOR_SIZE);
  ask.call(words);
  lib.close();
  return words;
}

/**
 * The monotonic clock of this moment must have passed: after a restart of the host it begins anew, and the
 * engine takes time as it was for what never comes later. A timer for that moment has expired, or not.
 */
function recordClock(head: Head): void {
  const [uptime] = Deno.readTextFileSync("/proc/uptime").split(" ");
  const when = new Uint8Array(32);
  new DataView(when.buffer).setBigInt64(16, BigInt(Math.floor(Number(uptime))), true);
  const timer = head.open(CALL.timerfd_create, [1, 0x80800]);
  head.call(CALL.timerfd_settime, [timer, 1, head.data(when), 0]);
  const poll = head.room(8);
  head.copy(poll, timer.at, 4);
  head.copy(poll + 4, head.data(Uint8Array.of(POLLIN)), 1);
  head.positive(CALL.poll, [poll, 1, PATIENCE]);
  head.call(CALL.close, [timer]);
}

const POLLIN = 1;
/** Milliseconds within which a timer expires whose moment has passed. */
const PATIENCE = 5;

/** Records the memory. */
class MemoryRecorder {
  readonly #files = new Map<string, { at: number }>();
  readonly #pieces: Piece[] = [];
  #end = HEAD_SIZE;

  constructor(readonly head: Head, readonly memory: MemoryOf, readonly image: Image | undefined) {}

  record(mappings: readonly Mapping[]): Piece[] {
    for (const mapping of mappings) {
      if (/^\[v/.test(mapping.name)) continue;
      if (mapping.shared) throw new Error(`the engine shares memory: ${mapping.name}`);
      this.#record(mapping);
    }
    for (const file of this.#files.values()) this.head.call(CALL.close, [file]);
    return this.#pieces;
  }

  #record(mapping: Mapping): void {
    const { start, end, protection, name, offset } = mapping;
    const own = this.image !== undefined && start >= this.image.start && start < this.image.end;
    const fixed = own ? MAP_FIXED : MAP_FIXED_NOREPLACE;
    const map = (
      from: bigint,
      size: number,
      flags: number,
      file: { at: number } | number,
      at: number | bigint,
    ) =>
      this.head.call(CALL.mmap, [
        from,
        size,
        protection,
        flags | MAP_PRIVATE | fixed,
        file,
        at,
      ]);
    const size = Number(end - start), anonymous = MAP_ANONYMOUS | MAP_NORESERVE;
    if (name === "[stack]") {
      map(start - BigInt(STACK_ROOM), STACK_ROOM, anonymous, -1, 0);
    }
    if (protection === 0) {
      map(start, size, anonymous, -1, 0);
      return;
    }
    const bytes = this.memory.read(start, size);
    if (name.startsWith("/") && !(protection & 2) && isOfFile(bytes, name, Number(offset))) {
      if (!own) map(start, size, 0, this.#file(name), offset);
      return;
    }
    for (const { at, length, zero } of runsOf(bytes)) {
      const from = start + BigInt(at);
      if (zero) map(from, length, anonymous, -1, 0);
      else {
        map(from, length, 0, { at: FILE }, this.#end);
        this.#pieces.push({ start: from, size: length });
        this.#end += length;
      }
    }
  }

  /** A file that is open while the memory is mapped, and that must be the one that it was. */
  #file(path: string): { at: number } {
    const known = this.#files.get(path);
    if (known) return known;
    const file = this.head.open(CALL.openat, [AT_FDCWD, this.head.text(path), O_CLOEXEC]);
    const now = statusOf(path), status = this.head.room(now.length);
    this.head.call(CALL.fstat, [file, status]);
    for (const [from, to] of IDENTITY) {
      this.head.compare(status + from, this.head.data(now.slice(from, to)), to - from);
    }
    this.#files.set(path, file);
    return file;
  }
}

/** Where struct stat has a file's device and inode, its size, and when it and its inode were changed. */
const IDENTITY = [[0, 16], [48, 56], [88, 120]] as const;

/** struct stat of a file: stat(2). */
function statusOf(path: string): Uint8Array<ArrayBuffer> {
  const lib = Deno.dlopen("libc.so.6", { stat: { parameters: ["buffer", "buffer"], result: "i32" } });
  const status = new Uint8Array(144);
  const result = lib.symbols.stat(new TextEncoder().encode(`${path}\0`), status);
  lib.close();
  if (result !== 0) throw new Error(`${path} cannot be asked for its status`);
  return status;
}

/** Whether memory is what a file has. */
function isOfFile(bytes: Uint8Array, path: string, offset: number): boolean {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path);
  } catch {
    return false;
  }
  try {
    file.seekSync(offset, Deno.SeekMode.Start);
    const own = new Uint8Array(bytes.length);
    for (let at = 0; at < own.length;) {
      const count = file.readSync(own.subarray(at));
      if (count === null) break;
      at += count;
    }
    return equal(bytes, own);
  } finally {
    file.close();
  }
}

function words(bytes: Uint8Array): BigUint64Array {
  return new BigUint64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
}

function equal(one: Uint8Array, other: Uint8Array): boolean {
  const [a, b] = [words(one), words(other)];
  return a.every((word, i) => word === b[i]);
}

/** Divides memory into what is zero for long enough, and what is not. */
function runsOf(bytes: Uint8Array): { at: number; length: number; zero: boolean }[] {
  const pages = bytes.length / PAGE;
  const zero = Array.from(
    { length: pages },
    (_, i) => words(bytes.subarray(i * PAGE, (i + 1) * PAGE)).every((w) => w === 0n),
  );
  const runs: { at: number; length: number; zero: boolean }[] = [];
  for (let i = 0; i < pages;) {
    let j = i;
    while (j < pages && zero[j] === zero[i]) j++;
    const own = zero[i] && (j - i >= ZEROS || j === pages || i === 0);
    const last = runs.at(-1);
    if (last !== undefined && last.zero === own) last.length += (j - i) * PAGE;
    else runs.push({ at: i * PAGE, length: (j - i) * PAGE, zero: own });
    i = j;
  }
  return runs;
}

/** Moves the kernel's vDSO, and the data that it reads, to where they were. */
function recordVdso(head: Head, mappings: readonly Mapping[]): void {
  const own = mappings.filter(({ name }) => /^\[v(var|dso)/.test(name));
  const vdso = own.find(({ name }) => name === "[vdso]");
  if (vdso === undefined) throw new Error("the kernel has no vDSO");
  const places = head.fromVdso(own.map(({ start }) => start - vdso.start));
  own.forEach(({ start, end }, i) => {
    const size = Number(end - start);
    head.call(CALL.mremap, [places[i], size, size, MREMAP_MAYMOVE_FIXED, start]);
  });
}

/** Makes the engine's descriptors, with the numbers that they had. */
function recordDescriptors(head: Head, all: readonly Descriptor[]): void {
  // The engine sets its soft limit of open files to the hard one.
  const limit = head.room(16);
  head.call(CALL.prlimit64, [0, RLIMIT_NOFILE, 0, limit]);
  head.copy(limit, limit + 8, 8);
  head.call(CALL.prlimit64, [0, RLIMIT_NOFILE, limit, 0]);
  const own = all.filter(({ fd }) => fd >= FIRST_DESCRIPTOR);
  /** Makes a number of a descriptor that is there. */
  const take = (from: { at: number } | number, fd: number) => {
    const exact = head.open(CALL.fcntl, [from, F_DUPFD_CLOEXEC, fd]);
    head.compare(exact.at, head.data(new Uint8Array(new BigInt64Array([BigInt(fd)]).buffer)), 8);
  };
  const make = (number: number, args: readonly number[], fd: number) => {
    const made = head.open(number, args);
    take(made, fd);
    head.call(CALL.close, [made]);
  };
  const made = new Map<string, number>();
  const polls: Descriptor[] = [];
  for (const descriptor of own) {
    const { fd, what, info } = descriptor, key = keyOf(descriptor), before = made.get(key);
    if (before !== undefined) take(before, fd);
    else if (what === "anon_inode:[eventpoll]") {
      make(CALL.epoll_create1, [O_CLOEXEC], fd);
      polls.push(descriptor);
    } else if (what === "anon_inode:[eventfd]") {
      make(CALL.eventfd2, [parseInt(/eventfd-count: +(\w+)/.exec(info)![1], 16), NONBLOCK_CLOEXEC], fd);
    } else if (what.startsWith("socket:")) {
      // Both ends are made when the first is met.
      const other = own.find((one) => one.what.startsWith("socket:") && one.what !== what);
      if (other === undefined) throw new Error("a socket of the engine has no other end");
      recordPair(head, [fd, other.fd], take);
      made.set(keyOf(other), other.fd);
      own.splice(own.indexOf(other), 1);
    } else {
      const stream = all.find(({ fd, what: its }) => fd < 3 && its === what);
      if (stream === undefined) throw new Error(`an unknown descriptor of the engine: ${what}`);
      take(stream.fd, fd);
      continue;
    }
    made.set(key, made.get(key) ?? fd);
  }
  for (const { fd, info } of polls) {
    for (const [, target, events, data] of info.matchAll(/tfd: +(\d+) events: +(\w+) data: +(\w+)/g)) {
      const event = new Uint8Array(16), view = new DataView(event.buffer);
      view.setUint32(0, parseInt(events, 16), true);
      view.setBigUint64(4, BigInt(`0x${data}`), true);
      head.call(CALL.epoll_ctl, [fd, 1, Number(target), head.data(event)]);
    }
  }
}

/** What two numbers of one descriptor have in common. */
function keyOf({ fd, what, info }: Descriptor): string {
  if (what.startsWith("socket:")) return what;
  if (what === "anon_inode:[eventpoll]") {
    return `${what} ${info.replace(/^(pos|flags|mnt_id|ino):.*\n/gm, "")}`;
  }
  return `${what} ${fd}`;
}

/** A pair of sockets, at two numbers. */
function recordPair(
  head: Head,
  numbers: readonly number[],
  take: (from: { at: number }, fd: number) => void,
): void {
  const pair = head.room(8);
  head.call(CALL.socketpair, [1, 1 | NONBLOCK_CLOEXEC, 0, pair]);
  // Each number is half a word: copied to one of its own.
  const words = [0, 1].map((i) => {
    const at = head.room(8);
    head.copy(at, pair + 4 * i, 4);
    return { at };
  });
  numbers.forEach((fd, i) => take(words[i], fd));
  for (const word of words) head.call(CALL.close, [word]);
}

/** Bytes of the thread's control block in which its number is looked for: glibc's struct pthread. */
const THREAD_SIZE = 2304;
/** RSEQ_SIG of x86-64, and the size with which glibc registers. */
const RSEQ_SIGNATURE = 0x53053053, RSEQ_SIZE = 32;

/** What the kernel keeps of a thread, and of its process, beside memory and descriptors. */
function recordThread(head: Head, pid: number, point: Point, memory: MemoryOf): void {
  const thread = memoryWord(memory, BigInt(point.block) + 8n * BigInt(POINT_WORDS.thread));
  const block = new Int32Array(memory.read(thread, THREAD_SIZE).buffer);
  const at = block.indexOf(pid);
  if (at < 0 || block.indexOf(pid, at + 1) >= 0) {
    throw new Error("the thread's number is not where glibc has it");
  }
  const number = thread + BigInt(4 * at);
  const mine = head.call(CALL.set_tid_address, [number]);
  head.copy(number, mine.at, 4);
  const [robust, size] = point.robust;
  head.call(CALL.set_robust_list, [BigInt(robust), BigInt(size)]);
  if (point.rseq !== "0") {
    head.call(CALL.rseq, [thread + BigInt(point.rseq), RSEQ_SIZE, 0, RSEQ_SIGNATURE], true);
  }
  for (const [signal, action] of Object.entries(point.actions)) {
    head.call(CALL.rt_sigaction, [Number(signal), head.data(Uint8Array.fromHex(action)), 0, 8]);
  }
  head.call(CALL.sigaltstack, [head.data(Uint8Array.fromHex(point.alternateStack)), 0]);
  head.call(CALL.close, [{ at: FILE }]);
  const nowhere = head.data(new Uint8Array(new BigInt64Array([-BigInt(PAGE)]).buffer));
  if (point.brk !== "0") head.copy(BigInt(point.brk), nowhere, 8);
  head.copy(BigInt(point.environ), ENVIRONMENT, 8);
  head.copy(BigInt(point.block) + 8n * BigInt(POINT_WORDS.arguments), ARGUMENTS_BLOCK, 8);
}
