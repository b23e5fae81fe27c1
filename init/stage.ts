/**
 * The first stage: an executor on the host that enters cgroups, joins namespaces, and clones the init into
 * new ones.
 *
 *     tsrun ──posix_spawn──> stage ──clone3(CLONE_PARENT)──> init
 *       └──── channel ────────┘                               │
 *       └──── a channel of the init's own ────────────────────┘
 *
 * The init is a sibling of the stage, so it becomes the child of tsrun's caller when tsrun has ended.
 * @module
 */

import {
  AT_FDCWD,
  CLONE_INTO_CGROUP,
  CLONE_PARENT,
  CLONE_PARENT_SETTID,
  CLOSE_RANGE_CLOEXEC,
  O_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
  PR_SET_DUMPABLE,
  PR_SET_NAME,
  SIGKILL,
} from "../ffi/constants.ts";
import { EACCES, EBADF, EBUSY, ENODEV, ENOENT, EOPNOTSUPP } from "../ffi/errno.ts";
import { OperationError } from "../ffi/kernel.ts";
import { type Channel, outsideBatch } from "../ffi/channel.ts";
import { RemoteKernel } from "../ffi/remote.ts";
import { Label } from "../ffi/recorder.ts";
import { type Arena, type Executor, type Line, spawnExecutor } from "./executor.ts";
import { closeQuietly } from "./cut_off.ts";
import { endProcess } from "./failure_report.ts";
import { INIT_NAME } from "./init_name.ts";
import { cloneFlags, joinNamespaces, type NamespacePlan } from "./namespaces.ts";

/** The stage's steps before the clone. */
export interface StagePlan {
  namespaces: NamespacePlan;
  /** `process.oomScoreAdj`, where the config sets one. */
  oomScoreAdj: number | undefined;
  /** The caller is not root: files in /proc of a process that is not dumpable do not belong to it then. */
  unprivileged?: boolean;
  /** Files by which a process enters its cgroups, writing `0` to each; and a directory to be cloned into. */
  cgroupTasks: readonly string[];
  cloneInto: string | null;
  /**
   * Another directory to be cloned into, asked for once, when the kernel refuses `cloneInto`. Undefined or
   * absent: there is none.
   */
  cloneElsewhere?: (errno: number) => string | undefined;
  /** Joins the namespaces of the plan, where that takes more than joining one after the other. */
  join?: (k: RemoteKernel) => void;
  /** Keeps stage and init dumpable: their user has to write to their files in /proc, such as the id maps. */
  dumpable?: boolean;
  /** What the kernel's refusal to make the namespaces may mean; "" where nothing is known. */
  cloneHint?: (errno: number) => string;
  /** Further steps before namespaces are joined, while the stage sees the host. */
  prepare?: (k: RemoteKernel) => void;
}

/**
 * The meaning of an error of CLONE_INTO_CGROUP: kernel document admin-guide/cgroup-v2.rst. Undefined where it
 * has none.
 */
function cgroupAnswer(errno: number): string | undefined {
  switch (errno) {
    case EBUSY:
      return " (it hands controllers down to its children: processes can be in those only)";
    case EOPNOTSUPP:
      return " (a threaded cgroup, or one below a threaded one)";
    case EACCES:
      return " (that takes the right to write cgroup.procs of the nearest parent that it has in common with tsrun's)";
    case ENOENT:
      return " (outside of tsrun's cgroup namespace)";
    case ENODEV:
      return "";
    default:
      return undefined;
  }
}

/**
 * A process can be cloned into any cgroup that its cgroup namespace shows. Where the hierarchy is mounted
 * with `nsdelegate`, other cgroups fail (ENOENT). A stage that joins such a namespace enters the cgroup
 * itself before.
 */
function cloneable(plan: StagePlan): StagePlan {
  const { cloneInto, cgroupTasks, namespaces } = plan;
  if (cloneInto === null || !namespaces.joins.some(({ type }) => type === "cgroup")) return plan;
  return { ...plan, cloneInto: null, cgroupTasks: [...cgroupTasks, `${cloneInto}/cgroup.procs`] };
}

/** The highest number of a file descriptor. */
const LAST_FD = 0xffff_ffff;

/** A running stage, and the line to the init that it will clone. */
export class Stage {
  readonly #executor: Executor;
  readonly #initLine: Line;
  /** The kernel writes the init's pid here, as the host sees it. */
  readonly #initPid;
  #known = 0;
  readonly #cgroupFd: number;
  #killed = false;
  #init: RemoteKernel | undefined;

