/**
 * Everything the init does between its birth and the state `created`, in the order of the specification's lifecycle.
 *
 * It is driven from here, by tsrun; the init itself only makes the calls (see executor_x86_64.s).
 * @module
 */

import { resetAffinity } from "./affinity.ts";
import * as c from "../ffi/constants.ts";
import { EACCES, ENOENT, EPERM } from "../ffi/errno.ts";
import { type Fd, OperationError, type Result } from "../ffi/kernel.ts";
import type { Recorder } from "../ffi/recorder.ts";
import { NAMESPACES } from "../spec/namespaces.ts";
import type { Spec } from "../spec/types.ts";
import type { CgroupMountStep } from "./cgroup_mount.ts";
import { unshareMemory } from "./cut_off.ts";
import { containerHooks } from "./container_hooks.ts";
import type { HookSetting } from "./hook_program.ts";
import {
  becomeUser,
  dropBounding,
  finalSets,
  type HostCapabilities,
  raiseAmbient,
  setCapabilities,
  withSysAdmin,
} from "./identity.ts";
import { makeInRoot } from "./in_root.ts";
import { makeKeyring } from "./keyring.ts";
import type { ContainerLabels } from "./labels.ts";
import { bringLoopbackUp } from "./loopback.ts";
import type { MountContext } from "./mounts.ts";
import { openNulls, replaceNulls } from "./null_stdio.ts";
import type { NamespacePlan } from "./namespaces.ts";
import { openOutside, prepareRoot } from "./prepare_root.ts";
import {
  askWorkingDirectory,
  checkArguments,
  checkWorkingDirectory,
  hasHome,
  lookUpHome,
  lookUpProgram,
  uniqueEnv,
} from "./program.ts";
import { restrictPaths } from "./restricted_paths.ts";
import { makeRootReadonly } from "./rootfs.ts";
import { hasListener, loadWithListener, type SeccompFilter } from "./seccomp_listener.ts";
import { type DropRights, recordStart } from "./start_program.ts";
import { openProcfs, writeSysctls } from "./sysctl.ts";
import type { UserNamespaceSteps } from "./user_namespace.ts";

/** What the init is to become. Whatever is a function is asked for only when it is needed. */
export interface SetupPlan {
  id: string;
  spec: Spec;
  /** Absolute paths on the host. */
  bundle: string;
  rootfs: string;
  /** Whether the rootfs is the root of the host. */
  hostRoot: () => boolean;
  fifo: string;
  /** Descriptors of the init: what it is driven through, and the memory shared with tsrun. */
  channel: number;
  arena: number;
  namespaces: NamespacePlan;
  /** What is done otherwise in a user namespace; absent where the container has none. */
  userNamespace?: UserNamespaceSteps;
  /** Moves network devices of the host to the init's namespace; absent where the config names none. */
  netDevices?: () => void;
  noPivot: boolean;
  noNewKeyring: boolean;
  host: HostCapabilities;
  /** Compiles the filter, which takes a while when it is new; asked for while the init is at work. */
  filter: () => SeccompFilter | null;
  /** Sends the listener of such a filter to its agent; the argument is a descriptor of the init. */
  sendListener: (fd: number) => void;
  /** Makes the process's terminal in the root that the descriptor shows, where the process has one. */
  terminal: ((root: Fd) => void) | undefined;
  /** Sets what the config says of scheduling and the like; absent where it says nothing. */
  attributes: ((k: Recorder) => void) | undefined;
  /** Makes a time namespace, which the process enters as it becomes its program; absent where there is none, or it is made. */
  time?: (k: Recorder) => void;
  /** Security labels; absent where the config asks for none. */
  labels: ContainerLabels | undefined;
  /** Standard descriptors that are the host's null device, to be replaced by the container's. */
  nullStdio: readonly number[];
  hasKcore: boolean;
  /** Mount points of the host; the second kind are those that show a whole procfs or sysfs. */
  mountPoints: () => readonly string[];
  procAndSys: () => readonly string[];
  cgroupMount: () => readonly CgroupMountStep[];
  /** Whether tsrun's own user namespace, where that is the container's too, denies setgroups(2). */
  groupsDenied: () => boolean;
  /** Gives the init the procfs that tsrun sees, once it is known to be one: for an init that may mount none. */
  hostProcfs: () => number;
  /** Clones the source of a bind mount, where that takes more than open_tree(2). */
  openSource?: MountContext["openSource"];
  /** Copies a directory's content (`tmpcopyup`); the arguments are descriptors of the init. */
  copyUp: (from: number, to: number) => void;
  /** Runs the hooks of the runtime's namespaces, when all is mounted and the root is not yet changed. */
  runtimeHooks: () => void;
  /** The container's state as JSON, as hooks in the container get it. */
  hookState: (status: "creating" | "created", pid: number) => string;
  /** The runtime's environment, which hooks get when the config names none. */
  runtimeEnv: () => readonly string[];
}

