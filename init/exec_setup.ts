/**
 * One more process for a container that runs, from the joiner's first step to execve(2).
 *
 *     tsrun ── stage ──clone──> joiner ──clone──> process
 *              on the host      enters all namespaces,      in the container's PID namespace:
 *              enters cgroups   looks up, drops all rights  setsid, limits, filter, execve
 *
 * The joiner is still a process of the host's PID namespace, so that nobody in the container sees it. What is seen
 * has no right that the final process has not, no descriptor but its own, and lives for a few calls only
 * (CVE-2016-9962). The one exception is stated at {@linkcode placeFilter}.
 * @module
 */

import { resetAffinity } from "./affinity.ts";
import { TsrunError } from "../ffi/errors.ts";
import * as c from "../ffi/constants.ts";
import { EACCES, EPERM } from "../ffi/errno.ts";
import { type Fd, OperationError, type Result } from "../ffi/kernel.ts";
import { Label, type Recorder } from "../ffi/recorder.ts";
import type { SyscallName } from "../ffi/syscalls.ts";
import type { CapabilityName } from "../spec/capabilities.ts";
import { NAMESPACES } from "../spec/namespaces.ts";
import type { Process, Uint64 } from "../spec/types.ts";
import { joinKeyring } from "./keyring.ts";
import { FailureReports } from "./failure_report.ts";
import { closeQuietly, CUTTING_OFF, unshareMemory } from "./cut_off.ts";
import { filterAllows } from "./filter_check.ts";
import {
  becomeUser,
  dropBounding,
  finalSets,
  type HostCapabilities,
  raiseAmbient,
  setCapabilities,
  withRights,
} from "./identity.ts";
import type { HostProcfs, ProcessLabels } from "./labels.ts";
import { openNulls, replaceNulls } from "./null_stdio.ts";
import type { SplitAttributes } from "./process_attributes.ts";
import {
  askWorkingDirectory,
  checkArguments,
  checkWorkingDirectory,
  hasHome,
  lookUpHome,
  lookUpProgram,
  uniqueEnv,
} from "./program.ts";
import type { SeccompFilter } from "./seccomp_listener.ts";

/** A terminal for the process: what has to be done, and where. */
export interface ExecTerminal {
  /** In the joiner, with all rights, in the container's mount namespace: opens the terminal, and hands its master on. */
  open(k: Recorder, root: Fd): void;
  /** In the process, the leader of a session by then: takes the terminal for standard streams and as controlling one. */
  attach(k: Recorder, reports: FailureReports): void;
  /** Calls that `attach` makes: a filter that is there already has to allow them. */
  readonly calls: readonly SyscallName[];
}

/** A resource limit as prlimit(2) takes it. */
export interface Limit {
  resource: number;
  soft: Uint64;
  hard: Uint64;
  /** For error messages. */
  doing: string;
}

/** A container's user namespace, and what comes with it. */
export interface UserNamespaceJoin {
  /** CLONE_NEW* flags of all namespaces that are other than the runtime's. */
  flags: number;
  /** setgroups(2) is denied there for good. */
  groupsDenied: boolean;
}

