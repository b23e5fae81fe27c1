import { assert, assertEquals, assertThrows } from "@std/assert";
import { local } from "../ffi/local.ts";
import { libc } from "../ffi/libc.ts";
import { type SyscallName, syscallNumber } from "../ffi/syscalls.ts";
import { skip } from "../tests/lib/skip.ts";
import { Arena, ExecutorGone, type Line } from "./executor.ts";
import { ARENA, ARENA_SIZE, endingHandler, executorCode, executorImage, HEADERS } from "./image.ts";

type Arch = "x86_64" | "aarch64";
const ARCHES: readonly Arch[] = ["x86_64", "aarch64"];
const GNU = { x86_64: "x86_64-linux-gnu", aarch64: "aarch64-linux-gnu" } as const;

function find(...paths: string[]): string | undefined {
  return paths.find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

function source(arch: Arch): string {
  return new URL(`executor_${arch}.s`, import.meta.url).pathname;
}

/** Runs a program. @returns What it prints. */
function run(program: string, ...args: string[]): string {
  const { success, stdout, stderr } = new Deno.Command(program, { args, stdin: "null" }).outputSync();
  if (!success) throw new Error(`${program}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

/** Programs of GNU binutils for an architecture; the native ones may have no prefix. */
function binutils(arch: Arch): { as: string; objcopy: string; nm: string } | undefined {
  const names = (tool: string) => [
    `/usr/bin/${GNU[arch]}-${tool}`,
    ...(arch === Deno.build.arch ? [`/usr/bin/${tool}`] : []),
  ];
  const as = find(...names("as")), objcopy = find(...names("objcopy")), nm = find(...names("nm"));
  return as && objcopy && nm ? { as, objcopy, nm } : undefined;
}

for (const arch of ARCHES) {
  const name = `image: the bytes for ${arch} are what its source assembles to`;
  const tools = binutils(arch);
  if (!tools) skip(name, `no binutils for ${arch} (binutils, binutils-${GNU[arch]})`);
  else {
    Deno.test(name, () => {
      const directory = Deno.makeTempDirSync();
      try {
        run(tools.as, "-o", `${directory}/o`, source(arch));
        Deno.writeTextFileSync(`${directory}/symbols`, run(tools.nm, `${directory}/o`));
        run(tools.objcopy, "-O", "binary", "-j", ".text", `${directory}/o`, `${directory}/bin`);
        assertEquals(executorCode(arch), Deno.readFileSync(`${directory}/bin`));
        const table = Deno.readTextFileSync(`${directory}/symbols`);
        const ended = parseInt(/^(\w+) T ended$/m.exec(table)![1], 16);
        assertEquals(endingHandler(arch), 0x400000 + HEADERS + ended);
      } finally {
        Deno.removeSync(directory, { recursive: true });
      }
    });
  }

  Deno.test(`image: the source for ${arch} stays under 150 lines, and knows where the arena lies`, () => {
    const text = Deno.readTextFileSync(source(arch));
    assert(text.split("\n").length < 150);
    const constant = (name: string) => Number(new RegExp(`\\.set\\s+${name}, (\\w+)`).exec(text)?.[1]);
    assertEquals([constant("ARENA"), constant("ARENA_SIZE")], [ARENA, ARENA_SIZE]);
  });

  Deno.test(`image: the file for ${arch} is a static program of one page, nothing of it writable`, () => {
    const image = executorImage(7, 9, arch);
    const view = new DataView(image.buffer);
    const u16 = (at: number) => view.getUint16(at, true), u32 = (at: number) => view.getUint32(at, true);
    const u64 = (at: number) => Number(view.getBigUint64(at, true));
    // e_ident: magic, 64 bits, little-endian, version 1, ABI 0.
    assertEquals([...image.slice(0, 16)], [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assertEquals([u16(16), u16(18), u32(20)], [2, arch === "x86_64" ? 62 : 183, 1]);
    assertEquals([u64(24), u64(32), u64(40)], [0x400000 + 176, 64, 0]);
    // Sizes of the headers, and how many of each there are: two of the program, no sections.
    assertEquals([u16(52), u16(54), u16(56), u16(60)], [64, 56, 2, 0]);
    const segment = (at: number) => ({
      type: u32(at),
      flags: u32(at + 4),
      offset: u64(at + 8),
      address: u64(at + 16),
      inFile: u64(at + 32),
      inMemory: u64(at + 40),
    });
    const size = image.length;
    assert(size < 4096);
    assertEquals(segment(64), {
      type: 1,
      flags: 5,
      offset: 0,
      address: 0x400000,
      inFile: size,
      inMemory: size,
    });
    assertEquals([segment(120).type, segment(120).flags], [0x6474e551, 6]);
    assertEquals([u32(size - 8), u32(size - 4)], [7, 9]);
    assertEquals(image.slice(176, size - 8), executorCode(arch).slice(0, -8));
  });
}

/** What runs an image: nothing but the kernel, or an emulator; undefined where neither can. */
function runnerOf(arch: Arch): string[] | undefined {
  if (arch === Deno.build.arch) return [];
  const emulator = find(`/usr/bin/qemu-${arch}-static`, `/usr/bin/qemu-${arch}`);
  return emulator ? [emulator] : undefined;
}

/** Further fields of a record; places are numbers of records. */
interface Fields {
  mask?: number;
  onError?: number;
  onPositive?: number;
}

/** An image that runs, driven record by record without what is above it. */
class Machine {
  readonly #arena = new Arena(local(), 0);
  readonly #line: Line;
  readonly #file: string;
  readonly #child: number;
  #count = 0;

  constructor(readonly arch: Arch, runner: readonly string[]) {
    this.#line = this.#arena.line();
    this.#file = Deno.makeTempFileSync();
    Deno.writeFileSync(this.#file, executorImage(this.#line.theirs, this.#arena.fd, arch));
    Deno.chmodSync(this.#file, 0o700);
    this.#child = spawn([...runner, this.#file]);
    local().close(this.#line.theirs);
    this.#arena.memory.reserve(0x10000);
  }

  /** The number of the channel in the image's process. */
  get channelFd(): number {
    return this.#line.theirs;
  }

  /** Address of a record. */
  at(number: number): number {
    return ARENA + number * 80;
  }

  /** Address of a record's result. */
  resultAt(number: number): number {
    return this.at(number) + 56;
  }

  result(number: number): number {
    return this.#arena.memory.getI64(this.resultAt(number));
  }

  /** An address of new words with these values. */
  words(...values: number[]): number {
    return this.#arena.memory.words(values);
  }

  set(address: number, value: number): void {
    this.#arena.memory.setU64(address, value);
  }

  word(address: number): number {
    return this.#arena.memory.getI64(address);
  }

  /** Writes the next record. */
  add(name: SyscallName | "stop" | "branch", args: readonly number[], fields: Fields = {}): number {
    const { memory } = this.#arena, record = this.at(this.#count);
    const number = name === "stop" ? -1 : name === "branch" ? -2 : syscallNumber(name, this.arch);
    memory.view.setInt32(record - ARENA, number, true);
    memory.view.setUint32(record - ARENA + 4, fields.mask ?? 0, true);
    for (let i = 0; i < 6; i++) memory.setU64(record + 8 + i * 8, args[i] ?? 0);
    memory.setU64(record + 56, -4242);
    for (const [offset, place] of [[64, fields.onError], [72, fields.onPositive]] as const) {
      memory.setU64(record + offset, place === undefined ? 0 : this.at(place));
    }
    return this.#count++;
  }

  /**
   * Starts at a record; tells at which one it stopped, undefined when it does not answer for five seconds.
   */
  run(first = 0): number | undefined {
    const channel = this.#arena.channel(this.#line.ours, this.#line.theirs);
    channel.send(this.at(first));
    return channel.ready(5000) ? (channel.receive() - ARENA) / 80 : undefined;
  }

  /** Closes the channel; the exit status of the image's process, or minus the signal that ended it. */
  end(): number {
    this.#arena.hangUp(this.#line.ours);
    return this.wait();
  }

  /** Waits for up to five seconds, then kills. */
  wait(): number {
    const k = local(), status = k.buffer(8);
    for (let tries = 0; tries < 500; tries++) {
      if (k.call("wait4", [this.#child, status, 1, null]).wait() !== 0) break;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
      if (tries === 499) k.kill(this.#child, 9);
    }
    Deno.removeSync(this.#file);
    this.#arena[Symbol.dispose]();
    const signal = status.u32(0) & 0x7f;
    return signal ? -signal : (status.u32(0) >> 8) & 0xff;
  }
}

function spawn(argv: readonly string[]): number {
  const k = local();
  return k.scratch(() => {
    const pid = k.buffer(8), { memory } = k;
    const [path, args, env] = [memory.string(argv[0]), memory.strings(argv), memory.strings([])];
    assertEquals(libc().posix_spawn(pid.address, path, 0, 0, args, env), 0);
    return pid.i32(0);
  });
}

/**
 * What an image must do. Each test has a process of its own, which ends with exit status 1 when the channel
 * closes.
 */
const BEHAVIOUR: Readonly<Record<string, (m: Machine) => void>> = {
  "makes a call, stores its result, and reports where it stopped": (m) => {
    m.add("getpid", []);
    m.add("stop", []);
    assertEquals(m.run(), 1);
    assert(m.result(0) > 1);
    // A stop is no call: its result is untouched.
    assertEquals(m.result(1), -4242);
  },
  "goes on behind a stop when told to": (m) => {
    m.add("getpid", []);
    m.add("stop", []);
    m.add("getppid", []);
    m.add("stop", []);
    assertEquals([m.run(), m.run(2)], [1, 3]);
    assertEquals(m.result(2), Deno.pid);
  },
  "passes every one of six arguments as it is": (m) => {
    // mmap(2) takes six: the arena's own page mapped again at an address below it.
    m.add("memfd_create", [m.words(0), 0]);
    m.add("ftruncate", [m.resultAt(0), 8192], { mask: 1 });
    m.add("mmap", [0x8000000, 4096, 3, 0x11, m.resultAt(0), 4096], { mask: 1 << 4 });
    m.add("stop", []);
    assertEquals([m.run(), m.result(2)], [3, 0x8000000]);
  },
  "loads any argument from memory": (m) => {
    const values = [0x8000000, 4096, 3, 0x11, 0, 4096];
    m.add("memfd_create", [m.words(0), 0]);
    m.add("ftruncate", [m.resultAt(0), 8192], { mask: 1 });
    for (let i = 0; i < 6; i++) {
      const args = values.map((value, at) => at === i && i !== 4 ? m.words(value) : value);
      args[4] = m.resultAt(0);
      m.add("mmap", args, { mask: 1 << i | 1 << 4 });
    }
    m.add("stop", []);
    assertEquals(m.run(), 8);
    for (let i = 2; i < 8; i++) assertEquals(m.result(i), 0x8000000, `argument ${i - 2}`);
  },
  "loads all arguments at once": (m) => {
    m.add("memfd_create", [m.words(0), 0]);
    m.add("ftruncate", [m.resultAt(0), 8192], { mask: 1 });
    const words = [0x8000000, 4096, 3, 0x11].map((value) => m.words(value));
    m.add("mmap", [...words, m.resultAt(0), m.words(4096)], { mask: 63 });
    m.add("stop", []);
    assertEquals([m.run(), m.result(2)], [3, 0x8000000]);
  },
  "stops at a record that fails, its errno stored": (m) => {
    m.add("close", [-1]);
    m.add("stop", []);
    assertEquals([m.run(), m.result(0)], [0, -9]);
  },
  "goes where a failing record leads": (m) => {
    m.add("close", [-1], { onError: 3 });
    m.add("getpid", []);
    m.add("stop", []);
    m.add("stop", []);
    assertEquals([m.run(), m.result(1)], [3, -4242]);
  },
  "goes where a positive result leads, and on at zero": (m) => {
    // umask(2) answers the mask before.
    m.add("umask", [0o22]);
    m.add("umask", [0], { onPositive: 3 });
    m.add("stop", []);
    m.add("umask", [0o22], { onPositive: 2 });
    m.add("stop", []);
    assertEquals(m.run(), 4);
    assertEquals([m.result(1), m.result(3)], [0o22, 0]);
  },
  "takes a result for positive by all its 64 bits, and for an error by its sign": (m) => {
    m.add("branch", [2 ** 40], { onPositive: 2 });
    m.add("stop", []);
    m.add("branch", [-(2 ** 40)], { onError: 4 });
    m.add("stop", []);
    m.add("stop", []);
    assertEquals([m.run(), m.result(0), m.result(2)], [4, 2 ** 40, -(2 ** 40)]);
  },
  "branches on a word of memory, and goes on at zero": (m) => {
    const [positive, negative, zero] = [5, -5, 0].map((value) => m.words(value));
    m.add("branch", [zero], { mask: 1, onPositive: 3, onError: 3 });
    m.add("branch", [positive], { mask: 1, onPositive: 4, onError: 3 });
    m.add("stop", []);
    m.add("stop", []);
    m.add("branch", [negative], { mask: 1, onPositive: 3, onError: 6 });
    m.add("stop", []);
    m.add("stop", []);
    assertEquals([m.run(), m.result(0), m.result(1), m.result(4)], [6, 0, 5, -5]);
  },
  "sees what is written to memory while it waits": (m) => {
    const word = m.words(0);
    m.add("branch", [word], { mask: 1, onPositive: 2 });
    m.add("stop", []);
    m.add("stop", []);
    assertEquals(m.run(), 1);
    m.set(word, 1);
    assertEquals(m.run(), 2);
  },
  "ends when it cannot report where it stopped": (m) => {
    m.add("close", [m.channelFd]);
    m.add("stop", []);
    assertThrows(() => m.run(), ExecutorGone);
  },
  "makes a child, whose result is zero": (m) => {
    // clone(SIGCHLD): the parent goes to 3 and waits; the child exits with 33.
    m.add("clone", [17, 0, 0, 0, 0], { onPositive: 3 });
    m.add("exit_group", [33]);
    m.add("stop", []);
    const status = m.words(0);
    m.add("wait4", [-1, status, 0, 0]);
    m.add("stop", []);
    assertEquals(m.run(), 4);
    assertEquals(m.word(status), 33 << 8);
  },
};

for (const arch of ARCHES) {
  const runner = runnerOf(arch);
  for (const [name, test] of Object.entries(BEHAVIOUR)) {
    const title = `image: on ${arch}${runner?.length ? " (emulated)" : ""} it ${name}`;
    if (runner === undefined) skip(title, `no emulator for ${arch} (qemu-user-static)`);
    else {
      Deno.test(title, () => {
        const machine = new Machine(arch, runner);
        let status: number | undefined;
        try {
          test(machine);
        } finally {
          status = machine.end();
        }
        assertEquals(status, 1);
      });
    }
  }

  const title = `image: on ${arch} reading a record where there is no memory ends it`;
  if (runner === undefined) skip(title, `no emulator for ${arch} (qemu-user-static)`);
  else {
    Deno.test(title, () => {
      const machine = new Machine(arch, runner);
      machine.add("branch", [1], { onPositive: (8 - ARENA) / 80 });
      assertThrows(() => machine.run(), ExecutorGone);
      assertEquals(machine.end(), -11);
    });
  }
}
