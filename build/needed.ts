/**
 * Takes libraries that are empty from the list of those that a program needs: glibc 2.34 has moved all of
 * libdl, libpthread and librt into libc, and left files that hold nothing, which ld.so would open and map at
 * every start.
 *
 * A program that was treated so runs with no older glibc: it is for the machine that it was tried on. Layout
 * of the tables: System V gABI chapter 5 (dynamic section), LSB core chapter 10.7 (needed versions).
 * @module
 */
import { Image, programHeaders, readTables } from "./prelink.ts";

const EMPTY: readonly string[] = ["libdl.so.2", "libpthread.so.0", "librt.so.1"];
const HEIR = "libc.so.6";
const DT = { needed: 1, strings: 5, versions: 0x6ffffffe, versionCount: 0x6fffffff } as const;
const PT_DYNAMIC = 2;
const ENTRY_SIZE = 16;

/** Reads strings of the dynamic section by where they are in its table. */
function stringsOf(image: Image, bytes: Uint8Array): (at: number) => string {
  const table = image.at(image.tag(DT.strings));
  return (at) => new TextDecoder().decode(bytes.subarray(table + at, bytes.indexOf(0, table + at)));
}

/** Where the dynamic section is, in the file. */
interface Section {
  offset: number;
  size: number;
}

/** The strings of all libraries that are needed, by where they are in the table. */
function neededLibraries(
  image: Image,
  { offset, size }: Section,
  name: (at: number) => string,
): Map<string, number> {
  const needed = new Map<string, number>();
  for (let at = offset; at < offset + size; at += ENTRY_SIZE) {
    const value = Number(image.u64(at + 8));
    if (image.u64(at) === BigInt(DT.needed)) needed.set(name(value), value);
  }
  return needed;
}

/** Removes entries of the dynamic section, which ends with one of type 0. */
function dropEntries(image: Image, { offset, size }: Section, dropped: readonly number[]): void {
  let to = offset;
  for (let at = offset; at < offset + size; at += ENTRY_SIZE) {
    const tag = image.u64(at), value = image.u64(at + 8);
    if (tag === BigInt(DT.needed) && dropped.includes(Number(value))) continue;
    image.set(to, tag);
    image.set(to + 8, value);
    to += ENTRY_SIZE;
  }
  for (; to < offset + size; to += 8) image.set(to, 0n);
}

/** Has the versions of symbols that were looked for in an empty library looked for in the other. */
function moveVersions(image: Image, heir: number, name: (at: number) => string): void {
  const count = Number(image.tag(DT.versionCount));
  for (let i = 0, at = count > 0 ? image.at(image.tag(DT.versions)) : 0; i < count; i++) {
    if (EMPTY.includes(name(image.view.getUint32(at + 4, true)))) image.view.setUint32(at + 4, heir, true);
    at += image.view.getUint32(at + 12, true);
  }
}

/**
 * Rewrites the image of a position-independent program, in place; before it is prelinked.
 *
 * @throws {PrelinkError} where the file is not of the expected form.
 */
export function dropEmptyLibraries(bytes: Uint8Array): void {
  const image = new Image(bytes, 0n);
  const headers = programHeaders(image);
  readTables(image, headers);
  const name = stringsOf(image, bytes);
  const header = headers.find(({ type }) => type === PT_DYNAMIC)!.offset;
  const section = { offset: Number(image.u64(header + 8)), size: Number(image.u64(header + 32)) };
  const needed = neededLibraries(image, section, name), heir = needed.get(HEIR);
  if (heir === undefined) return;
  // The versions first: to remove entries moves the others.
  moveVersions(image, heir, name);
  dropEntries(image, section, EMPTY.flatMap((library) => needed.get(library) ?? []));
}