/** What the joiner joins, and what its clone is to become. Whatever is a function is asked for only when it is needed. */
export interface ExecPlan {
  process: Process;
  /** The container's init: its pid on the host, and a pidfd of it in the joiner. */
  pid: number;
  pidfd: number;
  /** The container has a user namespace, or a time namespace, other than the runtime's. */
  userNamespace: UserNamespaceJoin | undefined;
  timeNamespace: boolean;
  /** The container shares the mount namespace of the runtime that created it, so its root is no namespace's root. */
  foreignRoot: boolean;
  /**
   * CLONE_NEW* flags of the namespaces that are other than the runtime's, asked when the kernel refuses to join: others
   * belong to a user namespace that the runtime, in one of its own, has no rights in.
   */
  otherNamespaces: () => number;
  /** Whether the runtime's own user namespace, where that is the container's too, denies setgroups(2). */
  groupsDenied: () => boolean;
  /** Name of the container's session keyring, undefined where it has none of its own. */
  keyring: string | undefined;
  host: HostCapabilities;
  /** Standard descriptors that are the host's null device. */
  nullStdio: readonly number[];
  /** File mode creation mask; undefined leaves the caller's. */
  umask: number | undefined;
  attributes: SplitAttributes | undefined;
  /** Security labels, and how to open the procfs that they are written to; absent where it has none. */
  labels: { process: ProcessLabels; openProcfs: (k: Recorder) => HostProcfs } | undefined;
  /** Lets the joiner run on all CPUs of its cgroup again, when no affinity is asked for. */
  resetAffinity: boolean;
  terminal: ExecTerminal | undefined;
  limits: readonly Limit[];
  /** Compiles the filter; asked for while the joiner is at work. */
  filter: () => SeccompFilter | null;
  /** Loads a filter that asks an agent, and takes its listener; undefined where nobody is to be asked. */
  loadListener: ((k: Recorder, filter: SeccompFilter) => void) | undefined;
  /** Descriptors of the joiner: what it reports to, what it is driven through, and the memory shared with tsrun. */
  report: number;
  channel: number;
  arena: number;
  /** Path, on the host, of a cgroup's file that the process itself writes to, to enter it; absent where the stage did. */
  enter?: string;
}

/** A process that is ready to be cloned. */
export interface ExecReady {
  /** Clones it, and lets it go on by itself; its pid and failures are read from {@linkcode ExecPlan.report}. */
  release: () => void;
}

/** Everything from the joiner's birth on. Comes back when the process only needs to be let go. */
export function setUpExec(k: Recorder, plan: ExecPlan): ExecReady {
  const { process, labels } = plan;
  const procfs = labels?.openProcfs(k);
  const cgroup = plan.enter === undefined ? undefined : k.open(plan.enter, c.O_WRONLY);
  joinContainer(k, plan, procfs);
  const root = k.open("/", c.O_PATH | c.O_DIRECTORY);
  plan.terminal?.open(k, root);
  const nulls = openNulls(k, root, plan.nullStdio);
  checkArguments(process.args, process.env ?? []);
  const env = uniqueEnv(process.env ?? []);
  const home = hasHome(env) ? undefined : lookUpHome(k, root, process.user.uid);
  k.close(root);
  const chdirAgain = changeDirectory(k, process.cwd);
  if (plan.umask !== undefined) k.call("umask", [plan.umask]);
  plan.attributes?.before(k);
  if (procfs) {
    labels!.process.forProgram(k, procfs.fd);
    k.close(procfs.fd);
  }
  if (process.noNewPrivileges) k.prctl(c.PR_SET_NO_NEW_PRIVS, 1);
  dropBounding(k, process, plan.host.last);
  k.kick();
  const filter = plan.filter();
  const placed = placeFilter(plan, filter);
  becomeUser(k, process, plan.userNamespace?.groupsDenied ?? plan.groupsDenied);
  takeRights(k, plan, placed.rights);
  let cwd = askWorkingDirectory(k);
  const program = lookUpProgram(k, process.args[0], env);
  k.flush();
  procfs?.check();
  if (chdirAgain()) {
    k.chdir(process.cwd, { doing: doingChdir(process.cwd) });
    cwd = askWorkingDirectory(k);
    k.flush();
  }
  checkWorkingDirectory(cwd);
  replaceNulls(k, nulls);
  k.flush();
  if (home) env.push(`HOME=${home.resolve()}`);
  return recordClone(k, plan, filter, placed, { path: program.resolve(), env, cgroup });
}

