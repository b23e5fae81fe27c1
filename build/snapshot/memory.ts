/**
 * The records of a snapshot's memory.
 * @module
 */
import {
  AT_FDCWD,
  CALL,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_NORESERVE,
  MAP_PRIVATE,
  MREMAP_MAYMOVE_FIXED,
  O_CLOEXEC,
  PAGE,
} from "./calls.ts";
import type { Image } from "./conditions.ts";
import { FILE, type Head, HEAD_SIZE } from "./head.ts";
import type { Mapping, MemoryOf } from "./process.ts";

/** A piece of memory that is in the file, in the order in which it is there. */
export interface Piece {
  start: bigint;
  size: number;
}

/** Bytes below the stack that it may grow into: the usual limit of a stack. */
const STACK_ROOM = 8 * 2 ** 20;

/** Pages of zeros in a row that are worth a mapping of their own. */
const ZEROS = 16;

/** Records the memory. */
export class MemoryRecorder {
  readonly #files = new Map<string, { at: number }>();
  readonly #pieces: Piece[] = [];
  readonly #ofImage: (() => void)[] = [];
  #end = HEAD_SIZE;

  constructor(readonly head: Head, readonly memory: MemoryOf, readonly image: Image | undefined) {}

  /** Records all but the program's own. @returns What of the memory is in the file. */
  record(mappings: readonly Mapping[]): Piece[] {
    for (const mapping of mappings) {
      if (/^\[v/.test(mapping.name)) continue;
      if (mapping.shared) throw new Error(`the engine shares memory: ${mapping.name}`);
      this.#record(mapping);
    }
    for (const file of this.#files.values()) this.head.call(CALL.close, [file]);
    return this.#pieces;
  }

  /**
   * Records the program's own, where that is the engine: after all that may fail, as the program can start
   * anew only while it has its own memory.
   */
  recordImage(): void {
    for (const record of this.#ofImage) record();
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
    ) => {
      const args = [from, size, protection, flags | MAP_PRIVATE | fixed, file, at];
      if (own) this.#ofImage.push(() => this.head.call(CALL.mmap, args));
      else this.head.call(CALL.mmap, args);
    };
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
export function isOfFile(bytes: Uint8Array, path: string, offset: number): boolean {
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
export function runsOf(bytes: Uint8Array): { at: number; length: number; zero: boolean }[] {
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
export function recordVdso(head: Head, mappings: readonly Mapping[]): void {
  const own = mappings.filter(({ name }) => /^\[v(var|dso)/.test(name));
  const vdso = own.find(({ name }) => name === "[vdso]");
  if (vdso === undefined) throw new Error("the kernel has no vDSO");
  // mremap(2) takes the place of what is there; this fails instead.
  const first = own[0].start, end = own.at(-1)!.end;
  head.call(CALL.mmap, [
    first,
    Number(end - first),
    0,
    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
    -1,
    0,
  ]);
  const places = head.fromVdso(own.map(({ start }) => start - vdso.start));
  own.forEach(({ start, end }, i) => {
    const size = Number(end - start);
    head.call(CALL.mremap, [places[i], size, size, MREMAP_MAYMOVE_FIXED, start]);
  });
}
