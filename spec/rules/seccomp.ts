/**
 * Rules of system call filters: runtime-spec `config-linux.md`, section Seccomp.
 *
 * Whether libseccomp and the kernel support a request is seen when the filter is compiled.
 *
 * @module
 */
import type { LinuxSeccomp } from "../types.ts";
import type { Partly, Report } from "./report.ts";

const PATH = "linux.seccomp";

/**
 * All rules of `linux.seccomp`.
 *
 * @param receiver The agent that an annotation names, where the profile does not.
 */
export function checkSeccomp(
  seccomp: Partly<LinuxSeccomp>,
  report: Report,
  receiver: string | undefined,
): void {
  const { defaultAction, defaultErrnoRet, syscalls = [], listenerPath = receiver, listenerMetadata } =
    seccomp;
  if (defaultAction === "SCMP_ACT_NOTIFY") {
    report(`${PATH}.defaultAction`, "SCMP_ACT_NOTIFY cannot be used as default action");
  }
  checkErrno(defaultAction, defaultErrnoRet, `${PATH}.defaultErrnoRet`, report);
  if (listenerMetadata && !listenerPath) {
    report(`${PATH}.listenerMetadata`, "must not be set without listenerPath");
  }
  let notifies = false;
  for (let index = 0; index < syscalls.length; index++) {
    const { action, errnoRet, names = [] } = syscalls[index];
    checkErrno(action, errnoRet, `${PATH}.syscalls[${index}].errnoRet`, report);
    if (action !== "SCMP_ACT_NOTIFY") continue;
    notifies = true;
    if (names.includes("write")) {
      report(`${PATH}.syscalls[${index}].names`, "SCMP_ACT_NOTIFY cannot be used for the write syscall");
    }
  }
  if (notifies && !listenerPath) report(`${PATH}.listenerPath`, "seccomp listenerPath is not set");
}

/** An error number is only allowed for an action that has one. */
function checkErrno(
  action: string | undefined,
  errno: number | undefined,
  path: string,
  report: Report,
): void {
  if (errno === undefined || action === undefined) return;
  if (action === "SCMP_ACT_ERRNO" || action === "SCMP_ACT_TRACE") return;
  report(path, `action ${action} has no error number`);
}
