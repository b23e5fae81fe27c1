/**
 * Archives that are the same bytes for the same content: tar (POSIX ustar), its gzip form, and ar as .deb
 * files have it. Everything belongs to root and has one time.
 * @module
 */
import { gzipSync } from "node:zlib";
import { directoriesOf, type Entry } from "./tree.ts";

const BLOCK = 512;
/** A file of this size is compressed by itself, once however many archives it is in. */
const LARGE = 8 << 20;

const encoder = new TextEncoder();

/** One header of ustar. @param size Of the content behind it. */
function tarHeader(
  path: string,
  { mode, size, time, link }: { mode: number; size: number; time: number; link?: string },
): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(BLOCK);
  const put = (at: number, length: number, text: string) => {
    const bytes = encoder.encode(text);
    if (bytes.length > length) throw new Error(`too long for an archive: ${text}`);
    block.set(bytes, at);
  };
  const octal = (at: number, length: number, value: number) =>
    put(at, length, value.toString(8).padStart(length - 1, "0"));
  // A path of more than 100 bytes is cut at a slash.
  const cut = encoder.encode(path).length <= 100 ? -1 : path.slice(0, 156).lastIndexOf("/");
  put(0, 100, path.slice(cut + 1));
  octal(100, 8, mode);
  octal(108, 8, 0);
  octal(116, 8, 0);
  octal(124, 12, size);
  octal(136, 12, time);
  put(148, 8, " ".repeat(8));
  put(156, 1, link !== undefined ? "2" : path.endsWith("/") ? "5" : "0");
  put(157, 100, link ?? "");
  put(257, 8, "ustar\x0000");
  put(265, 32, "root");
  put(297, 32, "root");
  put(345, 155, cut < 0 ? "" : path.slice(0, cut));
  octal(148, 7, block.reduce((sum, byte) => sum + byte, 0));
  block[155] = 0x20;
  return block;
}

/** The pieces of a tar archive, in order; large files are pieces of their own. */
export function tarPieces(entries: readonly Entry[], time: number): Uint8Array<ArrayBuffer>[] {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for (const directory of directoriesOf(entries)) {
    pieces.push(tarHeader(`${directory}/`, { mode: 0o755, size: 0, time }));
  }
  for (const entry of [...entries].sort((a, b) => a.path < b.path ? -1 : 1)) {
    if ("link" in entry) {
      pieces.push(tarHeader(entry.path, { mode: 0o777, size: 0, time, link: entry.link }));
      continue;
    }
    const { path, content, mode } = entry;
    pieces.push(tarHeader(path, { mode, size: content.length, time }), content);
    pieces.push(new Uint8Array((BLOCK - content.length % BLOCK) % BLOCK));
  }
  pieces.push(new Uint8Array(2 * BLOCK));
  return pieces;
}

/** All pieces in one. */
export function joined(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** Compresses a large file. The header that the engine writes has neither a time nor a name: RFC 1952. */
async function gzipStream(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Compresses as well as can be, also without a time. */
export function gzip(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(gzipSync(bytes, { level: 9 }));
}

/** Makes compressed tar archives. Large files that they share are compressed once. */
export class Packer {
  readonly #compressed = new Map<Uint8Array, Promise<Uint8Array<ArrayBuffer>>>();

  /** @param time Of every file, in seconds of the epoch. */
  constructor(readonly time: number) {}

  /** A .tar.gz: members of gzip one behind the other are one file, by RFC 1952. */
  async tarGz(entries: readonly Entry[]): Promise<Uint8Array<ArrayBuffer>> {
    const members: Uint8Array[] = [];
    let small: Uint8Array[] = [];
    const flush = () => {
      if (small.length > 0) members.push(gzip(joined(small)));
      small = [];
    };
    for (const piece of tarPieces(entries, this.time)) {
      if (piece.length < LARGE) {
        small.push(piece);
        continue;
      }
      flush();
      const compressed = this.#compressed.get(piece) ?? gzipStream(piece);
      this.#compressed.set(piece, compressed);
      members.push(await compressed);
    }
    flush();
    return joined(members);
  }
}

/** An ar archive: deb(5), ar(5). */
export function arArchive(
  members: readonly (readonly [name: string, content: Uint8Array])[],
  time: number,
): Uint8Array<ArrayBuffer> {
  const pieces: Uint8Array[] = [encoder.encode("!<arch>\n")];
  for (const [name, content] of members) {
    const head = name.padEnd(16) + `${time}`.padEnd(12) + "0".padEnd(6) + "0".padEnd(6) + "100644".padEnd(8) +
      `${content.length}`.padEnd(10) + "`\n";
    pieces.push(encoder.encode(head), content);
    if (content.length % 2 === 1) pieces.push(encoder.encode("\n"));
  }
  return joined(pieces);
}
