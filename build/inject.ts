/**
 * Puts the entry (`entry.ts`) into a program that `deno compile` made.
 *
 * Its code becomes a segment of its own behind the program's, and the place that an ELF file starts at. The
 * header that names ld.so is hidden from the kernel, so that the entry runs first, and starts ld.so itself.
 * What `deno compile` has put behind the program (its last bytes say where to look, counted from the end)
 * moves up by as much. Layout of the file: elf(5).
 * @module
 */
import { type Architecture, entryBytes, entryCode, type EntryTable } from "./entry.ts";

const PT_LOAD = 1, PT_INTERP = 3, PT_NOTE = 4, READ_EXECUTE = 5;
/** By `e_machine`. */
const MACHINES: Readonly<Record<number, Architecture>> = { 62: "x86_64", 183: "aarch64" };
/** Pages of this size exist on aarch64. */
const PAGE = 0x10000;

/** The next multiple of the size of a page. */
function roundUp(value: number): number {
  return Math.ceil(value / PAGE) * PAGE;
}

/** A string of a file, up to its NUL. */
function text(view: DataView, offset: number, size: number): string {
  const bytes = new Uint8Array(view.buffer, view.byteOffset + offset, size);
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}

/** What is known of a program's headers. */
interface Headers {
  arch: Architecture;
  entry: number;
  /** Where the header of its notes is, which nothing needs to run. */
  note: number;
  /** Where its segments end, in memory. */
  top: number;
  /** Where the table of sections ends, in the file. */
  end: number;
  /** The header that names ld.so: where it is in the file and in memory, and the path. */
  interpreter: { at: number; address: number; path: string };
}

/** A type that is the kernel's to ignore: the entry makes it {@linkcode PT_INTERP} again. */
const PT_HIDDEN = 0x6c737274;

function readHeaders(view: DataView): Headers {
  const u16 = (at: number) => view.getUint16(at, true), u32 = (at: number) => view.getUint32(at, true);
  const u64 = (at: number) => Number(view.getBigUint64(at, true));
  const arch = MACHINES[u16(18)];
  if (u32(0) !== 0x464c457f || view.getUint8(4) !== 2 || arch === undefined) {
    throw new Error("not a program of this kind of machine");
  }
  let note = 0, top = 0, interpreter: Headers["interpreter"] | undefined;
  for (let i = 0, at = u64(32); i < u16(56); i++, at += u16(54)) {
    if (u32(at) === PT_LOAD) top = Math.max(top, u64(at + 16) + u64(at + 40));
    // Segments to load stand in the order of their addresses: behind them only.
    if (u32(at) === PT_NOTE && top > 0) note = at;
    if (u32(at) === PT_INTERP) {
      // Headers are loaded with the first segment: they are as far from the path in memory as in the file.
      const path = text(view, u64(at + 8), u64(at + 32));
      interpreter = { at, address: u64(at + 16) - u64(at + 8) + at, path };
    }
  }
  if (note === 0) throw new Error("the program has no header to spare for the entry");
  if (interpreter === undefined) throw new Error("the program names no ld.so");
  return { arch, entry: u64(24), note, top, end: u64(40) + u16(58) * u16(60), interpreter };
}

/** Where a program ends for its own headers: what stands behind was put there by others. */
export function endOfProgram(program: Uint8Array): number {
  return readHeaders(new DataView(program.buffer, program.byteOffset)).end;
}

/**
 * A copy of a program that begins with the entry.
 *
 * @param table What the entry reads; the program itself is its engine.
 * @throws {Error} where the program is not of the expected form.
 */
export function injectEntry(
  program: Uint8Array,
  table: Omit<EntryTable, "engine" | "entryPoint" | "interpreter">,
): Uint8Array<ArrayBuffer> {
  const { arch, entry, note, top, end, interpreter } = readHeaders(
    new DataView(program.buffer, program.byteOffset),
  );
  const address = roundUp(top), offset = roundUp(end);
  const tableAt = address + entryCode(arch).length;
  const { path, at: hidden, address: header } = interpreter;
  const own = { entryPoint: entry - tableAt, interpreter: { path, header: header - tableAt } };
  const code = entryBytes({ ...table, ...own }, arch);
  const moved = roundUp(offset + code.length);
  const result = new Uint8Array(moved + program.length - end);
  result.set(program.subarray(0, end));
  result.set(code, offset);
  result.set(program.subarray(end), moved);
  const view = new DataView(result.buffer);
  view.setUint32(hidden, PT_HIDDEN, true);
  view.setUint32(note, PT_LOAD, true);
  view.setUint32(note + 4, READ_EXECUTE, true);
  const words = [offset, address, address, code.length, code.length, PAGE];
  words.forEach((word, i) => view.setBigUint64(note + 8 + i * 8, BigInt(word), true));
  view.setBigUint64(24, BigInt(address), true);
  return result;
}
