/**
 * What the first process of a container and one more process (`exec`) do alike, to become a program: working
 * directory, standard descriptors, home, user, rights, and the look for the program.
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

/** Stages that both processes have, in this order, among others. */
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

/** What the steps share. */
export interface ProcessContext {
  readonly k: Recorder;
  readonly process: Process;
  /** Name of the session keyring; undefined: the caller's is kept. */
  readonly keyring: string | undefined;
  /** Standard descriptors that are the host's null device. They are replaced by the container's. */
  readonly nullStdio: readonly number[];
  /** File mode creation mask; undefined keeps the caller's. */
  readonly umask: number | undefined;
  /** What the process may be given at most; a user namespace has its own measure. */
  host: HostCapabilities;
  /**
   * setgroups(2) is denied for good in the process's user namespace; or whether it is, asked when it is
   * refused.
   */
  groupsDenied: boolean | (() => boolean);
  /** Descriptor of the container's root, until the stage `home` is over. */
  root: Fd;
  /** The environment; complete when the stage `found` is over. */
  readonly env: string[];
  /** The compiled filter, from the stage `filter` on; null: there is none. */
  filter: SeccompFilter | null;
  /** Path of the program, from the stage `found` on. */
  path: string;
  /** The working directory could not be entered by root, and is to be entered as the user. */
  barred: boolean;
  /** Makes a working directory that is missing; undefined: that is an error. */
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
    // The filter is compiled meanwhile.
    k.kick();
  },
  program: findProgram,
};

/** The error's words; runc's, though the directory may come from the command line. */
const doingChdir = ({ cwd }: Process) => `chdir to cwd (${JSON.stringify(cwd)}) set in config.json failed`;

/** Enters the working directory, and opens what the standard descriptors are replaced by. */
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

/** Looks the home directory up where the environment names none. */
function findHome({ k, root, env, process, later }: ProcessContext): void {
  if (!hasHome(env)) {
    const home = lookUpHome(k, root, process.user.uid);
    later("found", () => env.push(`HOME=${home.resolve()}`));
  }
  k.close(root);
}

/** Looks for the program as the process will see it, and for where the process is. */
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
 * @param more Further ones for what is left to do; they are dropped by {@linkcode dropRights}.
 */
export function giveRights({ k, process, host }: ProcessContext, more: readonly CapabilityName[]): void {
  setCapabilities(k, withRights(finalSets(process, host), host, more));
  raiseAmbient(k, process, host.last);
}

/** Leaves the process its final capabilities. @returns The call that may fail. */
export function dropRights(
  k: Recorder,
  { process, host }: Pick<ProcessContext, "process" | "host">,
  branches: Branches,
): Result {
  return setCapabilities(k, finalSets(process, host), branches);
}
