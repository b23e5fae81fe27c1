/**
 * tsrun's own calls in a dry run. What only asks is answered by the host, unless it is about something that
 * would have been made. Nothing else reaches the kernel, but what concerns this process's memory and
 * descriptors alone.
 * @module
 */

import {
  AT_EACCESS,
  AT_FDCWD,
  BPF_PROG_LOAD,
  BPF_PROG_QUERY,
  F_DUPFD,
  MFD_CLOEXEC,
  MSG_PEEK,
  O_ACCMODE,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  POLLHUP,
  POLLIN,
  PR_CAPBSET_READ,
  S_IFIFO,
  S_IFMT,
  W_OK,
} from "../../../ffi/constants.ts";
import { EAGAIN, ECHILD, EEXIST, ENOENT, EPERM } from "../../../ffi/errno.ts";
import { type Arg, describeArgs, OperationError, type Result, Settled } from "../../../ffi/kernel.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import { Buffer } from "../../../ffi/memory.ts";
import {
  decodeRights,
  encodeRights,
  MESSAGE_CONTROL,
  MESSAGE_CONTROL_LENGTH,
} from "../../../ffi/structs_socket.ts";
import type { SyscallName } from "../../../ffi/syscalls.ts";
import { CAPABILITIES } from "../../../spec/capabilities.ts";
import { callerIsSupposed, callerUid } from "../caller.ts";
import type { HostCall } from "../tracing/host_calls.ts";
import { answerOf } from "./answers.ts";
import type { Executors, Line } from "./executors.ts";
import { DryFiles } from "./files.ts";
import { DryPidfds } from "./pidfds.ts";
import { DryProcess, type Opened, type Position } from "./process.ts";
import type { Entry } from "./entry.ts";
import type { DryPeer } from "./peers.ts";
import { DrySockets, messageBytes } from "./sockets.ts";
import type { DryTree } from "./tree.ts";

/** Calls that only concern this process, or only ask; some of them with certain arguments only. */
const HARMLESS: Readonly<Record<string, (args: readonly Arg[]) => boolean>> = {
  memfd_create: () => true,
  ftruncate: () => true,
  mmap: () => true,
  munmap: () => true,
  fcntl: () => true,
  socketpair: () => true,
  close: () => true,
  capget: () => true,
  getpid: () => true,
  rt_sigaction: () => true,
  rt_sigprocmask: () => true,
  prctl: ([option]) => option === PR_CAPBSET_READ,
  prlimit64: ([, , limits]) => limits === null || limits === 0,
  fstatfs: () => true,
  statx: () => true,
  statmount: () => true,
  readlinkat: () => true,
  openat: ([, , flags]) => ((flags as number) & (O_ACCMODE | O_CREAT)) === O_RDONLY,
};

/** Offset of the number of programs in `union bpf_attr` of BPF_PROG_QUERY. */
const QUERIED = 24;

type Special = (host: DryHost, args: readonly Arg[], run: () => Result) => number | Result;

/** What a dry host is made of. */
export interface HostParts {
  tree: DryTree;
  executors: Executors;
  /** tsrun's own. */
  pid: number;
  /** The stand-in for a program that listens at a path, an errno, or neither. */
  peer: (path: string) => DryPeer | number | undefined;
}

/** See the module's description. */
export class DryHost {
  readonly tree: DryTree;
  readonly executors: Executors;
  readonly process: DryProcess;
  readonly sockets: DrySockets;
  /** Ends of lines, by the numbers of tsrun's descriptors. */
  readonly lines = new Map<number, Line>();
  readonly files: DryFiles;
  readonly pidfds: DryPidfds;
  /** Descriptors that are memory of this process alone. */
  readonly own = new Set<number>();
  /** Where files of the host are that are really open. */
  readonly positions = new Map<number, Position>();
  /** The kernel's call, before a dry run takes its place. */
  readonly #plain: LocalKernel["call"];
  #lastLine: { line: Line; theirs: number } | undefined;

