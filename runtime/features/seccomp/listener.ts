/**
 * Sends the listener of a seccomp filter to the agent in `linux.seccomp.listenerPath`.
 *
 * Sources: runtime-spec config-linux.md (Seccomp, The Container Process State), pidfd_getfd(2).
 * @module
 */

import { Descriptor } from "../../../ffi/descriptor.ts";
import { pidfdGetfd, pidfdOpen } from "../../../ffi/pidfd.ts";
import { reasonOf, RuntimeError } from "../../../ffi/errors.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import type { ContainerProcessState } from "../../../spec/state.ts";
import type { LinuxSeccomp, State } from "../../../spec/types.ts";
import type { Recorder } from "../../../ffi/recorder.ts";
import {
  hasListener,
  loadEarly,
  loadWithListener,
  type SeccompFilter,
} from "../../../init/seccomp_listener.ts";
import { connectUnix, sendDescriptors, sendMessage } from "../../host/unix_socket.ts";
import type { CreateFeature, CreateRequest, ExecFeature, ExecRequest } from "../feature.ts";

/** Name of the descriptor in `fds`. */
const SECCOMP_FD = "seccompFd";

/** The init loads its filter at the end of create, so that the agent has the listener before `start`. */
export function forCreate({ spec }: CreateRequest): CreateFeature {
  const { listenerPath: path = "", listenerMetadata: metadata } = spec.linux!.seccomp!;
  return {
    steps: (deed) => ({
      listener: (setup) =>
        loadEarly(setup, (fd) => {
          const asked = { pid: deed.pid(), fd };
          sendListener(deed.k, asked, { path, metadata }, deed.state("creating"));
        }),
    }),
  };
}

/**
 * One more process gets a listener of its own. The joiner loads the filter, and the agent is told of the
 * process.
 */
export function forExec({ k, spec, state }: ExecRequest): ExecFeature {
  const listener = new ExecListener(k, spec.linux!.seccomp!, state);
  return {
    steps: ({ stage }) => ({
      filter: (setup) => void (setup.asks = hasListener(setup.filter)),
      listener(setup) {
        if (setup.asks) listener.load(setup.k, setup.filter!, () => stage.initPid);
      },
    }),
    host: { heard: ({ pid }) => listener.send(pid) },
  };
}

/** The listener of one more process, between its filter and its agent. */
class ExecListener {
  #fd = -1;
  #socket = -1;

  /**
   * @param seccomp `linux.seccomp`, with a `listenerPath`.
   * @param state The container's state.
   */
  constructor(readonly k: LocalKernel, readonly seccomp: LinuxSeccomp, readonly state: State) {}

  /**
   * Loads the filter in the joiner, and takes the listener from it. It connects to the agent first, so that
   * no process is started where none listens.
   *
   * @param pid The joiner's.
   * @throws {RuntimeError} `failed to connect with seccomp agent: dial unix <path>: <reason>`
   */
  load(joiner: Recorder, filter: SeccompFilter, pid: () => number): void {
    this.#close();
    try {
      this.#socket = connectUnix(this.k, this.seccomp.listenerPath!);
    } catch (error) {
      throw agentFailure(error);
    }
    loadWithListener(joiner, filter, (fd) => {
      const doing = "take the seccomp listener from the init stage";
      using pidfd = new Descriptor(this.k, pidfdOpen(this.k, pid(), { doing }));
      this.#fd = pidfdGetfd(this.k, pidfd.fd, fd, { doing });
    });
  }

  /**
   * Sends the listener to the agent.
   *
   * @param pid Pid of the process.
   * @throws {OperationError} When no agent listens any more. The process's calls are then answered with
   * ENOSYS.
   */
  send(pid: number): void {
    if (this.#fd < 0) return;
    const { listenerPath, listenerMetadata } = this.seccomp;
    const message = JSON.stringify(containerProcessState(pid, listenerMetadata, this.state));
    try {
      sendMessage(this.k, this.#socket, new TextEncoder().encode(message), [this.#fd], listenerPath!);
    } finally {
      this.#close();
    }
  }

  #close(): void {
    for (const fd of [this.#fd, this.#socket]) if (fd >= 0) this.k.close(fd);
    this.#fd = this.#socket = -1;
  }
}

/** A process under a filter that asks an agent. */
export interface Asked {
  /** Its pid on the host. For `exec` it is not that of the container's init. */
  pid: number;
  /**
   * The number of the listener in that process. The process must not run before this function has returned.
   */
  fd: number;
}

/**
 * Sends a process's listener, with the state of its container, over one connection.
 *
 * @param path `linux.seccomp.listenerPath`.
 * @param metadata `linux.seccomp.listenerMetadata`.
 * @param state Of the container, as hooks get it: `creating` for its init.
 * @throws {Error} When the descriptor cannot be taken (which needs CAP_SYS_PTRACE), or no agent listens.
 */
export function sendListener(
  k: LocalKernel,
  { pid, fd }: Asked,
  { path, metadata }: { path: string; metadata?: string },
  state: State,
): void {
  const doing = "take the seccomp listener from the container's process";
  using process = new Descriptor(k, pidfdOpen(k, pid, { doing }));
  using listener = new Descriptor(k, pidfdGetfd(k, process.fd, fd, { doing }));
  try {
    sendDescriptors(k, path, JSON.stringify(containerProcessState(pid, metadata, state)), [listener.fd]);
  } catch (error) {
    throw agentFailure(error);
  }
}

/** The error for an agent that cannot be reached, in runc's words, which its users look for. */
export function agentFailure(error: unknown): RuntimeError {
  return new RuntimeError(
    "ECONNREFUSED_SECCOMP_AGENT",
    `failed to connect with seccomp agent: ${reasonOf(error)}`,
  );
}

/** The message to the agent. */
export function containerProcessState(
  pid: number,
  metadata: string | undefined,
  state: State,
): ContainerProcessState {
  const { ociVersion } = state;
  return { ociVersion, fds: [SECCOMP_FD], pid, metadata, state };
}
