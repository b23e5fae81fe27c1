/**
 * Copies between a pty's master and the caller's descriptors, until the process on the pty has ended.
 *
 * What may block is done by other threads of Deno's pool (a wait, or a write to standard output), so that the
 * event loop stays free for signals, also when the caller's terminal or pipe blocks. Everything else is a
 * plain read(2) or write(2) here, on a master that does not block. Writing goes on while the next buffer
 * fills. Measured with 100 MB of output into a pipe: 1.2 s and 0.7 s of processor time in tsrun (runc 1.1.5:
 * 1.0 s and 1.2 s); each write by the pool carries 9 KB on average. Deno's streams will not do: they open
 * descriptors by path, and a second open of ptmx is another terminal.
 * @module
 */

import { POLLOUT } from "../../../ffi/constants.ts";
import { readAt, writeAt } from "../../../ffi/io.ts";
import { inBackground } from "../../../ffi/background.ts";
import { EAGAIN } from "../../../ffi/errno.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import type { Buffer } from "../../../ffi/memory.ts";
import { PollSet } from "../../host/poll.ts";

/** Bytes of one buffer: the most that a pty holds. */
const SIZE = 65536;
/** Bytes that a ready pipe always accepts (`PIPE_BUF`, pipe(7)). */
const CERTAIN = 4096;

/**
 * How often a pty that no process has open is looked at again: a process may open /dev/console later, as init
 * systems do.
 */
const HUNG_UP_PAUSE = 100;

/** The ends of a copy, as descriptors. */
export interface CopyEnds {
  /** The pty's master, which must not block. */
  master: number;
  /** Typed input comes from `input`, and output of the process goes to `output`. */
  input: number;
  output: number;
  /** A pidfd of the process on the pty. */
  pidfd: number;
}

/** A descriptor that is written to completely, although it may block, or refuse to block (`O_NONBLOCK`). */
class Output {
  readonly #ready: PollSet;

  constructor(readonly k: LocalKernel, readonly fd: number) {
    this.#ready = new PollSet(k, [[fd, POLLOUT]]);
  }

  /** Writes everything. Returns false when that is no longer possible. */
  async write(buffer: Buffer, length: number): Promise<boolean> {
    for (let done = 0; done < length;) {
      const rest = buffer.address + done;
      let written = await inBackground("write", [this.fd, rest, length - done]);
      if (written < 0) {
        // Only the other thread knows the reason. Try again here, with so few bytes that it cannot block.
        await this.#ready.inBackground();
        const count = Math.min(length - done, CERTAIN);
        written = writeAt(this.k, this.fd, rest, count);
        if (written === -EAGAIN) continue;
        if (written < 0) return false;
      }
      done += written;
    }
    return true;
  }
}

/**
 * Copies from the master to the output, until the process has ended and all its output is written.
 *
 * The slave may be open for longer than the process runs, and may be opened again after all have closed it,
 * so neither shows the end. The end is reached when nothing is left to read after the process has ended.
 * read(2) of a pty first fetches what the slave's side has queued, so that nothing is missed (n_tty_read() in
 * the kernel's drivers/tty/n_tty.c).
 *
 * @returns False when the output accepts no more: a pipe without a reader, a terminal that is gone.
 */
export async function copyOutput(k: LocalKernel, { master, output, pidfd }: CopyEnds): Promise<boolean> {
  const events = new PollSet(k, [pidfd, master]), end = new PollSet(k, [pidfd]);
  const out = new Output(k, output);
  let buffer = k.buffer(SIZE), other = k.buffer(SIZE);
  let writing = Promise.resolve(true), ended = false;
  for (;;) {
    const { length, hungUp } = fill(k, master, buffer);
    if (length > 0) {
      if (!await writing) return false;
      writing = out.write(buffer, length);
      [buffer, other] = [other, buffer];
    } else if (ended) return await writing;
    else {[ended] = (hungUp ? await end.inBackground(HUNG_UP_PAUSE) : await events.inBackground()).map((
        happened,
      ) => happened !== 0
      );}
  }
}

/** Reads as many bytes as there are and fit. */
function fill(k: LocalKernel, master: number, buffer: Buffer): { length: number; hungUp: boolean } {
  let length = 0;
  while (length < SIZE) {
    const got = readAt(k, master, buffer.address + length, SIZE - length);
    if (got <= 0) return { length, hungUp: got !== -EAGAIN };
    length += got;
  }
  return { length, hungUp: false };
}

/**
 * Copies from the input to the master, until the input ends. Input that a pty without processes does not
 * accept is lost.
 *
 * As in runc, the end of the input is not passed on: a terminal has none, and ^D may mean something else by
 * then.
 */
export async function copyInput(k: LocalKernel, { master, input }: CopyEnds): Promise<void> {
  const buffer = k.buffer(SIZE);
  const readable = new PollSet(k, [input]), writable = new PollSet(k, [[master, POLLOUT]]);
  for (;;) {
    // A signal ends a wait early, and a read(2) would then block everything.
    if ((await readable.inBackground())[0] === 0) continue;
    const got = readAt(k, input, buffer.address, SIZE);
    if (got === -EAGAIN) continue;
    if (got <= 0) return;
    for (let done = 0; done < got;) {
      const written = writeAt(k, master, buffer.address + done, got - done);
      if (written === -EAGAIN) await writable.inBackground();
      else if (written < 0) break;
      else done += written;
    }
  }
}
