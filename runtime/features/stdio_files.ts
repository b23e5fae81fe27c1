/**
 * Standard output that is a file of another user than the container's, for a foreground `run` or `exec`.
 *
 * The process has to be able to open /dev/stdout. runc gives the file to the container's user for that. Here
 * the caller's file keeps its owner: the process gets a pipe that belongs to its user, and a copier writes
 * the bytes to the file.
 * @module
 */

import { Descriptor } from "../../ffi/descriptor.ts";
import { S_IFMT, S_IFREG } from "../../ffi/constants.ts";
import { makePipe } from "../../ffi/io.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import { pidfdOpen } from "../../ffi/pidfd.ts";
import type { RemoteKernel } from "../../ffi/remote.ts";
import { fstat } from "../../ffi/stat.ts";
import type { Stat } from "../../ffi/structs.ts";
import { Arena, type Executor } from "../../init/executor.ts";
import { giveDescriptor } from "../../init/hand_over.ts";
import { startCopier } from "../../init/output_copy.ts";
import { PollSet } from "../host/poll.ts";
import type { CreateFeature, CreateRequest, ExecFeature, ExecRequest } from "./feature.ts";

/**
 * How long to wait for the last bytes, in milliseconds. Another process of the container may go on to write.
 */
const LAST_OUTPUT = 1000;
/** chown(2): leave the group as it is. */
const KEEP = 0xffff_ffff;
/** Mode bit: others may write. */
const OTHERS_WRITE = 0o2;

/** Steps of the init. */
export function forCreate({ k, atEnd }: CreateRequest): CreateFeature {
  return {
    steps: (deed) => ({
      session: () => {
        for (const copier of replaceFiles(k, deed.init, deed.uid)) {
          deed.undo(() => copier[Symbol.dispose]());
          atEnd!(() => drain(k, copier));
        }
      },
    }),
  };
}

/** Steps of the joiner. The process inherits its descriptors. */
export function forExec({ k, atEnd }: ExecRequest): ExecFeature {
  return {
    steps: (deed) => ({
      host: () => {
        for (const copier of replaceFiles(k, deed.joiner, deed.uid)) atEnd!(() => drain(k, copier));
      },
    }),
  };
}

/** Replaces files by pipes. @returns The processes that copy from the pipes. */
function replaceFiles(k: LocalKernel, process: RemoteKernel, uid: number): Executor[] {
  const [output, error] = [1, 2].map((fd) => {
    const stat = fstat(k, fd);
    return stat && needsPipe(stat, uid) ? { stat, fds: [fd] } : undefined;
  });
  // Output and errors that go to one file use one pipe, so that the bytes stay in order.
  const one = output && error && isSame(output.stat, error.stat);
  if (one) output.fds.push(2);
  return [output, one ? undefined : error].flatMap((file) =>
    file ? [replace(k, process, uid, file.fds)] : []
  );
}

/** Whether a user could not open a file of the caller for writing. */
function needsPipe({ mode, uid: owner }: Stat, uid: number): boolean {
  return (mode & S_IFMT) === S_IFREG && owner !== uid && (mode & OTHERS_WRITE) === 0;
}

function isSame(a: Stat, b: Stat): boolean {
  return a.inode === b.inode && a.dev.major === b.dev.major && a.dev.minor === b.dev.minor;
}

function replace(k: LocalKernel, process: RemoteKernel, uid: number, fds: readonly number[]): Executor {
  const pipe = makePipe(k);
  using write = new Descriptor(k, pipe.write);
  // The copier gets memory of its own, since it needs none of the init's.
  using arena = new Arena(k, 0);
  using from = new Descriptor(k, arena.inherited(pipe.read));
  const copier = startCopier(arena, from.fd, fds[0]);
  k.fchown(write, uid, KEEP, { allow: "any" });
  const there = giveDescriptor(k, process, write.fd);
  for (const fd of fds) process.dup3(there, fd, 0);
  process.close(there);
  return copier;
}

/**
 * Waits until the copier has copied everything, for a limited time. If a process of the container goes on to
 * write, the copier goes on too.
 */
function drain(k: LocalKernel, copier: Executor): void {
  using pidfd = new Descriptor(k, pidfdOpen(k, copier.pid, { allow: "any" }));
  if (pidfd.fd < 0) return;
  const [ended] = new PollSet(k, [pidfd.fd]).wait(LAST_OUTPUT);
  if (ended) copier.reap();
}