/** Enters all namespaces of the container's init at once; setns(2) with a pidfd (Linux 5.8). */
function joinContainer(k: Recorder, plan: ExecPlan, procfs: HostProcfs | undefined): void {
  const { mount, uts, ipc, pid, cgroup, network, time } = NAMESPACES;
  const doing = "join the namespaces of the container";
  const root = plan.foreignRoot ? k.open(`/proc/${plan.pid}/root`, c.O_PATH | c.O_DIRECTORY) : undefined;
  const flags = mount.flag | uts.flag | ipc.flag | pid.flag | cgroup.flag | network.flag;
  // Of namespaces that belong to a user namespace the kernel wants its rights, so it enters that one first of all.
  const { userNamespace: user } = plan;
  k.setns(plan.pidfd, user?.flags ?? flags | (plan.timeNamespace ? time.flag : 0), {
    doing,
    repair(errno) {
      if (errno !== EPERM || user) throw new OperationError("setns", errno, "", doing);
      const others = plan.otherNamespaces();
      if (others !== 0) k.setns(plan.pidfd, others, { doing });
      return "skip";
    },
  });
  if (plan.resetAffinity) resetAffinity(k);
  if (user) {
    if (!user.groupsDenied) k.call("setgroups", [0, null], { doing });
    k.call("setresgid", [0, 0, 0], { doing });
    k.call("setresuid", [0, 0, 0], { doing });
  }
  k.close(plan.pidfd);
  if (root) {
    k.fchdir(root);
    k.call("chroot", ["."], { doing: "change the root to the container's" });
    k.close(root);
  }
  const { keyring } = plan;
  if (keyring === undefined) return;
  const join = () => joinKeyring(k, keyring, "join the container's session keyring");
  if (procfs) plan.labels!.process.forKeys(k, procfs.fd, join);
  else join();
}

/** Enters the working directory; tells whether that is to be done again as the user. */
function changeDirectory(k: Recorder, cwd: string): () => boolean {
  let again = false;
  k.chdir(cwd, {
    repair(errno) {
      // Root may be barred where the user is not, on a network filesystem for one.
      if (errno !== EACCES && errno !== EPERM) throw new OperationError("chdir", errno, "", doingChdir(cwd));
      again = true;
      return "skip";
    },
  });
  return () => again;
}

/** runc's words, though the directory may come from the command line. */
const doingChdir = (cwd: string) => `chdir to cwd (${JSON.stringify(cwd)}) set in config.json failed`;

/** When a filter is loaded, and by whom. */
interface Placement {
  /** By the joiner, before the clone. */
  early: boolean;
  /** Rights beyond the final ones that are needed until it is loaded. */
  rights: readonly CapabilityName[];
  /** The rights outlive the clone. */
  late: boolean;
}

/** What a process does between an early filter and its program, other than with its terminal. */
const CALLS_UNDER_FILTER: readonly SyscallName[] = [
  "capset",
  "clone",
  "setsid",
  "prlimit64",
  "execve",
  "write",
  "exit_group",
];

/**
 * Decides where a filter is loaded. With no-new-privileges: last of all, by the process, which needs no right for it.
 *
 * Without, it takes CAP_SYS_ADMIN, so the joiner loads it, drops the right, and clones the process under the filter.
 * Only where the filter would not let that happen, the process is cloned with the right, and drops it after loading.
 * The same holds for CAP_SYS_NICE and a deadline, which no clone inherits.
 */
function placeFilter(plan: ExecPlan, filter: SeccompFilter | null): Placement {
  const { process, terminal, attributes, loadListener } = plan;
  const nice: CapabilityName[] = attributes?.needsNice ? ["CAP_SYS_NICE"] : [];
  if (filter !== null && loadListener) return placeListener(process, filter, nice);
  if (filter === null || process.noNewPrivileges) {
    return { early: false, rights: nice, late: nice.length > 0 };
  }
  const scheduler: SyscallName[] = attributes?.after ? ["sched_setattr"] : [];
  const calls = [...CALLS_UNDER_FILTER, ...scheduler, ...(terminal?.calls ?? [])];
  const early = nice.length === 0 && filterAllows(filter.program, calls, c.CLONE_PARENT);
  return { early, rights: ["CAP_SYS_ADMIN", ...nice], late: !early };
}

/** What the joiner calls under a filter that asks, before the agent can know of the process: these must not be asked about. */
const CALLS_BEFORE_AGENT: readonly SyscallName[] = ["read", "write", "close", "mmap", "capset", "clone"];

