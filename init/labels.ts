/**
 * Security labels of the container's process: an AppArmor profile, an SELinux context.
 *
 * Both are promises that the kernel keeps at the next execve(2). They are written to files of a procfs that
 * nobody in the container can have changed: in one that is mounted over, the write would go to a file of the
 * attacker's and the process would run without its profile (CVE-2019-16884). A clone inherits the promise, so
 * whoever has the rights and the procfs at hand can make it. Sources: proc_pid_attr(5),
 * Documentation/admin-guide/LSM/apparmor.rst, libapparmor's aa_change_onexec(2), libselinux's setexeccon(3)
 * and setkeycreatecon(3).
 * @module
 */

import { TsrunError } from "../ffi/errors.ts";
import {
  O_DIRECTORY,
  O_PATH,
  O_WRONLY,
  PROC_SUPER_MAGIC,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_XDEV,
} from "../ffi/constants.ts";
import { ENOENT, strerror } from "../ffi/errno.ts";
import { type Fd, type Kernel, OperationError, type Result } from "../ffi/kernel.ts";
import type { Recorder } from "../ffi/recorder.ts";
import type { SyscallName } from "../ffi/syscalls.ts";
import { decodeStatfsType, STATFS_SIZE } from "../ffi/structs.ts";

/** Resolves a path below an open procfs, and never enters a mount on a part of it. */
const IN_PROCFS = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;

/** The labels of a process. */
export class ProcessLabels {
  /**
   * @param profile Name of the AppArmor profile, empty for the one that the runtime has.
   * @param attribute Where this kernel takes it: `attr/apparmor/exec`, or `attr/exec` before Linux 5.8.
   * @param context SELinux context, empty for what the policy says.
   */
  constructor(readonly profile: string, readonly attribute: string, readonly context: string) {}

  /** Gives keys that the calling process makes from now on the SELinux context of the process. */
  beginKeys(k: Kernel, procfs: Fd): void {
    this.#write(k, procfs, "attr/keycreate", this.context, "set the SELinux label of keys");
  }

  /** Gives further keys the default context again. */
  endKeys(k: Kernel, procfs: Fd): void {
    this.#write(k, procfs, "attr/keycreate", "", "take the SELinux label of keys back");
  }

  /** Labels the calling process, or its clone, at its next execve(2). */
  forProgram(k: Kernel, procfs: Fd): void {
    if (this.context !== "") {
      const doing = `can't set process label ${JSON.stringify(this.context)}`;
      this.#write(k, procfs, "attr/exec", this.context, doing);
    }
    if (this.profile !== "") {
      const doing = "unable to apply apparmor profile: apparmor failed to apply profile " +
        JSON.stringify(this.profile);
      this.#write(k, procfs, this.attribute, `exec ${this.profile}`, doing, NOT_LOADED);
    }
  }

  #write(k: Kernel, procfs: Fd, attribute: string, value: string, doing: string, missing = ""): void {
    const fail = (call: SyscallName, hint: string) => (errno: number) => {
      if (errno === ENOENT && hint !== "") {
        const reason = `${hint}: ${strerror(errno)}`;
        throw new TsrunError({ code: "ENOENT_LABEL", operation: doing, reason });
      }
      throw new OperationError(call, errno, `"/proc/self/${attribute}"`, doing);
    };
    const file = k.openat2(procfs, `self/${attribute}`, O_WRONLY, IN_PROCFS, 0, {
      repair: fail("openat2", ""),
    });
    k.write(file, value, { repair: fail("write", missing) });
    k.close(file);
  }
}

const NOT_LOADED = "no such profile is loaded (load its file by apparmor_parser -r)";

/** The part of a process's shared state that labels need. */
interface Labelling {
  k: Recorder;
  keyring: string | undefined;
}

/**
 * Steps of a process that gets labels.
 *
 * @param procfs Called by each step that needs a procfs.
 * @param close Called when the keys have their labels.
 */
export function labelSteps<Context extends Labelling>(
  labels: ProcessLabels,
  procfs: (context: Context) => Fd,
  close: (context: Context) => void = () => {},
) {
  const ofKeys = ({ keyring }: Context) => keyring !== undefined && labels.context !== "";
  return {
    "keyring label": (context: Context) => {
      if (ofKeys(context)) labels.beginKeys(context.k, procfs(context));
    },
    keyring: (context: Context) => {
      if (ofKeys(context)) labels.endKeys(context.k, procfs(context));
      close(context);
    },
    labels: (context: Context) => labels.forProgram(context.k, procfs(context)),
  };
}

/** The labels of a container. */
export interface ContainerLabels {
  process: ProcessLabels | undefined;
  /** SELinux context of its mounts, empty where the policy decides. */
  mounts: string;
}

/** The host's procfs, opened while the caller is in the host's mount namespace. */
export interface HostProcfs {
  fd: Result;
  /** Throws if it is no procfs. Call it after the kernel has answered. */
  check: () => void;
}

/**
 * Opens the host's procfs. A process that is about to join a container's namespaces may have no right to
 * mount one.
 */
export function openHostProcfs(k: Kernel): HostProcfs {
  const fd = k.open("/proc", O_PATH | O_DIRECTORY);
  const statfs = k.buffer(STATFS_SIZE);
  k.fstatfs(fd, statfs);
  return {
    fd,
    check() {
      if (decodeStatfsType(statfs) !== PROC_SUPER_MAGIC) throw foreignProcfs();
    },
  };
}

function foreignProcfs(): TsrunError {
  return new TsrunError({ code: "EXDEV_PROCFS", operation: "set labels", reason: "/proc is not a procfs" });
}
