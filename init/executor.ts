/**
 * Starts executors and talks to them.
 *
 * The image lies in a sealed memfd, so `/proc/self/exe` of an executor, and of the init that it becomes,
 * leads to a file that cannot be overwritten (CVE-2019-5736). Where executing a memfd is forbidden
 * (`vm.memfd_noexec`, see Documentation/userspace-api/mfd_noexec.rst), the image is executed from a file in a
 * root-only directory instead.
 * @module
 */

import { withTemporaryFile } from "../ffi/temporary_file.ts";
import { OperationError } from "../ffi/kernel.ts";
import { TsrunError } from "../ffi/errors.ts";
import {
  AF_UNIX,
  F_ADD_SEALS,
  F_DUPFD,
  F_SEAL_EXEC,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  F_SEAL_WRITE,
  MAP_FIXED_NOREPLACE,
  MAP_SHARED,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
  MFD_EXEC,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_PEEK,
  POLLIN,
  PROT_READ,
  PROT_WRITE,
  SIGKILL,
  SOCK_CLOEXEC,
  SOCK_STREAM,
} from "../ffi/constants.ts";
import { EACCES, EAGAIN, ECONNRESET, EEXIST, EINVAL, EMFILE, EPIPE } from "../ffi/errno.ts";
import { libc } from "../ffi/libc.ts";
import type { LocalKernel } from "../ffi/local.ts";
import { type Buffer, Memory } from "../ffi/memory.ts";
import { type Channel, RemoteKernel } from "../ffi/remote.ts";
import { words32 } from "../ffi/structs.ts";
import { ARENA, ARENA_SIZE, executorImage } from "./image.ts";

/**
 * Descriptors that an executor inherits are numbered from here, above those that a caller is likely to
 * preserve.
 */
const FIRST_FD = 200;

/**
 * Root-only directory for the image where memfds may not be executed. Compiled filters are kept there too.
 */
const IMAGE_DIR = "/run/tsrun-cache";

/** The executor ended while an answer was expected. */
export class ExecutorGone extends TsrunError {
  override name = "ExecutorGone";
}

/** A channel over one end of a socket pair. */
class SocketChannel implements Channel {
  /** @param word Eight bytes of this process's memory, through which messages go. */
  constructor(
    readonly kernel: LocalKernel,
    readonly ours: number,
    readonly theirs: number,
    readonly word: Buffer,
  ) {}

  send(address: number): void {
    this.kernel.memory.setU64(this.word.address, address);
    const sent = this.kernel.call("sendto", [this.ours, this.word, 8, MSG_NOSIGNAL, 0, 0], {
      doing: "start the executor's batch",
      allow: GONE,
    });
    if (sent.wait() < 0) throw gone();
  }

  receive(): number {
    // Usually there is an answer already. Asking for it takes less time than waiting for it and for signals.
    let got = this.#receive(this.kernel.interruption ? MSG_DONTWAIT : 0);
    if (got === -EAGAIN) {
      this.kernel.waitReadable(this.ours);
      got = this.#receive(0);
    }
    if (got !== 8) throw gone();
    return this.word.u64(0);
  }

  #receive(flags: number): number {
    return this.kernel.call("recvfrom", [this.ours, this.word, 8, flags, 0, 0], {
      doing: "hear from the executor",
      allow: NO_ANSWER,
    }).wait();
  }

  ready(milliseconds = 0): boolean {
    if (milliseconds > 0) this.#wait(milliseconds);
    const poll = this.kernel.call("recvfrom", [this.ours, this.word, 8, MSG_PEEK | MSG_DONTWAIT, 0, 0], {
      allow: "any",
    });
    return poll.wait() >= 0;
  }

  #wait(milliseconds: number): void {
    const pollfd = words32(this.ours, POLLIN);
    const timeout = [Math.floor(milliseconds / 1000), (milliseconds % 1000) * 1_000_000];
    this.kernel.call("ppoll", [pollfd, 1, timeout, null, 8]);
  }
}

/**
 * Errors of a socket whose other end is closed: the second one where the other end had not read everything.
 */
const GONE: readonly number[] = [EPIPE, ECONNRESET];
/** The same, and the error for no message yet. */
const NO_ANSWER: readonly number[] = [...GONE, EAGAIN];

function gone(): ExecutorGone {
  return new ExecutorGone({
    code: "EPIPE_INIT_STAGE",
    operation: "hear from the init stage",
    reason: "it ended",
    message: "the init stage ended unexpectedly (was it killed, or out of memory?)",
  });
}