  /**
   * Starts the stage. It closes descriptors while tsrun reads the config.
   *
   * @param arena Shared memory, made for the same number of preserved descriptors.
   * @param preserved How many descriptors from 3 on belong to the container.
   * @param keep Further descriptors, above the preserved ones, that the stage and its child inherit. They
   * close on exec.
   */
  constructor(readonly arena: Arena, preserved: number, noexecDir?: string, keep: readonly number[] = []) {
    this.#initLine = arena.line();
    this.#executor = spawnExecutor(arena, noexecDir);
    const k = this.#executor.kernel;
    k.subject.name = "stage";
    this.#initPid = k.buffer(8);
    const kept = [arena.fd, this.#initLine.theirs, this.#executor.channelFd, ...keep];
    // A number that is free, and surely below the caller's limit; files that are opened meanwhile get lower
    // ones.
    this.#cgroupFd = this.#executor.channelFd - 1;
    while (kept.includes(this.#cgroupFd)) this.#cgroupFd--;
    closeOthers(k, preserved, kept);
    k.prctl(PR_SET_DUMPABLE, 0);
    k.prctl(PR_SET_NAME, INIT_NAME);
    k.kick();
  }

  /** Pid of the stage itself. */
  get pid(): number {
    return this.#executor.pid;
  }

  /** The number of the init's channel, in the init. */
  get channelFd(): number {
    return this.#executor.channelFd;
  }

  /**
   * Pid of the init on the host, 0 until it has been cloned; read once only, and believed of a child of
   * tsrun's only.
   */
  get initPid(): number {
    if (this.#known === 0) {
      const pid = this.#initPid.u32(0);
      if (pid !== 0 && this.arena.kernel.isChild(pid)) {
        this.#known = pid;
        this.#init!.subject.pid = pid;
      }
    }
    return this.#known;
  }

  /**
   * Begins to clone the init. It waits for the records of its kernel, the first of which tsrun makes
   * meanwhile.
   */
  init(wanted: StagePlan): RemoteKernel {
    const plan = cloneable(wanted);
    const k = this.#executor.kernel;
    if (plan.dumpable) k.prctl(PR_SET_DUMPABLE, 1);
    if (plan.oomScoreAdj !== undefined) {
      // The stage is a process of the host still, and of the caller's.
      const shown = plan.unprivileged && !plan.dumpable;
      if (shown) k.prctl(PR_SET_DUMPABLE, 1);
      k.writeFile(AT_FDCWD, "/proc/self/oom_score_adj", String(plan.oomScoreAdj));
      if (shown) k.prctl(PR_SET_DUMPABLE, 0);
    }
    for (const path of plan.cgroupTasks) {
      k.during(
        `adding pid ${this.pid} to cgroups: enter the cgroup by ${path}`,
        () => k.writeFile(AT_FDCWD, path, "0"),
      );
    }
    if (plan.cloneInto !== null) this.#openCgroup(plan, plan.cloneInto);
    plan.prepare?.(k);
    if (plan.join) plan.join(k);
    else joinNamespaces(k, plan.namespaces.joins);
    const line = this.arena.channel(this.#initLine.ours, this.#executor.channelFd);
    const born = this.#clone(plan);
    // The stage runs these while tsrun makes the init's first records.
    k.handOver();
    const cloned = new ClonedChannel(line, born, () => this.#end());
    this.#init = new RemoteKernel(this.arena.memory, cloned);
    this.#init.subject.name = "init";
    return this.#init;
  }

  /**
   * Opens the directory to be cloned into. It does so before a mount namespace is joined, where its path may
   * mean another directory.
   */
  #openCgroup(plan: StagePlan, path: string): void {
    const k = this.#executor.kernel;
    const directory = k.open(path, O_PATH | O_DIRECTORY, 0, {
      doing: "open the container's cgroup",
      repair: (errno) => {
        this.#openElsewhere(
          plan,
          errno,
          "open",
          `adding pid ${this.pid} to cgroups: enter the cgroup ${path}`,
        );
        return "skip";
      },
    });
    // Where the repair has put another directory there, the descriptor is neither duplicated nor closed.
    k.call("dup3", [directory, this.#cgroupFd, O_CLOEXEC], { allow: [EBADF] });
    k.call("close", [directory], { allow: [EBADF] });
  }

  /** Takes another directory for one that the kernel refuses, once. Throws where there is no other. */
  #openElsewhere(plan: StagePlan, errno: number, call: string, doing: string): void {
    const k = this.#executor.kernel;
    const other = plan.cloneElsewhere?.(errno);
    plan.cloneElsewhere = undefined;
    if (other === undefined) throw new OperationError(call, errno, "", doing);
    const directory = k.open(other, O_PATH | O_DIRECTORY);
    k.dup3(directory, this.#cgroupFd);
    k.close(directory);
  }

  /** Records the clone of the init. @returns The record at which it reports that it exists, and waits. */
  #clone(plan: StagePlan): Label {
    const { kernel: k, channelFd } = this.#executor;
    let flags = cloneFlags(plan.namespaces) + CLONE_PARENT + CLONE_PARENT_SETTID;
    if (plan.cloneInto !== null) flags += CLONE_INTO_CGROUP;
    const parent = new Label(), born = new Label();
    const args = [flags, 0, 0, this.#initPid.address, 0, 0, 0, 0, 0, 0, this.#cgroupFd];
    k.call("clone3", [args, 88], {
      onPositive: parent,
      doing: "clone the init into its namespaces",
      repair: (errno) => {
        const meaning = plan.cloneInto === null ? undefined : cgroupAnswer(errno);
        if (meaning === undefined) {
          const hint = plan.cloneHint?.(errno) ?? "";
          throw new OperationError("clone3", errno, "", `clone the init into its namespaces${hint}`);
        }
        this.#openElsewhere(
          plan,
          errno,
          "clone3",
          `adding pid ${this.pid} to cgroups: enter the cgroup ${plan.cloneInto}${meaning}`,
        );
        return "retry";
      },
    });
    // From here to the jump it is the init that runs: it makes its own channel the one it speaks through.
    // Until it has, a report of its would be taken for the stage's, so a failure ends it.
    const dead = new Label();
    k.call("dup3", [this.#initLine.theirs, channelFd, O_CLOEXEC], { onError: dead });
    closeQuietly(k, this.#initLine.theirs);
    if (plan.cloneInto !== null) closeQuietly(k, this.#cgroupFd);
    k.place(born);
    k.stop();
    k.place(dead);
    endProcess(k);
    k.place(parent);
    return born;
  }

  /** Waits until the init has been cloned, and ends the stage. @throws {OperationError} If it cannot be. */
  #end(): void {
    const { kernel: k } = this.#executor;
    k.flush();
    this.arena.kernel.close(this.#initLine.theirs);
    k.call("exit_group", [0]);
    k.release(k.program());
    this.#executor.reap();
  }

  /**
   * Kills the stage and the init, if they exist. The stage comes first: it runs without tsrun and may be
   * about to clone the init. Calling this again has no effect.
   */
  kill(): void {
    if (this.#killed) return;
    this.#killed = true;
    const { kernel: k } = this.arena;
    this.#executor[Symbol.dispose]();
    const { initPid } = this;
    if (initPid === 0) return;
    k.kill(initPid, SIGKILL, { allow: "any" });
    k.reap(initPid);
  }
}

/**
 * Closes every descriptor except the standard ones, the preserved ones and those in `keep`. Descriptors in
 * `keep` are made close-on-exec.
 */
function closeOthers(k: RemoteKernel, preserved: number, keep: readonly number[]): void {
  let first = 3 + preserved;
  for (const fd of keep.toSorted((a, b) => a - b)) {
    if (fd > first) k.closeRange(first, fd - 1);
    first = fd + 1;
  }
  k.closeRange(first, LAST_FD);
  k.closeRange(3 + preserved, LAST_FD, CLOSE_RANGE_CLOEXEC);
}

/**
 * The line to a process that is being cloned. Making all its namespaces takes a millisecond, in which tsrun
 * records. Records can be handed over before the process exists; the first report is that it does.
 */
class ClonedChannel implements Channel {
  #settled = false;

  /**
   * @param born The record of the first report.
   * @param cloned Waits for the clone. It throws if that has failed.
   */
  constructor(readonly line: Channel, readonly born: Label, readonly cloned: () => void) {}

  get ours(): number {
    return this.line.ours;
  }

  get theirs(): number {
    return this.line.theirs;
  }

  send(address: number): void {
    this.line.send(address);
  }

  receive(): number {
    this.#settle();
    return this.line.receive();
  }

  ready(milliseconds?: number): boolean {
    // If the clone failed, throw now; do not wait for the deadline.
    if (milliseconds === undefined && !this.#settled && !this.line.ready()) return false;
    this.#settle();
    return this.line.ready(milliseconds);
  }

  #settle(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.cloned();
    const report = this.line.receive();
    if (report !== this.born.address) throw outsideBatch(report);
  }
}