  constructor(readonly k: LocalKernel, { tree, executors, pid, peer }: HostParts) {
    this.tree = tree;
    this.executors = executors;
    this.process = new DryProcess(tree, pid);
    this.sockets = new DrySockets(peer);
    this.#plain = k.call.bind(k);
    this.pidfds = new DryPidfds(k, pid);
    this.process.add = (opened) => this.open(opened);
    this.files = new DryFiles(tree, (path) => this.#writable(path));
  }

  /** Answers one thing that tsrun asks of the system. */
  handle(call: HostCall, run: () => unknown): unknown {
    if (call.name === "posix_spawn") return this.#spawn(call.operands[0] as number);
    if (call.args === undefined) return this.files.handle(call.name, call.operands, run);
    return this.#settled(call, this.#answer(call, call.args, run as () => Result));
  }

  #answer({ name }: HostCall, args: readonly Arg[], run: () => Result): number | Result {
    const special = SPECIAL[name];
    if (special) return special(this, args, run);
    // The first argument of these two is an address.
    const dry = name !== "mmap" && name !== "munmap" && this.isDry(args[0]);
    if (!dry && HARMLESS[name]?.(args)) return run();
    return this.borrowing(args, () => answerOf(this.process, name, args));
  }

  /** Does something that is not done in earnest with files of the host that are really open. */
  borrowing<T>(fds: readonly Arg[], work: () => T): T {
    const borrowed = fds.filter((fd) => !this.isDry(fd) && this.positions.has(fd as number)) as number[];
    for (const fd of borrowed) this.process.fds.set(fd, { position: this.positions.get(fd) });
    try {
      return work();
    } finally {
      for (const fd of borrowed) this.process.fds.delete(fd);
    }
  }

  /** Remembers where a file of the host is. */
  opened(dir: number, path: string, result: Result): Result {
    const found = this.process.find(dir, path, { follow: true, resolve: 0 });
    if (result.wait() >= 0 && typeof found !== "number") this.positions.set(result.wait(), found.position);
    return result;
  }

  /** Treats a failure as the kernel's options say. */
  #settled({ name, args = [], options, doing }: HostCall, answer: number | Result): Result {
    if (typeof answer !== "number") return answer;
    if (answer >= 0 || options?.allow === "any" || options?.allow?.includes(-answer)) {
      return new Settled(answer);
    }
    const repaired = options?.repair?.(-answer);
    if (typeof repaired === "object") return new Settled(repaired.answer);
    if (repaired === "skip") return new Settled(answer);
    if (repaired === "retry") return this.#settled({ name, args, operands: [], doing, options }, 0);
    throw new OperationError(name as SyscallName, -answer, options?.doing ? "" : describeArgs(args), doing);
  }

  /** Starts an executor that is none: its line is the last that was made. */
  #spawn(pidAddress: number): number {
    const { line, theirs } = this.#lastLine!;
    const pid = this.executors.spawn(line, theirs, this);
    const { view, base } = this.k.memory;
    view.setInt32(pidAddress - base, pid, true);
    return 0;
  }

  /** Whether this process may change a directory of the host: 0, or an errno. */
  #writable(path: string): number {
    if (callerIsSupposed()) return 0;
    return -this.#plain("faccessat2", [AT_FDCWD, path, W_OK, AT_EACCESS], { allow: "any" }).wait();
  }

  /** Whether this process has CAP_SYS_RESOURCE. */
  get mayRaiseLimits(): boolean {
    if (callerIsSupposed()) return true;
    const [, effective = "0"] = /^CapEff:\s*(\w+)$/m.exec(this.tree.real.text("/proc/self/status") ?? "") ??
      [];
    return (BigInt(`0x${effective}`) >> BigInt(CAPABILITIES.CAP_SYS_RESOURCE)) % 2n === 1n;
  }

  /** Whether a descriptor stands for something that would have been opened. */
  isDry(fd: Arg | undefined): boolean {
    return this.process.fds.has(fd as number);
  }

  /** A descriptor for something that would have been opened. It is an empty file in memory. */
  open(opened: Opened): number {
    const fd = this.#plain("memfd_create", ["tsrun:dry", MFD_CLOEXEC]).wait();
    this.process.fds.set(fd, opened);
    return fd;
  }

  /** A new line, by the descriptors of its two ends. */
  addLine(ours: number, theirs: number): void {
    const line: Line = { inbox: [], messages: [], sent: [], awaited: [], ended: false };
    this.lines.set(ours, line);
    this.lines.set(theirs, line);
  }

  /** A descriptor has another number too. */
  copied(from: number, to: number): void {
    const line = this.lines.get(from);
    if (this.own.has(from)) this.own.add(to);
    const opened = this.process.fds.get(from);
    if (opened) this.process.fds.set(to, opened);
    if (line === undefined) return;
    this.lines.set(to, line);
    this.#lastLine = { line, theirs: to };
  }

  /** The entry of a path that would have been made; undefined for the host's own files. */
  made(path: Arg | undefined): Entry | undefined {
    if (typeof path !== "string") return undefined;
    const found = this.process.find(AT_FDCWD, path, { follow: true, resolve: 0 });
    return typeof found !== "number" && this.tree.isMade(found.position.place) ? found.entry : undefined;
  }
}

