/**
 * Gives a position-independent program one fixed address, so that the dynamic loader has nothing to relocate.
 *
 * Deno's image holds 159,000 pointers in 2.4 MB of data. At every start the loader adds the image's address
 * to each, which copies 620 pages of it: a quarter of all page faults, and 3 to 4 of 25 ms, of an empty
 * program. Here the same sums are done once, for an address drawn at random for each copy that is made, and
 * the pages stay shared with every other running copy. Layout of the file: elf(5), System V gABI chapters 4
 * and 5.
 * @module
 */

/** Why a file was left as it is: the pristine one is used then. */
export class PrelinkError extends Error {
  override name = "PrelinkError";
}

interface Architecture {
  /** Numbers of the relocation types, from the processor's psABI. */
  relative: number;
  jumpSlot: number;
  irelative: number;
}

/** By `e_machine`. */
const ARCHITECTURES: Readonly<Record<number, Architecture>> = {
  62: { relative: 8, jumpSlot: 7, irelative: 37 },
  183: { relative: 1027, jumpSlot: 1026, irelative: 1032 },
};

const ET_EXEC = 2;
const ET_DYN = 3;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_GNU_STACK = 0x6474e551;
const SHT_DYNSYM = 11;
const SHF_ALLOC = 2n;
const STT_TLS = 6;
const SHN_ABS = 0xfff1;
const RELA_SIZE = 24;
const DT = {
  pltRelSize: 2,
  rela: 7,
  relaSize: 8,
  jmpRel: 23,
  relr: 36,
  relaCount: 0x6ffffff9,
  flags1: 0x6ffffffb,
} as const;
const DF_1_PIE = 0x08000000n;
/** Tags whose value is an address: PLTGOT HASH STRTAB SYMTAB RELA INIT FINI JMPREL *_ARRAY GNU_HASH VER*. */
const ADDRESS_TAGS: readonly number[] = [
  3,
  4,
  5,
  6,
  7,
  12,
  13,
  23,
  25,
  26,
  32,
  0x6ffffef5,
  0x6ffffff0,
  0x6ffffffc,
  0x6ffffffe,
];

/** The parts of an image that the sums are done on; addresses are those before the move. */
export class Image {
  readonly view: DataView;
  readonly architecture: Architecture;
  readonly loads: { address: bigint; offset: bigint; size: bigint }[] = [];
  /** Dynamic tag → file offset of its value. */
  readonly dynamic = new Map<number, number>();

  constructor(bytes: Uint8Array, readonly base: bigint) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const magic = bytes.length > 64 && this.view.getUint32(0) === 0x7f454c46;
    if (!magic || bytes[4] !== 2 || bytes[5] !== 1) {
      throw new PrelinkError("not a 64-bit little-endian ELF file");
    }
    const architecture = ARCHITECTURES[this.view.getUint16(18, true)];
    if (architecture === undefined) throw new PrelinkError("not for x86-64 or aarch64");
    this.architecture = architecture;
    if (this.view.getUint16(16, true) !== ET_DYN) throw new PrelinkError("not position-independent");
  }

  u64(offset: number): bigint {
    return this.view.getBigUint64(offset, true);
  }

  set(offset: number, value: bigint): void {
    this.view.setBigUint64(offset, value, true);
  }

  /** Adds the base to the address stored at a file offset. */
  move(offset: number): void {
    this.set(offset, this.u64(offset) + this.base);
  }

  /** File offset of an address. */
  at(address: bigint): number {
    const load = this.loads.find((l) => address >= l.address && address < l.address + l.size);
    if (load === undefined) throw new PrelinkError(`address 0x${address.toString(16)} is not in the file`);
    return Number(address - load.address + load.offset);
  }

  /** Value of a dynamic tag, 0 where it is not there. */
  tag(tag: number): bigint {
    const offset = this.dynamic.get(tag);
    return offset === undefined ? 0n : this.u64(offset);
  }
}

/** Reads the segments and the dynamic section. */
export function readTables(image: Image, headers: { offset: number; type: number }[]): void {
  for (const { offset, type } of headers) {
    const entry = {
      address: image.u64(offset + 16),
      offset: image.u64(offset + 8),
      size: image.u64(offset + 32),
    };
    if (type === PT_LOAD) image.loads.push(entry);
    if (type !== PT_DYNAMIC) continue;
    for (let at = Number(entry.offset); at < Number(entry.offset + entry.size); at += 16) {
      const tag = Number(image.u64(at));
      if (tag === 0) break;
      image.dynamic.set(tag, at + 8);
    }
  }
  if (image.tag(DT.rela) === 0n) throw new PrelinkError("no relocations");
  if (image.dynamic.has(DT.relr)) throw new PrelinkError("packed relocations");
}

