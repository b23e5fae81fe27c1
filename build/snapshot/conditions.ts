/**
 * What must be as it was for a snapshot to be used: kernel, processor, streams, clock, and the program of the
 * entry, where that is the engine.
 * @module
 */
import { segmentsOf } from "../elf.ts";
import { CALL, MAP_ANONYMOUS, MAP_PRIVATE, NONBLOCK_CLOEXEC, PAGE, POLLIN } from "./calls.ts";
import { CODE, type Head, PROCESSOR, PROCESSOR_SIZE } from "./head.ts";
import type { Mapping } from "./process.ts";

const ET_EXEC = 2;

/** The program of the entry in memory, where that is the engine too. */
export interface Image {
  start: bigint;
  end: bigint;
  /** Address of the entry's first instruction. */
  code: bigint;
  /** Its program headers, with the build's identity behind them. */
  header: { start: bigint; bytes: Uint8Array };
}

/** Where program headers begin, and up to where memory is compared: the notes are there, too. */
const HEADERS_AT = 64, HEADERS_END = 1024;

/** The same of a stopped process. @throws {Error} where the program has no fixed address. */
export function imageOf(program: string | undefined, mappings: readonly Mapping[]): Image | undefined {
  if (program === undefined) return undefined;
  const first = mappings.find(({ name }) => name === program);
  if (first === undefined) throw new Error(`${program} is not in memory`);
  const file = Deno.readFileSync(program), view = new DataView(file.buffer);
  if (view.getUint16(16, true) !== ET_EXEC) throw new Error(`${program} has no fixed address`);
  // All that is loaded, with what it has in memory only.
  const ends = segmentsOf(view).map(({ address, memory }) => address + memory);
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
export function recordConditions(head: Head, second: number, image: Image | undefined): void {
  if (image !== undefined) {
    // The same program at the same address: of the build that the digest names, as it was linked there.
    head.compare(CODE, head.words(image.code), 8);
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
  recordClock(head, second);
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
 * The monotonic clock must be later than it was when the engine stopped: its timers count from there, and
 * after a restart of the host the clock begins anew. A timer for that second has expired, or not.
 */
function recordClock(head: Head, second: number): void {
  const timer = head.open(CALL.timerfd_create, [1, NONBLOCK_CLOEXEC]);
  head.call(CALL.timerfd_settime, [timer, 1, head.words(0n, 0n, BigInt(second + 1), 0n), 0]);
  const poll = head.room(8);
  head.copy(poll, timer.at, 4);
  head.copy(poll + 4, head.data(Uint8Array.of(POLLIN)), 1);
  head.positive(CALL.poll, [poll, 1, PATIENCE]);
  head.call(CALL.close, [timer]);
}

/** Milliseconds within which a timer expires whose moment has passed. */
const PATIENCE = 5;
