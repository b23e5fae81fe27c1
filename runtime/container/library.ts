/**
 * What a program that uses tsrun as a library (mod.ts) gives and gets.
 * @module
 */

import { leaveSignals } from "../../ffi/background.ts";
import { LocalKernel } from "../../ffi/local.ts";
import type { State } from "../../spec/types.ts";
import { waitForChild } from "../host/child.ts";
import { Log } from "../host/log.ts";

/** Which container, and how it is kept. */
export interface ContainerOptions {
  /** Its name, unique under the root: letters, digits, `_`, `+`, `-` and `.`. */
  id: string;
  /** Directory of the containers' states; that of the command when absent. */
  root?: string;
  /** Have systemd make the container's cgroup. */
  systemdCgroup?: boolean;
  /** Whether cgroups may be out of reach; found out when absent. */
  rootless?: boolean;
  /** Takes what the program should know although nothing failed; written to standard error when absent. */
  onWarning?: (message: string) => void;
}

/** How to make a container. */
export interface CreateOptions {
  /** Path of the bundle. */
  bundle: string;
  /** Paths: a file for the init's pid, sockets for the terminal's master and for a pidfd of the init. */
  pidFile?: string;
  consoleSocket?: string;
  pidfdSocket?: string;
  /** Change the root without pivot_root(2), for a root file system on a ramdisk. */
  noPivot?: boolean;
  /** Keep the caller's session keyring. */
  noNewKeyring?: boolean;
  /** How many descriptors from 3 on the container's process gets. */
  preserveFds?: number;
}

/** What to run in a container; what is absent is as for the container's own process. */
export interface ExecOptions {
  /** The program and its arguments. */
  args: readonly string[];
  cwd?: string;
  /** `name=value`, added to the environment. */
  env?: readonly string[];
  /** `uid` or `uid:gid`, numbers. */
  user?: string;
  additionalGids?: readonly number[];
  /** Names of capabilities to add, such as `CAP_SYS_PTRACE`. */
  capabilities?: readonly string[];
  noNewPrivileges?: boolean;
  /** How many descriptors from 3 on the process gets. */
  preserveFds?: number;
  /** Do not refuse a paused container: the process runs when that is resumed. */
  ignorePaused?: boolean;
}

/** The state of a container: the specification's, and where and when it was made. */
export interface ContainerReport extends State {
  /** Absolute path of the root file system. */
  rootfs: string;
  /** RFC 3339. */
  created: string;
}

/** A process that {@linkcode Container.exec} has started. */
export class ContainerProcess {
  readonly #k: LocalKernel;
  #status: Promise<number> | undefined;

  /** @param pid Its pid on the host. */
  constructor(k: LocalKernel, readonly pid: number) {
    this.#k = k;
  }

  /** Waits for its end. @returns Its exit status, 128 + n when signal n ended it. */
  wait(): Promise<number> {
    return this.#status ??= waitForChild(this.#k, this.pid);
  }
}

/** The log of a program: warnings go where it wants them, and errors are thrown anyway. */
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

/** A kernel for one method: its memory goes with it, and its waits leave the program's signals alone. */
export function programKernel(): LocalKernel {
  leaveSignals();
  return new LocalKernel();
}

/** Does something within a promise, that may throw. */
export async function attempt<T>(work: () => T | Promise<T>): Promise<T> {
  return await work();
}
