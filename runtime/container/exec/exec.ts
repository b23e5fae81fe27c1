/**
 * `exec`: one more process in a container that runs.
 *
 * tsrun looks at the container, starts a stage, and drives what the stage becomes (init/exec_setup.ts). From the
 * clone on the process goes by itself, and tsrun reads a pipe that closes on exec: nothing in it means success.
 * @module
 */

import { keyringName } from "../../../init/keyring.ts";
import { SIGKILL } from "../../../ffi/constants.ts";
import { EAGAIN, ESRCH } from "../../../ffi/errno.ts";
import { OperationError } from "../../../ffi/kernel.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import type { RemoteKernel } from "../../../ffi/remote.ts";
import { setUpExec } from "../../../init/exec_setup.ts";
import type { ExecPlan, ExecReady, ExecTerminal, Limit } from "../../../init/exec_setup.ts";
import { Arena, ExecutorGone } from "../../../init/executor.ts";
import { readHostCapabilities } from "../../../init/identity.ts";
import type { SplitAttributes } from "../../../init/process_attributes.ts";
import { Stage } from "../../../init/stage.ts";
import type { Process, Spec } from "../../../spec/types.ts";
import type { TerminalRequest } from "../../features/terminal/console_socket.ts";
import { lineOfError, ownError, reasonOf, RuntimeError } from "../../../ffi/errors.ts";
import { limitsOf, raiseLimits } from "./limits.ts";
import { failedStart, hearReports, makeReport, NoRoomError, type Report } from "./reports.ts";
import { type ProcessFlags, processFromFile, processFromFlags } from "./process.ts";
import {
  type ExecEntry,
  isPaused,
  loadEntry,
  loadFullEntry,
  loadResctrl,
  loadSubCgroups,
  loadSystemdEntry,
} from "../../cgroups/mod.ts";
import { callerDeniesGroups } from "../../host/caller.ts";
import { checkPreserved, inspectStdio } from "../../host/inherited_fds.ts";
import { otherNamespaces } from "../../host/namespaces.ts";
import type { Log } from "../../host/log.ts";
import { writePidFile } from "../../host/pid_file.ts";
import { savedConfig } from "../saved_config.ts";
import { type ContainerState, readState } from "../record.ts";
import { checkRoot } from "../state_dir.ts";
import { initAlive, initEnds } from "../status.ts";
import { mark } from "../../host/trace.ts";

/** What the command line says. */
export interface ExecOptions {
  /** State root, absolute. */
  root: string;
  id: string;
  /** The process: a path of a document, or changes to the container's own. */
  process: string | ProcessFlags;
  consoleSocket?: string;
  pidfdSocket?: string;
  detach: boolean;
  /** Absolute. */
  pidFile?: string;
  preserveFds: number;
  /** `--cgroup`, as given. */
  cgroups: readonly string[];
  ignorePaused: boolean;
  log: Log;
  /** Takes the master of the process's terminal, by a tsrun that stays; absent when it leaves. */
  takeMaster?: (master: number) => void;
}

/** Everything that an exec in progress has in hand. */
interface Execution {
  o: ExecOptions;
  k: LocalKernel;
  state: ContainerState;
  spec: Spec;
  process: Process;
  parts: Parts;
  entry: ExecEntry;
  cgroups: Awaited<ReturnType<typeof loadEntry>>;
  stage: Stage;
  /** Descriptors of the stage and what it becomes: a pidfd of the container's init, and the end of its report. */
  pidfd: number;
  report: Report;
}

/** Code that only some processes need. */
interface Parts {
  seccomp: typeof import("../../features/seccomp/mod.ts") | undefined;
  attributes: typeof import("../../../init/process_attributes.ts") | undefined;
  resctrl: Awaited<ReturnType<typeof loadResctrl>> | undefined;
  labels: ExecPlan["labels"];
  terminal: typeof import("../../features/terminal/console_socket.ts") | undefined;
  user: import("./user_namespace.ts").ExecUserNamespace | undefined;
  listener: import("./listener.ts").ExecListener | undefined;
  sendPidfd: ReturnType<typeof import("../../features/pidfd_socket.ts").connectForPidfd> | undefined;
}

