/**
 * `exec` under a seccomp filter that asks an agent: the process gets a listener of its own.
 *
 * The joiner loads the filter, and the agent is told when the process that inherits it has a pid.
 * @module
 */

import type { LocalKernel } from "../../../ffi/local.ts";
import type { Recorder } from "../../../ffi/recorder.ts";
import { loadWithListener, type SeccompFilter } from "../../../init/seccomp_listener.ts";
import type { LinuxSeccomp } from "../../../spec/types.ts";
import { agentFailure, containerProcessState } from "../../features/seccomp/listener.ts";
import type { ContainerState } from "../record.ts";
import { ociState } from "../status.ts";
import { connectUnix, sendMessage } from "../../host/unix_socket.ts";

/** The listener of one process, between its filter and its agent. */
export class ExecListener {
  #fd = -1;
  #socket = -1;

  /** @param seccomp `linux.seccomp`, with a `listenerPath`. */
  constructor(readonly k: LocalKernel, readonly seccomp: LinuxSeccomp, readonly state: ContainerState) {}

  /**
   * Loads the filter in the joiner, and takes the listener from it. The agent is called before there is a process, so that
   * none is started where nobody listens.
   *
   * @param pid The joiner's.
   * @throws {RuntimeError} `failed to connect with seccomp agent: dial unix <path>: <reason>`
   */
  load(joiner: Recorder, filter: SeccompFilter, pid: () => number): void {
    try {
      this.#socket = connectUnix(this.k, this.seccomp.listenerPath!);
    } catch (error) {
      throw agentFailure(error);
    }
    loadWithListener(joiner, filter, (fd) => {
      const doing = "take the seccomp listener from the init stage";
      const pidfd = this.k.call("pidfd_open", [pid(), 0], { doing }).wait();
      this.#fd = this.k.call("pidfd_getfd", [pidfd, fd, 0], { doing }).wait();
      this.k.close(pidfd);
    });
  }

  /**
   * Tells the agent. @param pid The process's.
   *
   * @throws {OperationError} When nobody listens any more; the process's questions are then answered with ENOSYS.
   */
  send(pid: number): void {
    if (this.#fd < 0) return;
    const { listenerPath, listenerMetadata } = this.seccomp;
    const message = JSON.stringify(
      containerProcessState(pid, listenerMetadata, ociState(this.state, "running")),
    );
    try {
      sendMessage(this.k, this.#socket, new TextEncoder().encode(message), [this.#fd], listenerPath!);
    } finally {
      for (const fd of [this.#fd, this.#socket]) this.k.close(fd);
      this.#fd = this.#socket = -1;
    }
  }
}