/** A container that is set up, up to the program that waits for `start`. To be called in this order. */
export interface Ready {
  /**
   * Begins to cut the init off from tsrun; its limit of open files is set, and such that would bar it from memory are
   * not. Nobody waits.
   */
  cutOff: () => void;
  /** Waits for that. @throws {OperationError} Where it fails, or the init could not wait for `start`. */
  confirm: () => void;
  /** Lets the init go on by itself. */
  release: () => void;
}

/** Sets the container up; the kernel's process is a child in all the new namespaces. */
export function setUp(k: Recorder, plan: SetupPlan): Ready {
  const { args, env = [] } = plan.spec.process;
  checkArguments(args, env);
  const fifo = enter(k, plan);
  // Root of a user namespace may have a procfs only as long as one is in sight (mount_namespaces(7)): here the host's.
  const early = plan.userNamespace && openProcfs(k, plan.hostProcfs);
  const { root, later, checkRoot } = prepareRoot(k, plan, () => runHooks(k, plan));
  plan.terminal?.(root);
  nameHost(k, plan.spec);
  const procfs = early ?? openProcfs(k, plan.hostProcfs);
  writeSysctls(k, procfs, plan.spec.linux?.sysctl ?? {});
  restrict(k, plan, root);
  const settle = prepareProcess(k, plan, root);
  // The root becomes read-only last: the working directory may just have been made.
  for (const step of later) step();
  if (plan.spec.root.readonly) makeRootReadonly(k, root);
  return becomeProcess(k, plan, { root, procfs, fifo, checkRoot, settle });
}

/**
 * Session, keyring, cgroup namespace, loopback: what belongs to the process and its new namespaces.
 *
 * @returns Descriptor of exec.fifo, opened while the process is still as much of tsrun as it ever is.
 */
function enter(k: Recorder, plan: SetupPlan): Result {
  const { userNamespace: user } = plan;
  user?.begin(k);
  k.call("setsid", []);
  k.call("umask", [0]);
  resetAffinity(k);
  const fifo = openOutside(k, plan, plan.fifo, c.O_PATH | c.O_NOFOLLOW);
  // As long as the file for its clocks is the init's own.
  plan.time?.(k);
  user?.becomeRoot(k);
  if (!plan.noNewKeyring) makeLabelledKeyring(k, plan);
  if (plan.namespaces.fresh.has("cgroup")) k.unshare(NAMESPACES.cgroup.flag);
  if (plan.namespaces.fresh.has("network")) bringLoopbackUp(k);
  plan.netDevices?.();
  return fifo;
}

/** A keyring of the container's own, with its label where it has one. */
function makeLabelledKeyring(k: Recorder, { id, labels, hostProcfs }: SetupPlan): void {
  if (!labels?.process?.context) return makeKeyring(k, id);
  const procfs = openProcfs(k, hostProcfs);
  labels.process.forKeys(k, procfs, () => makeKeyring(k, id));
  k.close(procfs);
}

/** Hooks that find all mounted, and the root not yet changed. */
function runHooks(k: Recorder, plan: SetupPlan): void {
  plan.runtimeHooks();
  const { spec: { hooks }, rootfs } = plan;
  containerHooks(
    k,
    hooks?.createContainer ?? [],
    (pid) => hookSetting(plan, "creating", pid, plan.runtimeEnv(), rootfs),
  );
}

function hookSetting(
  plan: SetupPlan,
  status: "creating" | "created",
  pid: number,
  env: readonly string[],
  cwd?: string,
): HookSetting {
  return { state: plan.hookState(status, pid), env, cwd };
}

function nameHost(k: Recorder, { hostname, domainname }: Spec): void {
  const bytes = (text: string) => new TextEncoder().encode(text);
  if (hostname) k.call("sethostname", [hostname, bytes(hostname).length], { doing: "set the hostname" });
  if (domainname) {
    k.call("setdomainname", [domainname, bytes(domainname).length], { doing: "set the domainname" });
  }
}

function restrict(k: Recorder, plan: SetupPlan, root: Fd): void {
  const { maskedPaths = [], readonlyPaths = [] } = plan.spec.linux ?? {};
  restrictPaths(k, root, maskedPaths, readonlyPaths, plan.labels?.mounts);
}

/**
 * Working directory, standard descriptors, umask. The result is called when the kernel has answered, and tells whether
 * the directory is to be entered again as the user.
 */
