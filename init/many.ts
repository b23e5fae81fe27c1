/**
 * Many mounts and many masked paths: those of one kind are recorded by one stencil (ffi/stencil.ts).
 *
 * What is not of a usual kind is left to mounts.ts and restricted_paths.ts. The calls are made by their
 * functions in both cases, so they are the same calls in the same order.
 * @module
 */

import { PROC_SUPER_MAGIC } from "../ffi/constants.ts";
import { type Fd, type Kernel, Settled } from "../ffi/kernel.ts";
import type { Recorder } from "../ffi/recorder.ts";
import { RemoteKernel } from "../ffi/remote.ts";
import { markFd, markText, stamp, type Value } from "../ffi/stencil.ts";
import { decodeStatfsType, STATFS_SIZE, STATX_SIZE } from "../ffi/structs.ts";
import { type MountOptions, MS_REMOUNT, parseMountOptions } from "../spec/mount_options.ts";
import { mountDestination } from "../spec/rules/mounts.ts";
import type { Mount } from "../spec/types.ts";
import { notMountable } from "./destination.ts";
import type { MountContext } from "./mount_context.ts";
import { bindMount, bindPlaces, isBind, mountStep } from "./mounts.ts";
import { coverPath, type ManyPaths, type Opened, openPath } from "./restricted_paths.ts";

/** With fewer items of a kind, one by one is as quick. */
const LEAST = 8;
/** The init gets this number of items at a time, so that it works while the next ones are recorded. */
const MOST = 64;

/** See the module's description. */
export interface Many extends ManyPaths {
  /**
   * Makes mounts of one kind, from one of a list on.
   *
   * @returns How many; 0 where there are too few, or of another kind.
   */
  mount(k: Recorder, context: MountContext, mounts: readonly Mount[], from: number): number;
}

/** The kernel, if it copies records. What follows every record gets every record. */
function copying(k: Kernel): RemoteKernel | undefined {
  return k instanceof RemoteKernel && !k.watched ? k : undefined;
}

/** Tools for one container. */
export function toolsForMany(): Many {
  let first = true;
  return {
    mount(k, context, mounts, from) {
      const remote = copying(k);
      if (!remote || context.openSource || context.attaching) return 0;
      const binds = bindsOf(context, mounts, from, first ? LEAST : MOST);
      if (binds.length < LEAST) return 0;
      bindAll(remote, context, binds);
      // Whether the destinations of the first ones were missing decides how those of the others are opened.
      if (first) remote.flush();
      else remote.kick();
      first = false;
      return binds.length;
    },
    open,
    cover,
  };
}

function open(k: Kernel, root: Fd, paths: readonly string[]): Opened[] | undefined {
  const remote = copying(k);
  if (!remote || paths.length < LEAST) return undefined;
  const copies = stamp(remote, [markText("path")], paths, (path) => [path], ([path]) => {
    openPath(remote, root, path as string, "any");
  });
  remote.flush();
  return paths.map((path, i): Opened => ({
    path,
    fd: new Settled(copies.answer(i, 0)),
    stat: copies.buffer(i, STATX_SIZE),
  }));
}

function cover(k: Kernel, what: Fd, directories: readonly Opened[]): number {
  const remote = copying(k), some = directories.slice(0, MOST);
  if (!remote || some.length < LEAST) return 0;
  stamp(remote, [markFd()], some, ({ fd }) => [fd], ([fd], { path }) => {
    coverPath(remote, what, path, fd as Fd);
  });
  remote.kick();
  return some.length;
}

/** A bind mount, and the texts that its calls are made with. */
interface Bind {
  mount: Mount;
  options: MountOptions;
  values: readonly [source: string, destination: string, parent: string, name: string];
}

/** The bind mounts of one kind from one of a list on, at most `most`. Their options have the same text. */
function bindsOf(context: MountContext, mounts: readonly Mount[], from: number, most: number): Bind[] {
  const text = (mount: Mount) => mount.options?.join() ?? "", kind = text(mounts[from]);
  const options = parseMountOptions(mounts[from].options), binds: Bind[] = [];
  if (!isBind(options) || (options.flags & MS_REMOUNT) !== 0) return binds;
  for (let i = from; i < mounts.length && binds.length < most && text(mounts[i]) === kind; i++) {
    const bind = bindOf(context, mounts[i], options);
    if (!bind) break;
    binds.push(bind);
  }
  return binds;
}

/** The texts of a mount; undefined where it is to be made for itself. */
function bindOf(context: MountContext, mount: Mount, options: MountOptions): Bind | undefined {
  let refused = mount.source === undefined;
  const path = mountDestination(mount.destination, mount.type, options, () => refused = true);
  if (refused || path.startsWith("/proc")) return undefined;
  const { source, destination } = bindPlaces(context, mount, path), slash = path.lastIndexOf("/");
  return {
    mount,
    options,
    values: [source, destination, path.slice(0, slash) || "/", path.slice(slash + 1)],
  };
}

/** The texts of no mount. Those of the parent and the name make up the one of the destination. */
const PARENT = markText("parent"), NAME = markText("name").slice(1);
const MARKS: readonly Value[] = [markText("source"), `${PARENT}/${NAME}`, PARENT, NAME];

function bindAll(k: RemoteKernel, context: MountContext, binds: readonly Bind[]): void {
  const { missed } = context;
  const own: MountContext = {
    ...context,
    // The check of all of them is added below.
    later: () => {},
    // The calls of a mount stay the same, whatever is found missing meanwhile.
    get missed() {
      return missed;
    },
    set missed(_) {
      context.missed++;
    },
  };
  const copies = stamp(
    k,
    MARKS,
    binds,
    ({ values }) => values,
    ([source, destination], { mount, options }) => {
      const places = { source: source as string, destination: destination as string };
      k.during(mountStep(mount), () => bindMount(k, own, mount, options, places));
    },
  );
  context.later("mount checks", () => {
    for (let i = 0; i < binds.length; i++) {
      if (decodeStatfsType(copies.buffer(i, STATFS_SIZE)) === PROC_SUPER_MAGIC) {
        throw notMountable(binds[i].values[1], "it is inside /proc");
      }
    }
  });
}