/** Offset and type of every program header. */
export function programHeaders(image: Image): { offset: number; type: number }[] {
  const start = Number(image.u64(32));
  const size = image.view.getUint16(54, true);
  return Array.from({ length: image.view.getUint16(56, true) }, (_, i) => {
    const offset = start + i * size;
    return { offset, type: image.view.getUint32(offset, true) };
  });
}

/** Does the sums of the relative relocations and drops them; the rest is moved and kept, in order. */
function applyRelocations(image: Image): void {
  const { relative, irelative } = image.architecture;
  const start = image.at(image.tag(DT.rela));
  const end = start + Number(image.tag(DT.relaSize));
  let kept = start;
  for (let at = start; at < end; at += RELA_SIZE) {
    const target = image.u64(at);
    const info = image.u64(at + 8);
    const addend = image.u64(at + 16);
    const type = Number(info & 0xffffffffn);
    if (type === relative) {
      image.set(image.at(target), addend + image.base);
      continue;
    }
    image.set(kept, target + image.base);
    image.set(kept + 8, info);
    image.set(kept + 16, type === irelative ? addend + image.base : addend);
    kept += RELA_SIZE;
  }
  image.set(image.dynamic.get(DT.relaSize)!, BigInt(kept - start));
  const count = image.dynamic.get(DT.relaCount);
  if (count !== undefined) image.set(count, 0n);
}

/** Moves the relocations of the procedure linkage table, and what its slots hold until they are bound. */
function movePlt(image: Image): void {
  const address = image.tag(DT.jmpRel);
  if (address === 0n) return;
  const start = image.at(address);
  for (let at = start; at < start + Number(image.tag(DT.pltRelSize)); at += RELA_SIZE) {
    const type = Number(image.u64(at + 8) & 0xffffffffn);
    const slot = image.at(image.u64(at));
    if (type === image.architecture.jumpSlot && image.u64(slot) !== 0n) image.move(slot);
    if (type === image.architecture.irelative) image.move(at + 16);
    image.move(at);
  }
}

/** Moves the addresses of sections and of the symbols that are defined here. */
function moveSectionsAndSymbols(image: Image): void {
  const start = Number(image.u64(40));
  const size = image.view.getUint16(58, true);
  let symbols = 0;
  for (let i = 0; i < image.view.getUint16(60, true); i++) {
    const header = start + i * size;
    if (image.u64(header + 8) & SHF_ALLOC) image.move(header + 16);
    if (image.view.getUint32(header + 4, true) !== SHT_DYNSYM) continue;
    symbols++;
    const first = Number(image.u64(header + 24));
    for (let at = first; at < first + Number(image.u64(header + 32)); at += 24) {
      const section = image.view.getUint16(at + 6, true);
      const type = image.view.getUint8(at + 4) & 15;
      if (section !== 0 && section !== SHN_ABS && type !== STT_TLS) image.move(at + 8);
    }
  }
  if (symbols !== 1) throw new PrelinkError("no table of dynamic symbols");
}

/**
 * Rewrites the image of a position-independent program for one address, in place.
 *
 * @param base Where it will be mapped; a multiple of 64 KiB, below the stack of every address-space size.
 * @throws {PrelinkError} where the file is not of the expected form. It may be half rewritten then.
 */
export function prelink(bytes: Uint8Array, base: number): void {
  const image = new Image(bytes, BigInt(base));
  const headers = programHeaders(image);
  readTables(image, headers);
  applyRelocations(image);
  movePlt(image);
  moveSectionsAndSymbols(image);
  for (const tag of ADDRESS_TAGS) {
    const offset = image.dynamic.get(tag);
    if (offset !== undefined) image.move(offset);
  }
  const flags = image.dynamic.get(DT.flags1);
  if (flags !== undefined) image.set(flags, image.u64(flags) & ~DF_1_PIE);
  for (const { offset, type } of headers) {
    if (type === PT_GNU_STACK) continue;
    image.move(offset + 16);
    image.move(offset + 24);
  }
  image.move(24);
  image.view.setUint16(16, ET_EXEC, true);
}

/**
 * An address for {@linkcode prelink}: 20 random bits between 64 and 128 GiB, inside even the 39-bit address
 * space of small aarch64 kernels.
 */
export function randomBase(): number {
  const [random] = crypto.getRandomValues(new Uint32Array(1));
  return 2 ** 36 + (random % 2 ** 20) * 2 ** 16;
}
