/**
 * The listener of a seccomp filter goes to the agent that `linux.seccomp.listenerPath` names.
 *
 * Sources: runtime-spec config-linux.md (Seccomp, The Container Process State), pidfd_getfd(2).
 * @module
 */

import { pidfdGetfd, pidfdOpen } from "../../../ffi/pidfd.ts";
import { reasonOf, RuntimeError } from "../../../ffi/errors.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import type { ContainerProcessState } from "../../../spec/state.ts";
import type { State } from "../../../spec/types.ts";
import { sendDescriptors } from "../../host/unix_socket.ts";

/** Name of the descriptor in `fds`. */
const SECCOMP_FD = "seccompFd";

/** A process under a filter that asks. */
export interface Asked {
  /** Its pid on the host; for `exec` not that of the container's init. */
  pid: number;
  /** The number of the listener in that process, which must not run before it is answered. */
  fd: number;
}

/**
 * Sends a process's listener, with the state of its container, over one connection.
 *
 * @param path `linux.seccomp.listenerPath`.
 * @param metadata `linux.seccomp.listenerMetadata`.
 * @param state Of the container, as hooks get it: `creating` for its init.
 * @throws {Error} When the descriptor cannot be taken (which wants CAP_SYS_PTRACE), or nobody listens.
 */
export function sendListener(
  k: LocalKernel,
  { pid, fd }: Asked,
  { path, metadata }: { path: string; metadata?: string },
  state: State,
): void {
  const doing = "take the seccomp listener from the container's process";
  const process = pidfdOpen(k, pid, { doing });
  const listener = pidfdGetfd(k, process, fd, { doing });
  k.close(process);
  try {
    sendDescriptors(k, path, JSON.stringify(containerProcessState(pid, metadata, state)), [listener]);
  } catch (error) {
    throw agentFailure(error);
  } finally {
    k.close(listener);
  }
}

/** What to say of an agent that cannot be reached: in runc's words, which its users look for. */
export function agentFailure(error: unknown): RuntimeError {
  return new RuntimeError(`failed to connect with seccomp agent: ${reasonOf(error)}`);
}

/** What the agent is told. */
export function containerProcessState(
  pid: number,
  metadata: string | undefined,
  state: State,
): ContainerProcessState {
  const { ociVersion } = state;
  return { ociVersion, fds: [SECCOMP_FD], pid, metadata, state };
}