const line = (host: DryHost, fd: Arg) => host.lines.get(fd as number);

/** openat(2). @param dry Whether the directory is one that would have been opened. */
function openFile(
  host: DryHost,
  [dir, path, flags]: [number, string, number],
  dry: boolean,
  run: () => Result,
): number | Result {
  const writes = (flags & (O_ACCMODE | O_CREAT)) !== O_RDONLY;
  const found = host.process.find(dir, path, { follow: true, resolve: 0 });
  // In a directory that would have been made the host has nothing, even where it would not say so.
  const known = typeof found !== "number" && host.tree.isMade(found.position.place);
  if (!known && !writes && !dry) return host.opened(dir, path, run());
  if (typeof found === "number") return found;
  if (found.entry === undefined && !(flags & O_CREAT)) return -ENOENT;
  if (found.entry !== undefined && flags & O_CREAT && flags & O_EXCL) return -EEXIST;
  if (found.entry === undefined) host.tree.make(found.position.place, { mode: 0o100644, text: "" });
  const fifo = known && ((found.entry?.mode ?? 0) & S_IFMT) === S_IFIFO;
  if (fifo) host.executors.opened();
  return host.open({ position: found.position, type: fifo ? "fifo" : undefined });
}

/** Calls whose answer is not that of any process. */
const SPECIAL: Readonly<Record<string, Special>> = {
  socketpair(host, args, run) {
    const made = run(), pair = args[3];
    if (pair instanceof Buffer) host.addLine(pair.i32(0), pair.i32(4));
    return made;
  },
  pipe2(host, args, run) {
    const made = run(), pair = args[0];
    if (pair instanceof Buffer) [pair.i32(0), pair.i32(4)].forEach((fd) => host.own.add(fd));
    return made;
  },
  memfd_create(host, _args, run) {
    const made = run();
    host.own.add(made.wait());
    return made;
  },
  fcntl(host, args, run) {
    const made = run();
    if (args[1] === F_DUPFD) host.copied(args[0] as number, made.wait());
    return made;
  },
  close(host, [fd], run) {
    host.lines.delete(fd as number);
    host.sockets.close(fd as number);
    host.own.delete(fd as number);
    host.process.fds.delete(fd as number);
    host.positions.delete(fd as number);
    return run();
  },
  write: (host, args, run) => host.own.has(args[0] as number) ? run() : answerOf(host.process, "write", args),
  socket(host, args, run) {
    const made = host.sockets.isReal(args) ? run().wait() : answerOf(host.process, "socket", args);
    return host.sockets.add(made, args);
  },
  connect: (host, [fd, address]) => host.sockets.connect(fd as number, address),
  setns(host, [fd]) {
    host.sockets.inContainer = host.isDry(fd);
    return 0;
  },
  sendto(host, [fd, word], run) {
    if (word instanceof Uint8Array) return host.sockets.send(fd as number, word) ?? run();
    const end = line(host, fd);
    if (end && word instanceof Buffer) host.executors.send(end, fd as number, word.u64(0));
    return 8;
  },
  recvfrom(host, [fd, into, , flags], run) {
    const received = host.sockets.receive(fd as number, into);
    if (received !== undefined) return received;
    if (!host.isDry(fd) && line(host, fd) === undefined) return run();
    const end = line(host, fd);
    if (end === undefined || end.inbox.length === 0) return end?.ended === false ? -EAGAIN : 0;
    const [word] = (flags as number) & MSG_PEEK ? end.inbox : end.inbox.splice(0, 1);
    if (into instanceof Buffer) into.memory.setU64(into.address, word);
    return 8;
  },
  sendmsg(host, [fd, message]) {
    const awaited = line(host, fd)?.awaited.shift(), { memory } = host.k, at = message as number;
    if (awaited === undefined) {
      const bytes = messageBytes(memory, at);
      return host.sockets.send(fd as number, bytes) ?? bytes.length;
    }
    const control = memory.getI64(at + MESSAGE_CONTROL) - memory.base;
    const length = memory.getI64(at + MESSAGE_CONTROL_LENGTH);
    const [sent] = decodeRights(memory.bytes.slice(control, control + length), length);
    Object.assign(awaited, host.process.fds.get(sent) ?? { position: host.positions.get(sent) });
    return 8;
  },
  recvmsg(host, [fd, message]) {
    const end = line(host, fd);
    end?.inbox.shift();
    const { memory } = host.k, control = memory.getI64((message as number) + MESSAGE_CONTROL);
    memory.bytes.set(encodeRights([host.open(end?.sent.shift() ?? {})]), control - memory.base);
    return 8;
  },
  ppoll(host, [polls, count]) {
    if (!(polls instanceof Buffer)) return 1;
    const { view, base } = polls.memory;
    for (let i = 0; i < (count as number); i++) {
      const fd = polls.i32(i * 8), end = line(host, fd), opened = host.process.fds.get(fd);
      const readable = host.sockets.readable(fd) ||
        end && (end.inbox.length > 0 || end.messages.length > 0 || end.ended);
      const events = readable ? POLLIN : opened?.type === "fifo" ? POLLHUP : 0;
      view.setUint16(polls.address - base + i * 8 + 6, events, true);
    }
    return 1;
  },
  read(host, args, run) {
    const [fd, into] = args, end = line(host, fd);
    if (end) {
      const message = end.messages.shift();
      const { memory } = host.k;
      if (message && typeof into === "number") memory.bytes.set(message, into - memory.base);
      return message?.length ?? 0;
    }
    return host.isDry(fd) ? 0 : run();
  },
  openat(host, args, run) {
    const dry = host.isDry(args[0]);
    return host.borrowing([args[0]], () => openFile(host, args as [number, string, number], dry, run));
  },
  fstatfs(host, [fd, into], run) {
    const isPidfd = host.process.fds.get(fd as number)?.pid !== undefined;
    return isPidfd && into instanceof Buffer ? host.pidfds.statfs(into) : run();
  },
  statx(host, args, run) {
    const [dir, path] = args as [number, string], into = args[4];
    const pid = host.process.fds.get(dir)?.pid;
    if (pid !== undefined && into instanceof Buffer) return host.pidfds.statx(into, pid);
    const dry = host.isDry(dir) || host.made(path) !== undefined;
    return dry ? answerOf(host.process, "statx", args) : run();
  },
  prlimit64(host, args, run) {
    const [pid, , limits] = args, running = host.executors.running.get(pid as number);
    if (running === undefined || limits === null || limits === 0) return run();
    // For a process of another user it takes CAP_SYS_RESOURCE, in the user namespace of it: prlimit(2).
    const own = running.uid === callerUid() || running.process.namespaces.has("user");
    return own || host.mayRaiseLimits ? 0 : -EPERM;
  },
  capget(_host, args, run) {
    const made = run(), data = args[1];
    // Root has all capabilities: the permitted ones, and those of the second word.
    if (callerIsSupposed() && data instanceof Buffer) data.bytes.fill(0xff);
    return made;
  },
  flock: () => 0,
  pidfd_open(host, args, run) {
    const pid = args[0] as number;
    if (!host.executors.running.has(pid)) return run();
    return host.open({ pid });
  },
  pidfd_send_signal(host, [fd]) {
    host.executors.kill(host.process.fds.get(fd as number)?.pid ?? 0);
    return 0;
  },
  kill(host, [pid]) {
    host.executors.kill(pid as number);
    return 0;
  },
  waitid: (host, args) => answerOf(host.process, "waitid", args),
  wait4: (_host, [pid]) => pid === -1 ? -ECHILD : pid as number,
  bpf(host, [operation, attribute]) {
    // No program is attached to a new cgroup.
    if (operation === BPF_PROG_QUERY && attribute instanceof Buffer) attribute.bytes.fill(0, QUERIED);
    return operation === BPF_PROG_LOAD ? host.open({}) : 0;
  },
};
