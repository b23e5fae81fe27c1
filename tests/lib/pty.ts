/**
 * A terminal for tests: a pseudo-terminal whose other side is the terminal of a program, driven like a person
 * would.
 */
import { EAGAIN } from "../../ffi/errno.ts";
import { local } from "../../ffi/local.ts";
import { PATIENCE, sleep } from "./process.ts";

// open(2), ioctl_tty(2); the values are the same on x86-64 and aarch64.
const O_RDWR = 0o2, O_NOCTTY = 0o400, O_NONBLOCK = 0o4000, O_CLOEXEC = 0o2000000;
const AT_FDCWD = -100;
const TCGETS = 0x5401, TIOCSWINSZ = 0x5414, TIOCGPTN = 0x80045430, TIOCSPTLCK = 0x40045431;
/** errno(3): input/output error. */
const EIO = 5;
/** Size of the kernel's struct termios. */
const TERMIOS = 36;
/** How often the terminal is read, in milliseconds. */
const PAUSE = 5;
/** A read(2) of a terminal gives no more than its buffer of 4 KB. */
const CHUNK = 4096;
/** Reads between two pauses. */
const ROUNDS = 256;

/** Options of {@linkcode Terminal.start}. */
export interface TerminalOptions {
  env?: Record<string, string>;
  cwd?: string;
  /** Columns and rows; 80 and 24 when absent. */
  size?: [number, number];
}

/** A program on a terminal of its own. The test that makes one closes it. */
export class Terminal {
  /** Everything that the program has written, with the terminal's line ends (`\r\n`). */
  output = "";
  /** Path of the program's side. */
  readonly path: string;
  private readonly master: number;
  private child?: Deno.ChildProcess;
  private reader: Promise<void> = Promise.resolve();
  private seen = 0;
  /** No more output will come. */
  private over = false;
  private closed = false;
  private readonly decoder = new TextDecoder();

  private constructor() {
    const flags = O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
    this.master = local().call("openat", [AT_FDCWD, "/dev/ptmx", flags, 0]).wait();
    this.ioctl(TIOCSPTLCK, new Uint8Array(4));
    const number = this.ioctl(TIOCGPTN, new Uint8Array(4));
    this.path = `/dev/pts/${new DataView(number.buffer).getUint32(0, true)}`;
  }

  /**
   * Starts a program in a session of its own whose controlling terminal is a new one.
   *
   * @param argv Program (absolute path) and arguments.
   */
  static start(argv: string[], options: TerminalOptions = {}): Terminal {
    const terminal = new Terminal();
    terminal.resize(...options.size ?? [80, 24]);
    // One open file for reading and writing, as a login gives it: some programs read from standard error.
    const script = 't=$1; shift; exec setsid --ctty "$@" <>"$t" >&0 2>&0';
    terminal.child = new Deno.Command("/bin/sh", {
      args: ["-c", script, "sh", terminal.path, ...argv],
      clearEnv: true,
      env: { PATH: "/usr/bin:/bin", TERM: "xterm", ...options.env },
      cwd: options.cwd,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    terminal.reader = terminal.readOn();
    return terminal;
  }

  /** Process id of the program. */
  get pid(): number {
    return this.child!.pid;
  }

  /** Types text. `\x03` is Ctrl-C, `\r` the return key. */
  async type(text: string): Promise<void> {
    for (let rest = new TextEncoder().encode(text); rest.length > 0;) {
      const written = local().scratch(() =>
        local().call("write", [this.master, rest.slice(0, 4096), Math.min(rest.length, 4096)], {
          allow: [EAGAIN],
        })
      ).wait();
      if (written > 0) rest = rest.slice(written);
      else await sleep(PAUSE);
    }
  }

  /**
   * Waits until the output that was not yet matched matches; what stands up to the end of the match is then
   * seen.
   *
   * @param pattern Of the output, with `\r\n` at the ends of lines.
   * @param limit Milliseconds, times {@linkcode PATIENCE}.
   * @throws Error that shows the output, when the time is over or the program has ended.
   */
  async expect(pattern: RegExp, limit = 10_000): Promise<RegExpExecArray> {
    const end = performance.now() + limit * PATIENCE;
    while (true) {
      const ended = this.over;
      const match = pattern.exec(this.output.slice(this.seen));
      if (match) {
        this.seen += match.index + match[0].length;
        return match;
      }
      if (ended || performance.now() > end) {
        const why = ended ? "the terminal was left" : `waited ${limit * PATIENCE} ms`;
        throw new Error(`${why} without ${pattern}; the output: ${JSON.stringify(this.output.slice(-2000))}`);
      }
      await sleep(PAUSE);
    }
  }

  /** Types a line and waits for a pattern in what comes after it; see {@linkcode Terminal.expect}. */
  async line(text: string, pattern: RegExp, limit?: number): Promise<RegExpExecArray> {
    await this.type(`${text}\r`);
    return await this.expect(pattern, limit);
  }

  /** Gives the terminal another size, of which the kernel tells its foreground processes by SIGWINCH. */
  resize(columns: number, rows: number): void {
    this.ioctl(TIOCSWINSZ, new Uint8Array(new Uint16Array([rows, columns, 0, 0]).buffer));
  }

  /** The terminal's modes (struct termios) as text: equal before and after a program that restores them. */
  modes(): string {
    return this.ioctl(TCGETS, new Uint8Array(TERMIOS)).toString();
  }

  /**
   * Waits for the program's end and for the last of its output.
   *
   * @param limit Milliseconds, times {@linkcode PATIENCE}.
   * @returns Exit status, 128 + n for signal n.
   */
  async wait(limit = 10_000): Promise<number> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () =>
          reject(
            new Error(
              `still running after ${limit * PATIENCE} ms; the output: ${JSON.stringify(this.output)}`,
            ),
          ),
        limit * PATIENCE,
      );
    });
    try {
      const { code } = await Promise.race([this.child!.status, late]);
      while (this.read());
      return code;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the program if it is there still, and gives the terminal back; a second call does nothing. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    try {
      this.child!.kill("SIGKILL");
    } catch { /* it has ended */ }
    await this.child!.status;
    this.over = true;
    await this.reader;
    local().call("close", [this.master]);
  }

  private async readOn(): Promise<void> {
    let ended = false;
    this.child!.status.then(() => ended = true);
    while (!this.over) {
      const last = ended;
      const more = this.read();
      if (last && !more) break;
      await sleep(PAUSE);
    }
    this.over = true;
  }

  /**
   * Reads the output that is there. EIO means that no process has the other side open (any more).
   *
   * @returns Whether there may be more: a program without end must not keep the test from its other work.
   */
  private read(): boolean {
    for (let rounds = 0; rounds < ROUNDS; rounds++) {
      const more = local().scratch(() => {
        const buffer = local().memory.alloc(CHUNK);
        const got = local().call("read", [this.master, buffer, CHUNK], { allow: [EAGAIN, EIO] }).wait();
        if (got > 0) this.output += this.decoder.decode(buffer.bytes.slice(0, got), { stream: true });
        return got > 0;
      });
      if (!more) return false;
    }
    return true;
  }

  private ioctl(request: number, data: Uint8Array): Uint8Array {
    return local().scratch(() => {
      const buffer = local().memory.alloc(data.length);
      buffer.bytes.set(data);
      local().call("ioctl", [this.master, request, buffer]);
      return buffer.bytes.slice();
    });
  }
}
