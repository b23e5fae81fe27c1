/**
 * The kernel: its age, and the system calls that no container can do without.
 * @module
 */

import { strerror } from "../../../../ffi/errno.ts";
import { isAtLeast } from "../../../host/view.ts";
import { type DoctorHost, type Finding, fine, type Group, isRoot } from "../finding.ts";

/** What each call is for, and the Linux that has it. */
const CALLS: Readonly<Record<string, [since: string, means: string]>> = {
  clone3: ["5.3", "no container can be made"],
  pidfd: ["5.6", "a container's process cannot be told from a later one of its number: no command works"],
  openat2: ["5.6", "paths in an image cannot be kept in it: no container can be made"],
  faccessat2: ["5.8", "the program of a container cannot be looked up: no container can be made"],
  close_range: ["5.11", "descriptors of the caller would leak into containers: none can be made"],
};

export const kernel: Group = {
  name: "kernel",
  title: "Kernel",
  look(host): Finding[] {
    const { view, trials } = host, release = `Linux ${view.kernel}`;
    const age: Finding = isAtLeast(view, 5, 14) ? fine("release", release) : {
      name: "release",
      state: "limited",
      needed: false,
      says: `${release} is older than 5.14`,
      means: "tsrun is tested with 5.14 and later; what this kernel lacks is named below",
      mend: "install Linux 5.14 or later",
    };
    const calls = { clone3: trials.clone3(), pidfd: trials.pidfd(), ...trials.fileCalls() };
    return [age, ...Object.entries(calls).map(([name, errno]) => callFinding(name, errno)), memfd(host)];
  },
};

function callFinding(name: string, errno: number): Finding {
  const call = name === "pidfd" ? "pidfd_open, pidfd_send_signal, pidfd_getfd" : name;
  if (errno === 0) return fine(name, `${call}: works`, true);
  const [since, means] = CALLS[name];
  return {
    ...{ name, state: "missing", needed: true, means },
    says: `${call}: ${strerror(errno)}`,
    mend: `install Linux ${since} or later; in a container, allow the call in its seccomp profile`,
  };
}

function memfd({ trials, view, ...host }: DoctorHost): Finding {
  const name = "memfd", reason = trials.memfd();
  const sysctl = view.read("/proc/sys/vm/memfd_noexec")?.trim();
  const shown = sysctl === undefined ? "" : ` (vm.memfd_noexec=${sysctl})`;
  if (reason === undefined) return fine(name, `programs can be executed from memory${shown}`);
  return {
    ...{ name, state: "limited", needed: false },
    says: `no program can be executed from memory: ${reason}${shown}`,
    means: isRoot({ ...host, trials, view })
      ? "tsrun starts its init from a file of /run instead, a little slower"
      : "tsrun starts its init from a file of a root-only directory: users who are not root have none",
    mend: "sysctl -w vm.memfd_noexec=0",
  };
}
