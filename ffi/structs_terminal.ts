/**
 * Terminals as ioctl(2) sees them: requests, `struct termios`, `struct winsize`.
 *
 * Sources: ioctl_tty(2), termios(3), include/uapi/asm-generic/{ioctls,termbits}.h; x86-64 and aarch64 agree.
 * @module
 */

/** Get and set the modes, see TCGETS(2const). */
export const TCGETS = 0x5401, TCSETS = 0x5402;
/** Get and set the window size; make a terminal the session's; see ioctl_tty(2). */
export const TIOCGWINSZ = 0x5413, TIOCSWINSZ = 0x5414, TIOCSCTTY = 0x540e;
/** Of a pty's master: unlock the slave, open the slave; see ioctl_tty(2). */
export const TIOCSPTLCK = 0x40045431, TIOCGPTPEER = 0x5441;

/** Bytes of the kernel's `struct termios` and `struct winsize`. */
export const TERMIOS_SIZE = 36, WINSIZE_SIZE = 8;

// Offsets in struct termios: four 32-bit words of flags, a byte, 19 control characters.
const IFLAG = 0, OFLAG = 4, CFLAG = 8, LFLAG = 12, VTIME = 17 + 5, VMIN = 17 + 6;
const IGNBRK = 1, BRKINT = 2, PARMRK = 0o10, ISTRIP = 0o40, INLCR = 0o100, IGNCR = 0o200, ICRNL = 0o400;
const IXON = 0o2000;
const ONLCR = 4;
const CSIZE = 0o60, CS8 = 0o60, PARENB = 0o400;
const ISIG = 1, ICANON = 2, ECHO = 0o10, ECHONL = 0o100, IEXTEN = 0o100000;

function view(modes: Uint8Array): DataView {
  return new DataView(modes.buffer, modes.byteOffset, modes.byteLength);
}

function clear(modes: DataView, offset: number, flags: number): void {
  modes.setUint32(offset, modes.getUint32(offset, true) & ~flags, true);
}

/**
 * Modes of a terminal that passes every key to the program unchanged: cfmakeraw(3), except for output.
 *
 * Output is still processed: lines of a program behind a pty that {@linkcode withoutNewlineMapping leaves
 * newlines alone} would not begin at the left otherwise.
 *
 * @param modes `struct termios`; it is not changed.
 */
export function rawModes(modes: Uint8Array): Uint8Array {
  const raw = modes.slice(), words = view(raw);
  clear(words, IFLAG, IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
  clear(words, LFLAG, ISIG | ICANON | ECHO | ECHONL | IEXTEN);
  clear(words, CFLAG, CSIZE | PARENB);
  words.setUint32(CFLAG, words.getUint32(CFLAG, true) | CS8, true);
  raw[VMIN] = 1;
  raw[VTIME] = 0;
  return raw;
}

/** Modes that do not turn a newline into carriage return and newline. */
export function withoutNewlineMapping(modes: Uint8Array): Uint8Array {
  const plain = modes.slice();
  clear(view(plain), OFLAG, ONLCR);
  return plain;
}

/** `struct winsize`, the pixels left out. */
export function windowSize(rows: number, columns: number): Uint8Array {
  return new Uint8Array(new Uint16Array([rows, columns, 0, 0]).buffer);
}