/**
 * Runs a process in a container.
 *
 * @returns 0 when detached, else the exit status of the process, 128 + n when signal n ended it.
 * @throws {RuntimeError} For whatever failed; there is no process then.
 */
export async function execInContainer(k: LocalKernel, o: ExecOptions): Promise<number> {
  // The process may have a terminal.
  const waits = !o.detach && (typeof o.process === "string" || o.process.tty);
  if (waits) (await import("../../../ffi/background.ts")).prepareBackground();
  // Before anything is started, so that no signal meant for the process is lost. Never disposed of: tsrun ends with it.
  const supervisor = o.detach ? undefined : new (await import("../supervisor.ts")).Supervisor(k);
  let master = -1;
  const started = await startProcess(k, o.detach ? o : { ...o, takeMaster: (fd) => master = fd });
  const { pid } = started;
  using terminal = master < 0
    ? undefined
    : new (await import("../../features/terminal/terminal.ts")).Terminal(k, master, supervisor!);
  mark("program started");
  tellCaller(k, o, started);
  if (supervisor === undefined) return 0;
  // The copy begins before anybody waits: a process that has been waited for cannot be looked at any more.
  terminal?.attach(pid);
  const status = await supervisor.wait(pid);
  await terminal?.drained();
  return status;
}

/** A process that runs, and how to send a pidfd of it, where the caller asked for one. */
interface Started {
  pid: number;
  sendPidfd: Parts["sendPidfd"];
}

/** Says who the process is, where the caller asked for it; a process that nobody would know of is ended. */
function tellCaller(k: LocalKernel, { pidFile }: ExecOptions, { pid, sendPidfd }: Started): void {
  try {
    sendPidfd?.(pid, "setns");
    if (pidFile !== undefined) writePidFile(pidFile, pid);
  } catch (error) {
    k.kill(pid, SIGKILL, { allow: "any" });
    k.reap(pid);
    throw error;
  }
}

/** Starts the process; its pid on the host comes back when its program runs. */
async function startProcess(k: LocalKernel, o: ExecOptions): Promise<Started> {
  checkPreserved(k, 0, o.preserveFds);
  checkRoot(o.root, k);
  const state = readState(o.root, o.id);
  const paths = await cgroupPaths(state, o.cgroups);
  try {
    return await finish({ o, k, state, ...begin(k, o, state) }, paths);
  } catch (error) {
    // Whatever looks strange in a container that is ending has that for a reason.
    if (initEnds(state)) throw new RuntimeError(STOPPED);
    throw error instanceof ExecutorGone ? failedStart(reasonOf(error)) : ownError(error);
  }
}

const STOPPED = "cannot exec in a stopped container";

/** What an exec has in hand once its stage runs. */
type Begun = Pick<Execution, "o" | "k" | "state" | "stage" | "pidfd" | "report">;

async function finish(begun: Begun, paths: Record<string, string>): Promise<Started> {
  const { o, k, state } = begun;
  const spec = savedConfig(o.root, o.id);
  const process = typeof o.process === "string"
    ? await processFromFile(o.process, spec.process)
    : processFromFlags(spec.process, o.process);
  const parts = await loadParts(k, o, spec, process, state);
  parts.terminal?.checkTerminal(terminalRequest(o, process));
  mark("process known");
  const cgroups = await loadEntry();
  const known = { ...begun, spec, process, parts, cgroups };
  const { sendPidfd } = parts;
  try {
    // From a session that systemd does not delegate only systemd gets a process into a user's unit.
    const entry = state.cgroup?.bus === "user"
      ? (await loadSystemdEntry()).enterBySystemd(
        k,
        state.cgroup,
        paths.unified,
        begun.stage.pid,
      )
      : cgroups.entryOf(paths);
    return { pid: attempt({ ...known, entry }), sendPidfd };
  } catch (error) {
    if (!(error instanceof NoRoomError)) throw error;
    const entry = (await loadFullEntry()).entryOfFull(paths);
    if (entry === undefined) throw error;
    return { pid: attempt({ ...known, ...begin(k, o, state), entry }), sendPidfd };
  }
}

