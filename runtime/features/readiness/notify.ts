/**
 * Readiness: a container's process tells tsrun that it is ready, and tsrun tells its own service manager.
 *
 *     service manager <── $NOTIFY_SOCKET ── tsrun ── <root>/<id>/notify/notify.sock <── process (/run/notify)
 *
 * The manager would not believe the process itself: it is no process of the service that the manager started.
 * Sources: sd_notify(3), sd_notify_barrier(3), unix(7).
 * @module
 */

import { makePipe } from "../../../ffi/io.ts";
import { pidfdOpen } from "../../../ffi/pidfd.ts";
import { bindSocket, makeSocket, receiveInto } from "../../../ffi/sockets.ts";
import * as c from "../../../ffi/constants.ts";
import { EAGAIN, ENOENT, ESRCH } from "../../../ffi/errno.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import { PollSet } from "../../host/poll.ts";
import { unixAddress } from "../../../ffi/structs_socket.ts";
import type { Spec } from "../../../spec/types.ts";
import { connectUnix, sendMessage } from "../../host/unix_socket.ts";
import { makeDirectory } from "../../host/files.ts";
import type { CreateFeature, CreateRequest } from "../feature.ts";

const INSIDE = "/run/notify", NAME = "notify.sock";
/** Most bytes of a message that are read. */
const SIZE = 4096;
/** How long the manager may take to work through what it was sent, in milliseconds. */
const BARRIER_TIMEOUT = 30_000;

/** Directory of the socket. @param container The container's state directory. */
function directoryOf(container: string): string {
  return `${container}/notify`;
}

/** The container's process gets a socket to say on that it is ready. */
export function forCreate({ spec, directory }: CreateRequest): CreateFeature {
  addNotifySocket(spec, directory);
  return { host: { recorded: () => makeNotifyDirectory(directory) }, polls: true };
}

/**
 * Adds to a config what leads the container's process to the socket: a mount and a variable.
 *
 * @param container The container's state directory.
 */
export function addNotifySocket(spec: Spec, container: string): void {
  const options = ["bind", "nosuid", "noexec", "nodev", "ro"];
  spec.mounts = [...spec.mounts ?? [], { destination: INSIDE, source: directoryOf(container), options }];
  spec.process.env = [...spec.process.env ?? [], `NOTIFY_SOCKET=${INSIDE}/${NAME}`];
}

/** Makes the directory that is mounted into the container; it goes with the container's state. */
export function makeNotifyDirectory(container: string): void {
  makeDirectory(directoryOf(container), 0o755);
}

/** Which processes a proxy is about. */
export interface Watched {
  /** When this one has ended, nothing more will come. A child of this process that has not been waited for, or any other. */
  pid: number;
  /** The process that the manager is to watch from then on. */
  mainPid: number;
}

/** The container's end of the socket, open from its making to its disposal. */
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
   * @param manager `NOTIFY_SOCKET` of our own environment.
   * @returns Undefined for a container that was created without.
   */
  static open(k: LocalKernel, container: string, manager: string): NotifyProxy | undefined {
    const place = directoryOf(container);
    // The path may be longer than an address has room for.
    const directory = k.open(place, c.O_PATH | c.O_DIRECTORY, 0, { allow: [ENOENT] }).wait();
    if (directory < 0) return undefined;
    const doing = `listen on ${place}/${NAME}`;
    const path = `/proc/self/fd/${directory}/${NAME}`, address = unixAddress(path);
    const socket = makeSocket(k, [c.AF_UNIX, c.SOCK_DGRAM, 0], { doing });
    // One of a start that failed may be there.
    k.unlinkat(directory, NAME, 0, { allow: [ENOENT] });
    bindSocket(k, socket, address, { doing });
    // The process's user need not be root.
    k.fchmodat(c.AT_FDCWD, path, 0o777, { doing });
    k.close(directory);
    return new NotifyProxy(k, socket, manager);
  }

  /**
   * Waits until the container's process is ready, and tells the manager; or until it has ended.
   *
   * @throws {OperationError} When the manager cannot be told.
   */
  async pass({ pid, mainPid }: Watched): Promise<void> {
    const { k } = this;
    const pidfd = pidfdOpen(k, pid, { allow: [ESRCH] });
    const poll = new PollSet(k, [this.#socket, pidfd]);
    try {
      for (let ended = pidfd < 0;; ended ||= (await poll.inBackground())[1] !== 0) {
        // What came before the end counts.
        if (this.#isReady()) return await tellManager(k, this.manager, mainPid);
        if (ended) return;
      }
    } finally {
      if (pidfd >= 0) k.close(pidfd);
    }
  }

  /** Reads the messages that are there, until one says `READY=1`. */
  #isReady(): boolean {
    const { k } = this;
    return k.scratch(() => {
      const data = k.buffer(SIZE);
      for (;;) {
        const length = receiveInto(k, this.#socket, data, c.MSG_DONTWAIT, { allow: [EAGAIN] });
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

/** Whether a message says that a service is ready: one of its lines does. */
export function saysReady(message: string): boolean {
  return message.split("\n").includes("READY=1");
}

/** Tells the manager whom to watch and that it is ready, and waits until it has taken note: tsrun may end then. */
async function tellManager(k: LocalKernel, manager: string, mainPid: number): Promise<void> {
  const socket = connectUnix(k, manager, c.SOCK_DGRAM);
  try {
    for (const text of [`MAINPID=${mainPid}\n`, "READY=1\n"]) {
      sendMessage(k, socket, new TextEncoder().encode(text), [], manager);
    }
    await barrier(k, socket, manager);
  } finally {
    k.close(socket);
  }
}

/** The manager closes the pipe that it is sent when it has worked through all that was sent before. */
async function barrier(k: LocalKernel, socket: number, manager: string): Promise<void> {
  const { read, write } = makePipe(k);
  try {
    sendMessage(k, socket, new TextEncoder().encode("BARRIER=1"), [write], manager);
  } finally {
    k.close(write);
  }
  const [closed] = await new PollSet(k, [read]).inBackground(BARRIER_TIMEOUT);
  k.close(read);
  if (closed === 0) {
    throw new Error(`the service manager at ${manager} took no note of the container in time`);
  }
}
