/**
 * Options and results of the library (mod.ts).
 * @module
 */

import { leaveSignals } from "../../ffi/background.ts";
import { LocalKernel } from "../../ffi/local.ts";
import type { State } from "../../spec/types.ts";
import { waitForChild } from "../host/child.ts";
import { Log } from "../host/log.ts";
import { recordExit } from "./exit_status.ts";
import type { ContainerState } from "./record.ts";
import { unknownStatus, waitForContainer } from "./wait.ts";

/** Names a container, and says how it is kept. */
export interface ContainerOptions {
  /** The container's name, unique under the root: letters, digits, `_`, `+`, `-` and `.`. */
  id: string;
  /** Directory of the containers' states; the default is that of the command. */
  root?: string;
  /** Lets systemd make the container's cgroup. */
  systemdCgroup?: boolean;
  /** Whether cgroups may be out of reach; the default depends on the caller. */
  rootless?: boolean;
  /** Called with warnings, which are no errors; the default writes them to standard error. */
  onWarning?: (message: string) => void;
}

/** How to make a container. */
export interface CreateOptions {
  /** Path of the bundle. */
  bundle: string;
  /** Path of a file for the init's pid. */
  pidFile?: string;
  /** Path of a socket that is sent the terminal's master. */
  consoleSocket?: string;
  /** Path of a socket that is sent a pidfd of the init. */
  pidfdSocket?: string;
  /** Changes the root without pivot_root(2), for a root file system on a ramdisk. */
  noPivot?: boolean;
  /** Keeps the caller's session keyring. */
  noNewKeyring?: boolean;
  /** The container's process gets this many descriptors from 3 on. */
  preserveFds?: number;
}

/** The process to run in a container. Absent fields have the values of the container's own process. */
export interface ExecOptions {
  /** The program and its arguments. */
  args: readonly string[];
  /** Absolute working directory in the container. */
  cwd?: string;
  /** `name=value`, added to the environment. */
  env?: readonly string[];
  /** `uid` or `uid:gid`, numbers. */
  user?: string;
  /** Supplementary group ids. */
  additionalGids?: readonly number[];
  /** Names of capabilities to add, such as `CAP_SYS_PTRACE`. */
  capabilities?: readonly string[];
  /** Sets no_new_privs. */
  noNewPrivileges?: boolean;
  /** The process gets this many descriptors from 3 on. */
  preserveFds?: number;
  /** Accepts a paused container. The process runs when the container is resumed. */
  ignorePaused?: boolean;
}

/** The state of a container as the specification has it, with its root file system and time of creation. */
export interface ContainerReport extends State {
  /** Absolute path of the root file system. */
  rootfs: string;
  /** RFC 3339. */
  created: string;
}

/** A process that {@linkcode Container.exec} has started. */
export class ContainerProcess {
  /** Its pid on the host. */
  readonly pid: number;
  readonly #k: LocalKernel;
  #status: Promise<number> | undefined;

  /** {@linkcode Container.exec} makes it. */
  constructor(k: LocalKernel, pid: number) {
    this.#k = k;
    this.pid = pid;
  }

  /** Waits for its end. @returns Its exit status, 128 + n when signal n ended it. */
  wait(): Promise<number> {
    return this.#status ??= waitForChild(this.#k, this.pid);
  }
}

/**
 * The log of a program that uses the library. Warnings go to its function. Errors are thrown instead of
 * logged.
 */
export function programLog(onWarning: ContainerOptions["onWarning"]): Log {
  return onWarning ? new CallbackLog(onWarning) : new Log({ format: "text", debug: false });
}

/** A log whose warnings go to a function. */
class CallbackLog extends Log {
  constructor(readonly sink: (message: string) => void) {
    super({ format: "text", debug: false });
  }

  override warn(message: string): void {
    this.sink(message);
  }
}

/**
 * A kernel for one call of the library. Its memory is freed with it, and its waits do not touch the program's
 * signals.
 */
export function programKernel(): LocalKernel {
  leaveSignals();
  return new LocalKernel();
}

/** Calls a function, and returns its result or its error as a promise. */
export async function attempt<T>(work: () => T | Promise<T>): Promise<T> {
  return await work();
}

/**
 * Waits for the end of a container's process: of this program's child, or of another's.
 *
 * @returns Its exit status, 128 + n when signal n ended it.
 * @throws {RuntimeError} The status is lost.
 */
export async function statusAtEnd(k: LocalKernel, root: string, state: ContainerState): Promise<number> {
  if (k.isChild(state.pid)) {
    const status = await waitForChild(k, state.pid);
    recordExit(k, root, state, status, 0);
    return status;
  }
  const status = await waitForContainer(k, root, state.id, (poll, time) => poll.inBackground(time));
  if (status === undefined) throw unknownStatus(state.id);
  return status;
}