/** Starts a stage, which makes itself at home while tsrun goes on. */
function begin(
  k: LocalKernel,
  { ignorePaused, preserveFds }: ExecOptions,
  state: ContainerState,
): Pick<Execution, "stage" | "pidfd" | "report"> {
  const initPidfd = openInit(k, state, ignorePaused);
  const arena = new Arena(k, preserveFds);
  const report = makeReport(k, arena), pidfd = arena.inherited(initPidfd);
  const stage = new Stage(arena, preserveFds, undefined, [arena.fd, pidfd, report.write]);
  k.close(report.write);
  k.close(pidfd);
  mark("stage started");
  return { stage, pidfd, report };
}

function attempt(execution: Execution): number {
  using _arena = execution.stage.arena;
  try {
    build(execution).release();
  } catch (error) {
    throw undo(execution, error);
  }
  const { k, report, stage, process, parts } = execution;
  const terminal = process.terminal === true;
  return hearReports({ k, report, joiner: stage.initPid, terminal, listener: parts.listener });
}

/** Directories of the cgroups to run in, by controller. */
async function cgroupPaths(
  { cgroup }: ContainerState,
  wanted: readonly string[],
): Promise<Record<string, string>> {
  const paths = cgroup?.paths ?? {};
  return wanted.length === 0 ? paths : (await loadSubCgroups()).subCgroups(paths, wanted);
}

/** Refuses what cannot be entered, in runc's words; else a descriptor of the init, so that its pid cannot change hands. */
function openInit(k: LocalKernel, state: ContainerState, ignorePaused: boolean): number {
  const pidfd = state.pid === 0 ? -ESRCH : k.call("pidfd_open", [state.pid, 0], { allow: [ESRCH] }).wait();
  if (pidfd < 0 || !initAlive(state)) throw new RuntimeError(STOPPED);
  if (!ignorePaused && isPaused(state.cgroup)) {
    throw new RuntimeError("cannot exec in a paused container (use --ignore-paused to override)");
  }
  return pidfd;
}

/** Loads what this process needs: what is not loaded is not compiled. */
async function loadParts(
  k: LocalKernel,
  o: ExecOptions,
  { linux, process: own }: Spec,
  process: Process,
  state: ContainerState,
): Promise<Parts> {
  const { scheduler, ioPriority, execCPUAffinity: affinity } = process;
  const attributes = scheduler ?? ioPriority ?? affinity ?? linux?.personality ?? linux?.memoryPolicy;
  return {
    seccomp: linux?.seccomp ? await import("../../features/seccomp/mod.ts") : undefined,
    terminal: process.terminal || o.consoleSocket
      ? await import("../../features/terminal/console_socket.ts")
      : undefined,
    attributes: attributes ? await import("../../../init/process_attributes.ts") : undefined,
    labels: await labelsOfExec(process, own),
    user: linux?.namespaces?.some(({ type }) => type === "user")
      ? (await import("./user_namespace.ts")).lookAtUserNamespace(k, state.pid, process)
      : undefined,
    resctrl: state.resctrl ? await loadResctrl() : undefined,
    listener: linux?.seccomp?.listenerPath
      ? new (await import("./listener.ts")).ExecListener(k, linux.seccomp, state)
      : undefined,
    sendPidfd: o.pidfdSocket
      ? (await import("../../features/pidfd_socket.ts")).connectForPidfd(k, o.pidfdSocket)
      : undefined,
  };
}

/** A process that names no labels gets the container's; with runc one that comes as a document has none then. */
async function labelsOfExec(process: Process, own: Process): Promise<ExecPlan["labels"]> {
  const { apparmorProfile, selinuxLabel } = own;
  if (!(process.apparmorProfile || process.selinuxLabel || apparmorProfile || selinuxLabel)) return undefined;
  const { labelsOf, openHostProcfs } = await import("../../features/labels.ts");
  return { process: labelsOf(process, own)!, openProcfs: openHostProcfs };
}

