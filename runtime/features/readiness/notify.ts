/**
 * Readiness: a container's process tells tsrun that it is ready, and tsrun tells its own service manager.
 *
 *     service manager <── $NOTIFY_SOCKET ── tsrun ── <root>/<id>/notify/notify.sock <── process (/run/notify)
 *
 * The manager ignores messages of the process itself, which does not belong to the service that the manager
 * started.
 *
 * Sources: sd_notify(3), sd_notify_barrier(3), unix(7).
 * @module
 */

import { Descriptor } from "../../../ffi/descriptor.ts";
import { makePipe } from "../../../ffi/io.ts";
import { pidfdOpen } from "../../../ffi/pidfd.ts";
import { bindSocket, makeSocket, receiveInto } from "../../../ffi/sockets.ts";
import { AF_UNIX, AT_FDCWD, MSG_DONTWAIT, O_DIRECTORY, O_PATH, SOCK_DGRAM } from "../../../ffi/constants.ts";
import { EAGAIN, ENOENT, ESRCH } from "../../../ffi/errno.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import { PollSet } from "../../host/poll.ts";
import { unixAddress } from "../../../ffi/structs_socket.ts";
import type { Spec } from "../../../spec/types.ts";
import { connectUnix, sendMessage } from "../../host/unix_socket.ts";
import { makeDirectory } from "../../host/files.ts";
import type { CreateFeature, CreateRequest } from "../feature.ts";

const INSIDE = "/run/notify", NAME = "notify.sock";
/** The most bytes of a message that are read. */
const SIZE = 4096;
/** How long the manager may take for the messages that it was sent, in milliseconds. */
const BARRIER_TIMEOUT = 30_000;

/** Directory of the socket. @param container The container's state directory. */
function directoryOf(container: string): string {
  return `${container}/notify`;
}

/** Gives the container's process a socket on which it says that it is ready. */
export function forCreate({ spec, directory }: CreateRequest): CreateFeature {
  addNotifySocket(spec, directory);
  return { host: { recorded: () => makeNotifyDirectory(directory) }, polls: true };
}

/**
 * Adds a mount and a variable to a config, by which the container's process finds the socket.
 *
 * @param container The container's state directory.
 */
export function addNotifySocket(spec: Spec, container: string): void {
  const options = ["bind", "nosuid", "noexec", "nodev", "ro"];
  spec.mounts = [...spec.mounts ?? [], { destination: INSIDE, source: directoryOf(container), options }];
  spec.process.env = [...spec.process.env ?? [], `NOTIFY_SOCKET=${INSIDE}/${NAME}`];
}

/** Makes the directory that is mounted into the container. It is removed with the container's state. */
export function makeNotifyDirectory(container: string): void {
  makeDirectory(directoryOf(container), 0o755);
}

/** The processes that a proxy watches or names. */
export interface Watched {
  /**
   * When this process has ended, no message will come. It is a child of tsrun that has not been waited for,
   * or any other process.
   */
  pid: number;
  /** The process that the manager is to watch from then on. */
  mainPid: number;
}

/** The container's end of the socket. It is open from construction to disposal. */
export class NotifyProxy implements Disposable {
  readonly #socket: number;
  #open = true;

  private constructor(readonly k: LocalKernel, socket: number, readonly manager: string) {
    this.#socket = socket;
  }

  /**
   * Opens the socket of a container that has not been started.
   *
   * @param container Its state directory.
   * @param manager `NOTIFY_SOCKET` of tsrun's own environment.
   * @returns Undefined for a container that was created without it.
   */
  static open(k: LocalKernel, container: string, manager: string): NotifyProxy | undefined {
    const place = directoryOf(container);
    // The path may be longer than an address has room for.
    using directory = new Descriptor(k, k.open(place, O_PATH | O_DIRECTORY, 0, { allow: [ENOENT] }));
    if (directory.fd < 0) return undefined;
    const doing = `listen on ${place}/${NAME}`;
    const path = `/proc/self/fd/${directory.fd}/${NAME}`, address = unixAddress(path);
    using socket = new Descriptor(k, makeSocket(k, [AF_UNIX, SOCK_DGRAM, 0], { doing }));
    // A failed start may have left one there.
    k.unlinkat(directory, NAME, 0, { allow: [ENOENT] });
    bindSocket(k, socket.fd, address, { doing });
    // The process's user need not be root.
    k.fchmodat(AT_FDCWD, path, 0o777, { doing });
    return new NotifyProxy(k, socket.release(), manager);
  }

  /**
   * Waits until the container's process is ready, and tells the manager; or until the process has ended.
   *
   * @throws {OperationError} When the manager cannot be told.
   */
  async pass({ pid, mainPid }: Watched): Promise<void> {
    const { k } = this;
    using pidfd = new Descriptor(k, pidfdOpen(k, pid, { allow: [ESRCH] }));
    const poll = new PollSet(k, [this.#socket, pidfd.fd]);
    for (let ended = pidfd.fd < 0;; ended ||= (await poll.inBackground())[1] !== 0) {
      // A message that came before the end counts.
      if (this.#isReady()) return await tellManager(k, this.manager, mainPid);
      if (ended) return;
    }
  }

  /** Reads the messages that have come, up to one that says `READY=1`. */
  #isReady(): boolean {
    const { k } = this;
    return k.scratch(() => {
      const data = k.buffer(SIZE);
      for (;;) {
        const length = receiveInto(k, this.#socket, data, MSG_DONTWAIT, { allow: [EAGAIN] });
        if (length < 0) return false;
        if (saysReady(data.text(length))) return true;
      }
    });
  }

  [Symbol.dispose](): void {
    if (this.#open) this.k.close(this.#socket);
    this.#open = false;
  }
}

/** Whether one line of a message says that the service is ready. */
export function saysReady(message: string): boolean {
  return message.split("\n").includes("READY=1");
}

/**
 * Tells the manager the process to watch and that it is ready. Waits until the manager has read this, so that
 * tsrun may end.
 */
async function tellManager(k: LocalKernel, manager: string, mainPid: number): Promise<void> {
  using socket = new Descriptor(k, connectUnix(k, manager, SOCK_DGRAM));
  for (const text of [`MAINPID=${mainPid}\n`, "READY=1\n"]) {
    sendMessage(k, socket.fd, new TextEncoder().encode(text), [], manager);
  }
  await barrier(k, socket.fd, manager);
}

/** Sends the manager a pipe. The manager closes it after it has handled all earlier messages. */
async function barrier(k: LocalKernel, socket: number, manager: string): Promise<void> {
  const pipe = makePipe(k);
  using read = new Descriptor(k, pipe.read);
  {
    using write = new Descriptor(k, pipe.write);
    sendMessage(k, socket, new TextEncoder().encode("BARRIER=1"), [write.fd], manager);
  }
  const [closed] = await new PollSet(k, [read.fd]).inBackground(BARRIER_TIMEOUT);
  if (closed === 0) {
    throw new RuntimeError(
      "ETIMEDOUT_NOTIFY",
      `tell the service manager ${JSON.stringify(manager)} that the container is ready: no answer in time`,
    );
  }
}
