/**
 * The segments of an ELF program: elf(5).
 * @module
 */

const PT_LOAD = 1;

/** A segment that is loaded. */
export interface Segment {
  /** Where it is in memory, and in the file. */
  address: bigint;
  offset: bigint;
  /** Its bytes in the file, and in memory. */
  size: bigint;
  memory: bigint;
}

/** The loaded segments of a 64-bit little-endian program. */
export function segmentsOf(view: DataView): Segment[] {
  const headers = Number(view.getBigUint64(32, true)), size = view.getUint16(54, true);
  return Array.from({ length: view.getUint16(56, true) }, (_, i) => headers + i * size)
    .filter((at) => view.getUint32(at, true) === PT_LOAD)
    .map((at) => ({
      address: view.getBigUint64(at + 16, true),
      offset: view.getBigUint64(at + 8, true),
      size: view.getBigUint64(at + 32, true),
      memory: view.getBigUint64(at + 40, true),
    }));
}