/** A pair of connected descriptors: one for this process, one for an executor. */
export interface Line {
  ours: number;
  theirs: number;
}

/** The memory that tsrun and its executors share, and the lines to the executors. */
export class Arena implements Disposable {
  readonly fd: number;
  readonly memory: Memory;
  readonly #block: ArrayBuffer;
  /** This process's ends of the lines that are open. */
  readonly #ends = new Set<number>();
  readonly #firstFree: number;
  #nextFd: number;
  /** Eight bytes for messages to and from executors. Nothing stays in it between calls. */
  #word: Buffer | undefined;

  /** @param preserved How many descriptors from 3 on belong to the container (`--preserve-fds`). */
  constructor(readonly kernel: LocalKernel, readonly preserved: number) {
    this.#firstFree = 3 + preserved;
    this.#nextFd = Math.max(FIRST_FD, this.#firstFree);
    const memfd = kernel.call("memfd_create", ["tsrun:arena", MFD_CLOEXEC]).wait();
    kernel.call("ftruncate", [memfd, ARENA_SIZE]);
    this.#block = mapLow(kernel, memfd);
    this.memory = new Memory(this.#block, ARENA);
    this.fd = this.inherited(memfd);
  }

  /** Moves a descriptor to a number of its own that executors inherit. Close it here once they have it. */
  inherited(fd: number): number {
    let moved = this.#duplicate(fd);
    if (moved < 0) {
      // The caller's limit is below our numbers: from here on the first ones that are free will do.
      this.#nextFd = this.#firstFree;
      moved = this.#duplicate(fd);
    }
    if (moved < 0) {
      throw new OperationError(
        "fcntl",
        -moved,
        "",
        "number the descriptors of the init stage (see ulimit -n)",
      );
    }
    this.#nextFd = moved + 1;
    this.kernel.close(fd);
    return moved;
  }

  #duplicate(fd: number): number {
    return this.kernel.call("fcntl", [fd, F_DUPFD, this.#nextFd], { allow: [EINVAL, EMFILE] }).wait();
  }

  /** A socket pair: this process's end closes on exec, the other is inherited. */
  line(): Line {
    return this.kernel.scratch(() => {
      const pair = this.kernel.buffer(8);
      this.kernel.call("socketpair", [AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair]);
      const ours = pair.i32(0);
      this.#ends.add(ours);
      return { ours, theirs: this.inherited(pair.i32(4)) };
    });
  }

  /** Closes this process's end of a line. An executor that waits there for work ends by itself. */
  hangUp(ours: number): void {
    if (this.#ends.delete(ours)) this.kernel.close(ours);
  }

  /** A channel over a line. `theirs` is the number of its end in the executor. */
  channel(ours: number, theirs: number): Channel {
    this.#word ??= this.kernel.buffer(8);
    return new SocketChannel(this.kernel, ours, theirs, this.#word);
  }

  /** Closes all lines and unmaps the memory from this process. Running executors keep theirs. */
  [Symbol.dispose](): void {
    const { kernel } = this;
    if (this.#block.detached) return;
    for (const end of this.#ends) this.hangUp(end);
    kernel.close(this.fd);
    const address = Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(this.#block)));
    // Code that still holds the memory finds it empty, instead of what is mapped at its address next.
    this.#block.transfer(0);
    kernel.call("munmap", [address, ARENA_SIZE]);
  }
}

/**
 * The lowest and the highest address tried for the arena in this process. Below 2^31 an address is a 32-bit
 * result.
 */
const LOW = ARENA, HIGH = 0x70000000;

/** Maps the arena at a free low address, so that mmap(2) needs no binding of its own (0.3 ms). */
function mapLow(kernel: LocalKernel, memfd: number): ArrayBuffer {
  const protection = PROT_READ | PROT_WRITE, flags = MAP_SHARED | MAP_FIXED_NOREPLACE;
  for (let address = LOW; address < HIGH; address += ARENA_SIZE) {
    const mapped = kernel.call("mmap", [address, ARENA_SIZE, protection, flags, memfd, 0], {
      allow: [EEXIST],
    }).wait();
    if (mapped !== address) continue;
    return Deno.UnsafePointerView.getArrayBuffer(Deno.UnsafePointer.create(BigInt(address))!, ARENA_SIZE);
  }
  throw new TsrunError({
    code: "ENOMEM_ARENA",
    operation: "cannot map the system call arena",
    reason: "no room below 2 GiB of addresses",
  });
}

/** A running executor. It ends with its scope. */
export class Executor implements Disposable {
  readonly kernel: RemoteKernel;
  readonly #line: Line;
  #over = false;

  /** @param pid Its process id. */
  constructor(readonly arena: Arena, readonly pid: number, line: Line) {
    this.#line = line;
    this.kernel = new RemoteKernel(arena.memory, arena.channel(line.ours, line.theirs));
    this.kernel.subject.pid = pid;
  }

  /** The number of the channel's descriptor, in the executor. */
  get channelFd(): number {
    return this.#line.theirs;
  }

  /** Waits for the end of an executor that ends by itself. */
  reap(): void {
    if (this.#over) return;
    this.#over = true;
    this.arena.hangUp(this.#line.ours);
    this.arena.kernel.reap(this.pid);
  }

  /** Kills the executor at any point of its work, and waits for its end. */
  [Symbol.dispose](): void {
    if (!this.#over) this.arena.kernel.kill(this.pid, SIGKILL, { allow: "any" });
    this.reap();
  }
}

/**
 * Starts an executor, which inherits stdio and every descriptor that does not close on exec.
 *
 * @param noexecDir A root-only directory to run the image from, used only where memfds may not be executed.
 * @throws {Error} When it cannot be started; the message says why.
 */
export function spawnExecutor(arena: Arena, noexecDir: string = IMAGE_DIR): Executor {
  const { kernel } = arena;
  const line = arena.line();
  const image = executorImage(line.theirs, arena.fd);
  const memfd = sealedImage(kernel, image);
  let answer = spawn(kernel, `/proc/self/fd/${memfd}`);
  kernel.close(memfd);
  if (answer === -EACCES) answer = spawnFromFile(kernel, image, noexecDir);
  if (answer < 0) throw new OperationError("posix_spawn", -answer, "", "cannot start the init stage");
  kernel.close(line.theirs);
  return new Executor(arena, answer, line);
}

/** Puts the image into a memfd that can no longer be changed: memfd_create(2), fcntl(2) F_ADD_SEALS. */
function sealedImage(kernel: LocalKernel, image: Uint8Array): number {
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  // MFD_EXEC and F_SEAL_EXEC exist from Linux 6.3 on; before, every memfd was executable.
  let fd = kernel.call("memfd_create", ["tsrun", flags | MFD_EXEC], { allow: [EINVAL, EACCES] }).wait();
  if (fd < 0) fd = kernel.call("memfd_create", ["tsrun", flags]).wait();
  kernel.call("write", [fd, image, image.length]);
  const seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  const sealed = kernel.call("fcntl", [fd, F_ADD_SEALS, seals | F_SEAL_EXEC], { allow: [EINVAL] }).wait();
  if (sealed < 0) kernel.call("fcntl", [fd, F_ADD_SEALS, seals]);
  return fd;
}

/** glibc's `posix_spawnattr_t`: its size, the flags that are used, and the offset of the signals to reset. */
const ATTRIBUTES_SIZE = 336, SPAWN_SETSIGDEF = 4, SPAWN_SETSIGMASK = 8, SPAWN_DEFAULTS = 8;

/**
 * posix_spawn(3) with an empty environment. Returns the pid, or a negative errno.
 *
 * All signals get their default action and none is blocked, as a container's program expects. What the
 * caller, Deno and glibc have set does not count. glibc does this in the child, at no further cost.
 */
function spawn(kernel: LocalKernel, path: string): number {
  return kernel.scratch(() => {
    const { memory } = kernel;
    const pid = memory.alloc(8);
    const attributes = memory.alloc(ATTRIBUTES_SIZE);
    attributes.bytes[0] = SPAWN_SETSIGDEF | SPAWN_SETSIGMASK;
    attributes.bytes.fill(0xff, SPAWN_DEFAULTS, SPAWN_DEFAULTS + 8);
    const error = libc().posix_spawn(
      pid.address,
      memory.string(path),
      0,
      attributes.address,
      memory.strings(["tsrun:init"]),
      memory.strings([]),
    );
    return error === 0 ? pid.i32(0) : -error;
  });
}

/**
 * Executes the image from a file, where memfds may not be executed. The file is removed as soon as the
 * executor runs.
 */
function spawnFromFile(kernel: LocalKernel, image: Uint8Array, directory: string): number {
  const file = { bytes: image, mode: 0o500 };
  return withTemporaryFile(directory, "init-image", file, (path) => spawn(kernel, path));
}
