/**
 * Documents of the caller: a config.json, a process, limits. A document is read from a regular file or a pipe
 * and has a limit of bytes, so that reading ends for every path.
 * @module
 */
import {
  O_CLOEXEC,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  S_IFDIR,
  S_IFIFO,
  S_IFMT,
  S_IFREG,
} from "../../ffi/constants.ts";
import { EAGAIN } from "../../ffi/errno.ts";
import { reasonOf, RuntimeError } from "../../ffi/errors.ts";
import { OperationError } from "../../ffi/kernel.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import { fstat } from "../../ffi/stat.ts";

/** Longest document in bytes. */
export const DOCUMENT_MAX = 16 << 20;

/** Bytes that one read takes. */
const PIECE = 1 << 16;

/** Runs a read that may wait for another process without limit. */
export type Waiting = (read: () => string) => string | Promise<string>;

/**
 * Reads a document.
 *
 * @param wait Runs the read of a pipe. Without it a signal can only end the read by ending tsrun.
 * @throws {OperationError} If it cannot be opened.
 * @throws {RuntimeError} If it is too long, or neither a regular file nor a pipe.
 */
export async function readInput(
  k: LocalKernel,
  path: string,
  wait: Waiting = (read) => read(),
): Promise<string> {
  // The path is only looked at here: opening a device may have effects, and opening a pipe waits.
  const file = k.open(path, O_PATH | O_CLOEXEC).wait();
  try {
    const { mode, size } = fstat(k, file)!, type = mode & S_IFMT, opened = `/proc/self/fd/${file}`;
    if (type === S_IFREG && size > DOCUMENT_MAX) throw tooLong();
    // Files of the kernel have a size of zero.
    if (type === S_IFREG && size > 0) return Deno.readTextFileSync(opened);
    if (type !== S_IFREG && type !== S_IFIFO) {
      throw new RuntimeError(
        "EINVAL_DOCUMENT",
        type === S_IFDIR ? "is a directory" : "neither a regular file nor a pipe",
      );
    }
    return await wait(() => {
      const stream = k.open(opened, O_RDONLY | O_CLOEXEC | O_NONBLOCK).wait();
      try {
        return readStream(k, stream);
      } finally {
        k.close(stream);
      }
    });
  } finally {
    k.close(file);
  }
}

/**
 * Reads a document to the end of a stream. An interruption of the kernel (`LocalKernel.interruption`) ends
 * the read.
 *
 * @throws {RuntimeError} If it is too long.
 */
export function readStream(k: LocalKernel, fd: number): string {
  const pieces: Uint8Array[] = [];
  let size = 0;
  k.scratch(() => {
    const buffer = k.buffer(PIECE);
    for (;;) {
      k.waitReadable(fd);
      const got = k.call("read", [fd, buffer, PIECE], { allow: [EAGAIN], doing: "read a document" }).wait();
      if (got === 0) return;
      if (got < 0) continue;
      size += got;
      if (size > DOCUMENT_MAX) throw tooLong();
      pieces.push(buffer.bytes.slice(0, got));
    }
  });
  const decoder = new TextDecoder();
  return pieces.map((piece) => decoder.decode(piece, { stream: true })).join("") + decoder.decode();
}

/** Why a document could not be read, without the name of the call. */
export function inputFailure(error: unknown): string {
  return error instanceof OperationError ? error.reason : reasonOf(error);
}

function tooLong(): RuntimeError {
  return new RuntimeError("EFBIG_DOCUMENT", `longer than ${DOCUMENT_MAX >> 20} MiB`);
}
