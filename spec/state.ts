/**
 * What a runtime tells about a container: runtime-spec `runtime.md`, section State.
 *
 * @module
 */

/** Where a container is in its life; `paused` is an addition of runc. */
export type Status = "creating" | "created" | "running" | "paused" | "stopped";

/** State of a container, as `state` prints it and hooks read it on their standard input. */
export interface State {
  /** Version of the runtime specification that the document follows. */
  ociVersion: string;
  /** The container's id. */
  id: string;
  /** Where it is in its life. */
  status: Status;
  /** Process id of its first process on the host; absent or 0 when stopped. */
  pid?: number;
  /** Absolute path of its bundle. */
  bundle: string;
  /** Annotations of its configuration. */
  annotations?: Record<string, string>;
}

/** What the receiver of a seccomp notification descriptor is sent: runtime-spec `config-linux.md`. */
export interface ContainerProcessState {
  /** Version of the runtime specification that the document follows. */
  ociVersion: string;
  /** Names of the descriptors that are sent along, in their order: `seccompFd`. */
  fds: string[];
  /** Process id on the host of the filtered process. */
  pid: number;
  /** The configuration's `listenerMetadata`. */
  metadata?: string;
  /** State of the container. */
  state: State;
}