/** A filter that asks is loaded while tsrun still drives the joiner, which hands the listener over. */
function placeListener(process: Process, filter: SeccompFilter, nice: readonly CapabilityName[]): Placement {
  if (!filterAllows(filter.program, CALLS_BEFORE_AGENT, c.CLONE_PARENT)) {
    throw new TsrunError({
      code: "EPERM_SECCOMP_LISTENER",
      operation: "exec under a filter that asks",
      reason: `it must allow ${CALLS_BEFORE_AGENT.join(", ")}`,
    });
  }
  const admin: CapabilityName[] = process.noNewPrivileges ? [] : ["CAP_SYS_ADMIN"];
  return { early: true, rights: [...admin, ...nice], late: nice.length > 0 };
}

/** Final capabilities, with the rights that are needed for what is left to do. */
function takeRights(k: Recorder, { process, host }: ExecPlan, rights: readonly CapabilityName[]): void {
  setCapabilities(k, withRights(finalSets(process, host), host, rights));
  raiseAmbient(k, process, host.last);
}

/** The program that ends in execve: all of it is recorded before any of it runs. */
function recordClone(
  k: Recorder,
  plan: ExecPlan,
  filter: SeccompFilter | null,
  placed: Placement,
  program: Program,
): ExecReady {
  const reports = new FailureReports(k, plan.report);
  const joiner = new Label();
  if (filter) plan.loadListener?.(k, filter);
  detach(k, plan, reports);
  if (placed.early && !plan.loadListener) loadFilter(k, filter, reports);
  if (placed.rights.length > 0 && !placed.late) dropRights(k, plan, reports);
  const clone = reports.guard(
    CLONING,
    (onError) => k.call("clone", [c.CLONE_PARENT, 0, 0, 0, 0], { onError, onPositive: joiner }),
  );
  recordProcess(k, plan, placed.early ? null : filter, placed, program, reports);
  reports.record();
  k.place(joiner);
  reports.sendPid(clone);
  k.call("exit_group", [0], { allow: "any" });
  return { release: () => k.release(k.program()) };
}

/** The step that a cgroup without room for one more process fails. */
export const CLONING = "clone the process into the PID namespace";

/** What is executed, its environment, and the file of a cgroup to enter. */
interface Program {
  path: string;
  env: readonly string[];
  cgroup: Result | undefined;
}

/** What is left to the process in the container. */
function recordProcess(
  k: Recorder,
  plan: ExecPlan,
  filter: SeccompFilter | null,
  { late }: Placement,
  { path, env, cgroup }: Program,
  reports: FailureReports,
): void {
  if (cgroup) {
    const zero = new TextEncoder().encode("0");
    reports.guard("enter the cgroup", (onError) => k.call("write", [cgroup, zero, 1], { onError }));
  }
  reports.guard("make a session of the process", (onError) => k.call("setsid", [], { onError }));
  plan.terminal?.attach(k, reports);
  for (const { resource, soft, hard, doing } of plan.limits) {
    reports.guard(doing, (onError) => k.call("prlimit64", [0, resource, [soft, hard], 0], { onError }));
  }
  const { after } = plan.attributes ?? {};
  if (after) reports.guard("set the scheduler of the process", (onError) => after(k, onError));
  loadFilter(k, filter, reports);
  if (late) dropRights(k, plan, reports);
  const { args } = plan.process;
  reports.guard(`exec ${path}`, (onError) => k.call("execve", [path, args, env], { onError }));
}

/** Cuts the joiner off from tsrun, before there is a process that the container sees. */
function detach(k: Recorder, plan: ExecPlan, reports: FailureReports): void {
  reports.guard(CUTTING_OFF, (onError) => unshareMemory(k, plan.arena, onError));
  closeQuietly(k, plan.channel);
}

function loadFilter(k: Recorder, filter: SeccompFilter | null, reports: FailureReports): void {
  if (filter === null) return;
  const code = [filter.program.length / 8, k.memory.put(filter.program)];
  const args = [c.SECCOMP_SET_MODE_FILTER, filter.flags, code];
  reports.guard("load the seccomp filter", (onError) => k.call("seccomp", args, { onError }));
}

function dropRights(k: Recorder, { process, host }: ExecPlan, reports: FailureReports): void {
  const sets = finalSets(process, host);
  const doing = "set the capabilities of the process";
  reports.guard(doing, (onError) => setCapabilities(k, sets, { onError }));
}
