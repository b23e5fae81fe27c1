/**
 * Files that take the output of a hook. They are files, and no pipes, so that a hook never waits for a
 * reader, and so that a process that it leaves behind may go on writing. They lie in a file system that only
 * the hook has, because a memfd has no limit.
 *
 * Sources: memfd_create(2), fsopen(2), open(2) (O_TMPFILE), Documentation/filesystems/tmpfs.rst.
 * @module
 */
import {
  FSCONFIG_CMD_CREATE,
  FSCONFIG_SET_STRING,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  MFD_CLOEXEC,
  O_CLOEXEC,
  O_DIRECTORY,
  O_RDWR,
  O_TMPFILE,
} from "../ffi/constants.ts";
import type { Result } from "../ffi/kernel.ts";
import { Label, type Recorder } from "../ffi/recorder.ts";

/** Most bytes that a hook may write to its standard output and its standard error. */
export const HOOK_OUTPUT_MAX: number = 16 << 20;

/** Makes a call that may fail; told where that leads to, if anywhere. */
export type Guard = (step: (onError?: Label) => Result) => Result;

/** Whoever a hook becomes may open its output by /dev/stderr. */
const MODE = 0o666;

/** Makes a file without a limit: its pages are charged to the hook. */
export function recordOutputFile(k: Recorder, stream: "stdout" | "stderr", guard: Guard): Result {
  return guard((onError) => k.call("memfd_create", [`hook:${stream}`, MFD_CLOEXEC], { onError }));
}

/**
 * Puts files of a file system of {@linkcode HOOK_OUTPUT_MAX} bytes in the place of others. A process that may
 * not mount keeps those: what its hooks write is charged to its user.
 */
export function recordLimit(k: Recorder, files: readonly Result[]): void {
  const onError = new Label();
  const context = k.call("fsopen", ["tmpfs", FSOPEN_CLOEXEC], { onError });
  const size = String(HOOK_OUTPUT_MAX);
  k.call("fsconfig", [context, FSCONFIG_SET_STRING, "size", size, 0], { onError });
  k.call("fsconfig", [context, FSCONFIG_CMD_CREATE, null, null, 0], { onError });
  const mount = k.call("fsmount", [context, FSMOUNT_CLOEXEC, 0], { onError });
  for (const file of files) {
    const flags = O_TMPFILE | O_DIRECTORY | O_RDWR | O_CLOEXEC;
    const limited = k.call("openat", [mount, ".", flags, MODE], { onError });
    k.call("fchmod", [limited, MODE], { onError });
    k.call("dup3", [limited, file, O_CLOEXEC], { onError });
    k.call("close", [limited], { allow: "any" });
  }
  for (const fd of [mount, context]) k.call("close", [fd], { allow: "any" });
  k.place(onError);
}