/** From the stage to a process that only has to be let go. */
function build(execution: Execution): ExecReady {
  const { o, k, state, spec, process, parts, stage, entry } = execution;
  const affinity = process.execCPUAffinity;
  if (affinity?.initial) parts.attributes!.setAffinity(k, stage.pid, affinity.initial);
  if (o.log.debugging) o.log.debug(`nsexec[${stage.pid}]: affinity: ${affinityOf(stage.pid)}`);
  const nullStdio = process.terminal ? [] : inspectStdio(k, parts.user?.hostUid ?? process.user.uid);
  const limits = limitsOf(k, process.rlimits);
  const joiner = stage.init({
    namespaces: { fresh: new Set(), joins: [] },
    // A container's setting holds for all of its processes; without one the runtime's caller's would.
    oomScoreAdj: process.oomScoreAdj ?? spec.process.oomScoreAdj,
    cgroupTasks: entry.tasks,
    cloneInto: entry.cloneInto,
    // One that was asked for by name is not replaced by another.
    cloneElsewhere: o.cgroups.length > 0
      ? undefined
      : (errno) => execution.cgroups.cgroupOfInit(entry.cloneInto!, state.pid, errno),
  });
  const ready = setUpExec(joiner, execPlan(execution, joiner, nullStdio, limits));
  mark("process set up");
  raiseLimits(k, stage.initPid, limits);
  parts.resctrl?.enterResctrl(execution.state.resctrl!, stage.initPid);
  if (affinity?.final) parts.attributes!.setAffinity(k, stage.initPid, affinity.final);
  return ready;
}

/** The CPUs that a process may run on, as a mask: what runc says with `--debug` of one that is about to enter. */
function affinityOf(pid: number): string {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const mask = status.match(/^Cpus_allowed:\s*(\S+)/m)?.[1] ?? "";
  return `0x${mask.replaceAll(",", "").replace(/^0+(?=.)/, "")}`;
}

function execPlan(
  execution: Execution,
  joiner: RemoteKernel,
  nullStdio: readonly number[],
  limits: readonly Limit[],
): ExecPlan {
  const { o, k, state, spec, process, parts, entry, stage, pidfd, report } = execution;
  const { linux } = spec;
  const has = (type: string) => linux?.namespaces?.some((namespace) => namespace.type === type) === true;
  const { initial, final } = process.execCPUAffinity ?? {};
  return {
    process,
    pid: state.pid,
    pidfd,
    userNamespace: parts.user,
    timeNamespace: has("time"),
    otherNamespaces: () => otherNamespaces(state.pid),
    groupsDenied: callerDeniesGroups,
    foreignRoot: !has("mount"),
    keyring: state.noNewKeyring ? undefined : keyringName(o.id),
    host: parts.user?.capabilities ?? readHostCapabilities(k),
    nullStdio,
    umask: process.user.umask ?? spec.process.user.umask,
    attributes: attributesOf(execution),
    labels: parts.labels,
    resetAffinity: !initial && !final,
    terminal: terminalOf(execution, joiner),
    limits,
    filter: () =>
      linux?.seccomp
        ? parts.seccomp!.compileSeccomp(
          execution.k,
          linux.seccomp,
          parts.seccomp!.seccompCache(),
          (line) => o.log.debug(line),
        )
        : null,
    loadListener: parts.listener && ((k, filter) => parts.listener!.load(k, filter, () => stage.initPid)),
    report: report.write,
    channel: stage.channelFd,
    arena: stage.arena.fd,
    enter: entry.enter,
  };
}

function attributesOf({ parts, process, spec }: Execution): SplitAttributes | undefined {
  return parts.attributes?.splitAttributes(process, spec.linux);
}

/** Who has the terminal. */
function terminalRequest({ consoleSocket, takeMaster }: ExecOptions, { terminal }: Process): TerminalRequest {
  return { terminal, consoleSocket, takeMaster };
}

function terminalOf({ o, k, parts, process }: Execution, joiner: RemoteKernel): ExecTerminal | undefined {
  if (!process.terminal) return undefined;
  return parts.terminal!.terminalOfExec(k, joiner, process, terminalRequest(o, process));
}

/** Ends what a failed exec has started; returns the error to report. */
function undo({ stage }: Execution, error: unknown): RuntimeError {
  stage.kill();
  const full = error instanceof OperationError && error.call === "clone3" && error.errno === EAGAIN;
  const start = failedStart(lineOfError(error));
  return full ? new NoRoomError(start.message) : RuntimeError.from(error, start.message);
}
