/**
 * The steps to become a program that the first process of a container and one more process (`exec`) share:
 * working directory, standard descriptors, home, user, rights, and the search for the program.
 * @module
 */

import { PR_SET_NO_NEW_PRIVS } from "../ffi/constants.ts";
import { EACCES, ENOENT, EPERM } from "../ffi/errno.ts";
import { type Fd, OperationError, type Result } from "../ffi/kernel.ts";
import type { Branches, Recorder } from "../ffi/recorder.ts";
import type { CapabilityName } from "../spec/capabilities.ts";
import type { Process } from "../spec/types.ts";
import {
  becomeUser,
  dropBounding,
  finalSets,
  type HostCapabilities,
  raiseAmbient,
  setCapabilities,
  withRights,
} from "./identity.ts";
import type { Steps } from "./lifecycle.ts";
import { openNulls, replaceNulls } from "./null_stdio.ts";
import { askWorkingDirectory, checkWorkingDirectory, hasHome, lookUpHome, lookUpProgram } from "./program.ts";
import type { SeccompFilter } from "./seccomp_listener.ts";

/** The stages that both processes have, in this order. Each has further stages between them. */
export type ProcessStage =
  | "keyring label"
  | "keyring"
  | "working directory"
  | "home"
  | "labels"
  | "privileges"
  | "attributes"
  | "user"
  | "filter"
  | "program"
  | "found";

/** The state that the steps share. */
export interface ProcessContext {
  readonly k: Recorder;
  readonly process: Process;
  /** Name of the session keyring; undefined keeps the caller's. */
  readonly keyring: string | undefined;
  /** Standard descriptors that are the host's null device. They are replaced by the container's. */
  readonly nullStdio: readonly number[];
  /** File mode creation mask; undefined keeps the caller's. */
  readonly umask: number | undefined;
  /** The most rights that the process may get. In a user namespace these are other rights than the host's. */
  host: HostCapabilities;
  /**
   * True if setgroups(2) is denied for good in the process's user namespace. A function is called when
   * setgroups(2) fails, and returns whether it is denied.
   */
  groupsDenied: boolean | (() => boolean);
  /** Descriptor of the container's root; open until the end of the stage `home`. */
  root: Fd;
  /** The environment; complete after the stage `found`. */
  readonly env: string[];
  /** The compiled filter, set in the stage `filter`; null means no filter. */
  filter: SeccompFilter | null;
  /** Path of the program; set in the stage `found`. */
  path: string;
  /** Root could not enter the working directory, so the process enters it as its user. */
  barred: boolean;
  /** Makes a missing working directory. If undefined, a missing one is an error. */
  readonly makeDirectory: (() => void) | undefined;
  /** Adds a step that waits for the kernel's answers. */
  later(stage: "found", step: () => void): void;
}

/** The shared steps of the core. */
export const PROCESS_STEPS: Steps<ProcessStage, ProcessContext> = {
  "working directory": enterWorkingDirectory,
  home: findHome,
  privileges({ k, process }) {
    if (process.noNewPrivileges) k.prctl(PR_SET_NO_NEW_PRIVS, 1);
  },
  user({ k, process, host, groupsDenied }) {
    dropBounding(k, process, host.last);
    becomeUser(k, process, groupsDenied);
    // tsrun compiles the filter while these calls run.
    k.kick();
  },
  program: findProgram,
};

/** The words of the error. They are runc's, although the directory may come from the command line. */
const doingChdir = ({ cwd }: Process) => `chdir to cwd (${JSON.stringify(cwd)}) set in config.json failed`;

/** Enters the working directory, and opens the files that replace standard descriptors. */
function enterWorkingDirectory(context: ProcessContext): void {
  const { k, process, makeDirectory } = context;
  const doing = doingChdir(process);
  let made = false;
  k.chdir(process.cwd, {
    repair(errno) {
      if (errno === ENOENT && makeDirectory && !made) {
        made = true;
        k.during(doing, makeDirectory);
        return "retry";
      }
      // Root may be refused where the user is not, for example on a network filesystem.
      if (errno !== EACCES && errno !== EPERM) throw new OperationError("chdir", errno, "", doing);
      context.barred = true;
      return "skip";
    },
  });
  const nulls = openNulls(k, context.root, context.nullStdio);
  if (context.umask !== undefined) k.call("umask", [context.umask]);
  context.later("found", () => replaceNulls(k, nulls));
}

/** Looks the home directory up if the environment does not name it. */
function findHome({ k, root, env, process, later }: ProcessContext): void {
  if (!hasHome(env)) {
    const home = lookUpHome(k, root, process.user.uid);
    later("found", () => env.push(`HOME=${home.resolve()}`));
  }
  k.close(root);
}

/** Looks for the program as the process will see it, and asks where the process is. */
function findProgram(context: ProcessContext): void {
  const { k, process, env } = context;
  const ask = () => ({ cwd: askWorkingDirectory(k), program: lookUpProgram(k, process.args[0], env) });
  let asked = ask();
  context.later("found", () => {
    if (context.barred) {
      k.chdir(process.cwd, { doing: doingChdir(process) });
      asked = ask();
      k.flush();
    }
    checkWorkingDirectory(asked.cwd);
    context.path = asked.program.resolve();
  });
}

/**
 * Gives the process its final capabilities.
 *
 * @param more Further rights for the remaining steps. {@linkcode dropRights} drops them.
 */
export function giveRights({ k, process, host }: ProcessContext, more: readonly CapabilityName[]): void {
  setCapabilities(k, withRights(finalSets(process, host), host, more));
  raiseAmbient(k, process, host.last);
}

/** Reduces the process's rights to its final capabilities. @returns The call that may fail. */
export function dropRights(
  k: Recorder,
  { process, host }: Pick<ProcessContext, "process" | "host">,
  branches: Branches,
): Result {
  return setCapabilities(k, finalSets(process, host), branches);
}
