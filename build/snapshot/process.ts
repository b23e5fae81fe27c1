/**
 * What a stopped process is made of, as proc(5) tells it.
 * @module
 */

/** A piece of memory: proc_pid_maps(5). */
export interface Mapping {
  start: bigint;
  end: bigint;
  /** Bits of mmap(2): PROT_READ 1, PROT_WRITE 2, PROT_EXEC 4. */
  protection: number;
  shared: boolean;
  /** Where in the file it begins. */
  offset: bigint;
  /** Path of the file, or a name in brackets; empty for anonymous memory. */
  name: string;
}

/** The memory of a process. */
export function mappingsOf(pid: number): Mapping[] {
  return parseMappings(Deno.readTextFileSync(`/proc/${pid}/maps`));
}

/** The text of proc_pid_maps(5). */
export function parseMappings(text: string): Mapping[] {
  return text.trimEnd().split("\n").map((line) => {
    const [, start, end, r, w, x, sharing, offset, name] = /^(\w+)-(\w+) (.)(.)(.)(.) (\w+) \S+ \d+ *(.*)$/
      .exec(line)!;
    return {
      start: BigInt(`0x${start}`),
      end: BigInt(`0x${end}`),
      protection: (r === "r" ? 1 : 0) | (w === "w" ? 2 : 0) | (x === "x" ? 4 : 0),
      shared: sharing === "s",
      offset: BigInt(`0x${offset}`),
      name,
    };
  });
}

/** A descriptor of a process. */
export interface Descriptor {
  fd: number;
  /** What /proc/PID/fd says: a path, or such as `anon_inode:[eventpoll]` and `socket:[12345]`. */
  what: string;
  /** The lines of proc_pid_fdinfo(5). */
  info: string;
}

/** All descriptors of a process, in the order of their numbers. */
export function descriptorsOf(pid: number): Descriptor[] {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].map(({ name }) => ({
    fd: Number(name),
    what: Deno.readLinkSync(`/proc/${pid}/fd/${name}`),
    info: Deno.readTextFileSync(`/proc/${pid}/fdinfo/${name}`),
  })).toSorted((a, b) => a.fd - b.fd);
}

/** Reads the memory of a process. */
export class MemoryOf implements Disposable {
  readonly #file: Deno.FsFile;

  constructor(pid: number) {
    this.#file = Deno.openSync(`/proc/${pid}/mem`);
  }

  read(start: bigint, size: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(size);
    this.#file.seekSync(start, Deno.SeekMode.Start);
    for (let at = 0; at < size;) {
      const count = this.#file.readSync(bytes.subarray(at));
      if (count === null) throw new Error(`memory at 0x${start.toString(16)} cannot be read`);
      at += count;
    }
    return bytes;
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/** The letter of proc_pid_stat(5) for the state of a process; undefined where it is gone. */
export function stateOf(pid: number): string | undefined {
  try {
    return /\) (\S)/.exec(Deno.readTextFileSync(`/proc/${pid}/stat`))?.[1];
  } catch {
    return undefined;
  }
}

/** Whether a process is traced, by strace(1) for example: proc_pid_status(5). */
export function isTraced(pid: number): boolean {
  try {
    return !/^TracerPid:\t0$/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}
