/**
 * Readiness: a container's process tells tsrun that it is ready, and tsrun tells its own service manager.
 *
 *     service manager <── $NOTIFY_SOCKET ── tsrun ── <root>/<id>/notify/notify.sock <── process (/run/notify)
 *
 * The manager would not believe the process itself: it is no process of the service that the manager started.
 * Sources: sd_notify(3), sd_notify_barrier(3), unix(7).
 * @module
 */

import { inBackground } from "../../../ffi/background.ts";
import * as c from "../../../ffi/constants.ts";
import { EAGAIN, ENOENT, ESRCH } from "../../../ffi/errno.ts";
import { local } from "../../../ffi/local.ts";
import { words32 } from "../../../ffi/structs.ts";
import { unixAddress } from "../../../ffi/structs_socket.ts";
import type { Spec } from "../../../spec/types.ts";
import { containerDir } from "../../container/id.ts";
import { readState } from "../../container/record.ts";
import { connectUnix, sendMessage } from "../../host/unix_socket.ts";

const INSIDE = "/run/notify", NAME = "notify.sock";
const MSG_DONTWAIT = 0x40;
/** Most bytes of a message that are read. */
const SIZE = 4096;
/** How long the manager may take to work through what it was sent, in milliseconds. */
const BARRIER_TIMEOUT = 30_000;

function directoryOf(root: string, id: string): string {
  return `${containerDir(root, id)}/notify`;
}

/** Adds to a config what leads the container's process to the socket: a mount and a variable. */
export function addNotifySocket(spec: Spec, root: string, id: string): void {
  const options = ["bind", "nosuid", "noexec", "nodev", "ro"];
  spec.mounts = [...spec.mounts ?? [], { destination: INSIDE, source: directoryOf(root, id), options }];
  spec.process.env = [...spec.process.env ?? [], `NOTIFY_SOCKET=${INSIDE}/${NAME}`];
}

/** Makes the directory that is mounted into the container; it goes with the container's state. */
export function makeNotifyDirectory(root: string, id: string): void {
  const directory = directoryOf(root, id);
  Deno.mkdirSync(directory, { mode: 0o755 });
  Deno.chmodSync(directory, 0o755);
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

  private constructor(socket: number, readonly manager: string) {
    this.#socket = socket;
  }

  /**
   * Opens the socket of a container that has not been started.
   *
   * @param manager `NOTIFY_SOCKET` of our own environment.
   * @returns Undefined for a container that was created without.
   */
  static open(root: string, id: string, manager: string): NotifyProxy | undefined {
    const k = local();
    // The path may be longer than an address has room for.
    const directory = k.open(directoryOf(root, id), c.O_PATH | c.O_DIRECTORY, 0, { allow: [ENOENT] }).wait();
    if (directory < 0) return undefined;
    const doing = `listen on ${directoryOf(root, id)}/${NAME}`;
    const path = `/proc/self/fd/${directory}/${NAME}`, address = unixAddress(path);
    const socket = k.call("socket", [c.AF_UNIX, c.SOCK_DGRAM | c.SOCK_CLOEXEC, 0], { doing }).wait();
    // One of a start that failed may be there.
    k.unlinkat(directory, NAME, 0, { allow: [ENOENT] });
    k.call("bind", [socket, address, address.length], { doing });
    // The process's user need not be root.
    k.call("fchmodat", [c.AT_FDCWD, path, 0o777], { doing });
    k.close(directory);
    return new NotifyProxy(socket, manager);
  }

  /**
   * Waits until the container's process is ready, and tells the manager; or until it has ended.
   *
   * @throws {OperationError} When the manager cannot be told.
   */
  async pass({ pid, mainPid }: Watched): Promise<void> {
    const k = local();
    const pidfd = k.call("pidfd_open", [pid, 0], { allow: [ESRCH] }).wait();
    const poll = k.buffer(16);
    poll.bytes.set(words32(this.#socket, c.POLLIN, pidfd, c.POLLIN));
    try {
      for (;;) {
        // What came before the end counts.
        const ended = pidfd < 0 || poll.u32(12) >>> 16 !== 0;
        if (this.#isReady()) return await tellManager(this.manager, mainPid);
        if (ended) return;
        await inBackground("ppoll", [poll.address, 2, 0, 0, 8]);
      }
    } finally {
      if (pidfd >= 0) k.close(pidfd);
    }
  }

  /** Reads the messages that are there, until one says `READY=1`. */
  #isReady(): boolean {
    const k = local();
    return k.scratch(() => {
      const data = k.buffer(SIZE);
      for (;;) {
        const length = k.call("recvfrom", [this.#socket, data, SIZE, MSG_DONTWAIT, 0, 0], { allow: [EAGAIN] })
          .wait();
        if (length < 0) return false;
        if (saysReady(data.text(length))) return true;
      }
    });
  }

  [Symbol.dispose](): void {
    if (this.#open) local().close(this.#socket);
    this.#open = false;
  }
}

/**
 * Starts a container, and stays until its process is ready or has ended.
 *
 * @param manager `NOTIFY_SOCKET` of our own environment.
 */
export async function startNotified(
  root: string,
  id: string,
  manager: string,
  start: () => Promise<void>,
): Promise<void> {
  using proxy = NotifyProxy.open(root, id, manager);
  await start();
  const { pid } = readState(root, id);
  await proxy?.pass({ pid, mainPid: pid });
}

/** Whether a message says that a service is ready: one of its lines does. */
export function saysReady(message: string): boolean {
  return message.split("\n").includes("READY=1");
}

/** Tells the manager whom to watch and that it is ready, and waits until it has taken note: tsrun may end then. */
async function tellManager(manager: string, mainPid: number): Promise<void> {
  const k = local();
  const socket = connectUnix(k, manager, c.SOCK_DGRAM);
  try {
    for (const text of [`MAINPID=${mainPid}\n`, "READY=1\n"]) {
      sendMessage(k, socket, new TextEncoder().encode(text), [], manager);
    }
    await barrier(socket, manager);
  } finally {
    k.close(socket);
  }
}

/** The manager closes the pipe that it is sent when it has worked through all that was sent before. */
async function barrier(socket: number, manager: string): Promise<void> {
  const k = local();
  const pipe = k.buffer(8), poll = k.buffer(8), timeout = k.buffer(16);
  k.call("pipe2", [pipe, c.O_CLOEXEC]);
  const [read, write] = [pipe.i32(0), pipe.i32(4)];
  try {
    sendMessage(k, socket, new TextEncoder().encode("BARRIER=1"), [write], manager);
  } finally {
    k.close(write);
  }
  poll.bytes.set(words32(read, c.POLLIN));
  timeout.bytes.set(words32(BARRIER_TIMEOUT / 1000));
  const closed = await inBackground("ppoll", [poll.address, 1, timeout.address, 0, 8]);
  k.close(read);
  if (closed <= 0) throw new Error(`the service manager at ${manager} took no note of the container in time`);
}