function prepareProcess(k: Recorder, plan: SetupPlan, root: Fd): () => boolean {
  const { process } = plan.spec;
  let again = false, made = false;
  const doing = `chdir to cwd (${JSON.stringify(process.cwd)}) set in config.json failed`;
  k.chdir(process.cwd, {
    repair(errno) {
      if (errno === ENOENT && !made) {
        made = true;
        k.during(doing, () => makeInRoot(k, root, process.cwd, "directory"));
        return "retry";
      }
      // Root may be barred where the user is not, on a network filesystem for one.
      if (errno !== EACCES && errno !== EPERM) throw new OperationError("chdir", errno, "", doing);
      again = true;
      return "skip";
    },
  });
  const nulls = openNulls(k, root, plan.nullStdio);
  k.call("umask", [process.user.umask ?? 0o022]);
  return () => {
    replaceNulls(k, nulls);
    return again;
  };
}

/** What {@linkcode becomeProcess} takes over from the steps before. */
interface Prepared {
  root: Fd;
  procfs: Fd;
  fifo: Result;
  checkRoot: (() => void) | undefined;
  settle: () => boolean;
}

/** User, capabilities, environment, program; all of it known to work before the container counts as created. */
function becomeProcess(k: Recorder, plan: SetupPlan, prepared: Prepared): Ready {
  const { root, procfs, fifo } = prepared;
  const { process, hooks } = plan.spec;
  const env = uniqueEnv(process.env ?? []);
  const home = hasHome(env) ? undefined : lookUpHome(k, root, process.user.uid);
  k.close(root);
  plan.labels?.process?.forProgram(k, procfs);
  if (process.noNewPrivileges) k.prctl(c.PR_SET_NO_NEW_PRIVS, 1);
  plan.attributes?.(k);
  dropBounding(k, process, plan.host.last);
  becomeUser(k, process, plan.userNamespace?.groupsDenied() ?? plan.groupsDenied);
  k.kick();
  const filter = plan.filter();
  let dropRights = takeRights(k, plan, filter);
  k.flush();
  prepared.checkRoot?.();
  if (prepared.settle()) {
    k.during(
      `chdir to cwd (${JSON.stringify(process.cwd)}) set in config.json failed`,
      () => k.chdir(process.cwd),
    );
  }
  const cwd = askWorkingDirectory(k);
  const program = lookUpProgram(k, process.args[0], env);
  k.flush();
  checkWorkingDirectory(cwd);
  if (home) env.push(`HOME=${home.resolve()}`);
  const path = program.resolve();
  if (plan.userNamespace?.shown) showItself(k);
  const start = hooks?.startContainer ?? [];
  const pid = start.length > 0 ? k.call("getpid", []).wait() : 0;
  const hookSettings = hookSetting(plan, "created", pid, env);
  const early = hasListener(filter);
  if (early) {
    loadWithListener(k, filter!, plan.sendListener);
    dropRights?.(k, {});
    dropRights = undefined;
    k.flush();
  }
  recordStart(k, {
    process,
    path,
    env,
    procfs,
    fifo: fifo.wait(),
    channel: plan.channel,
    hooks: start,
    hookSetting: hookSettings,
    filter: early ? null : filter,
    dropRights,
  });
  const waiting = k.program();
  return {
    cutOff: () => cutOff(k, plan, procfs, fifo),
    confirm: () => k.flush(),
    release: () => k.release(waiting),
  };
}

/** Lets the owner of the user namespace look at the init: a change of its ids, the last of which is behind it, forbids that. */
function showItself(k: Recorder): void {
  k.prctl(c.PR_SET_DUMPABLE, 1);
  // What is recorded behind this is a program that nobody drives.
  k.flush();
}

/** The last that the init is driven to do. */
function cutOff(k: Recorder, { arena }: SetupPlan, procfs: Fd, fifo: Result): void {
  // To wait for `start` takes one more descriptor than there are: without it the program would not run, or run at once.
  const doing = "open exec.fifo to wait for start (is RLIMIT_NOFILE too small?)";
  const room = k.openat(procfs, `self/fd/${fifo.wait()}`, c.O_PATH, 0, { doing });
  k.close(room);
  unshareMemory(k, arena);
  k.kick();
}

/**
 * Gives the process its capabilities, together with what loading the filter wants.
 *
 * @returns What remains to be done when the filter is there; undefined where nothing does.
 */
function takeRights(k: Recorder, plan: SetupPlan, filter: SeccompFilter | null): DropRights | undefined {
  const { process } = plan.spec;
  const sets = finalSets(process, plan.host);
  const final: DropRights = (k, branches) => {
    const result = setCapabilities(k, sets, branches);
    raiseAmbient(k, process, plan.host.last);
    return result;
  };
  // Without no-new-privileges only CAP_SYS_ADMIN may load a filter, and the filter is the last thing but one.
  if (filter !== null && !process.noNewPrivileges) {
    setCapabilities(k, withSysAdmin(sets, plan.host));
    return final;
  }
  final(k, {});
  return undefined;
}
