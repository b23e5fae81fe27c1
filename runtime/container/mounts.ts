/**
 * `mounts add` and `mounts remove`: mounts of a container that runs.
 * @module
 */

import { AT_FDCWD, AT_RECURSIVE, O_CLOEXEC, O_RDONLY, OPEN_TREE_CLONE } from "../../ffi/constants.ts";
import { Descriptor } from "../../ffi/descriptor.ts";
import { reasonOf, RuntimeError } from "../../ffi/errors.ts";
import type { Fd } from "../../ffi/kernel.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import { pidfdOpen } from "../../ffi/pidfd.ts";
import type { RemoteKernel } from "../../ffi/remote.ts";
import { Arena, spawnExecutor } from "../../init/executor.ts";
import { giveDescriptor } from "../../init/hand_over.ts";
import { joinToMount, lookAtMount, mountLive, unmountLive } from "../../init/live_mounts.ts";
import { cleanPath } from "../../spec/clean_path.ts";
import { parseJson } from "../../spec/json.ts";
import { MS_BIND, MS_REC, MS_REMOUNT, parseMountOptions } from "../../spec/mount_options.ts";
import { NAMESPACES } from "../../spec/namespaces.ts";
import type { Mount, Spec } from "../../spec/types.ts";
import { explainConfig, formatProblems } from "../../spec/validate.ts";
import { isIdMapped, MountSources } from "../features/user_namespace/mount_source.ts";
import { callerIsRoot } from "../host/caller.ts";
import { copyContent } from "../host/copy_up.ts";
import { readText } from "../host/files.ts";
import { deniesGroups } from "../host/id_maps.ts";
import { HostMounts } from "../host/mounts.ts";
import { otherNamespaces } from "../host/namespaces.ts";
import { startTimeOf } from "../host/process.ts";
import { lockContainer } from "./lock.ts";
import { type ContainerState, readState, writeState } from "./record.ts";
import { savedConfig } from "./saved_config.ts";
import { initAlive } from "./status.ts";

/** Types that belong to a PID namespace, which is not joined, or to the container's own set-up. */
const NOT_LATER: readonly string[] = ["proc", "cgroup"];

/**
 * Makes mounts in a container that runs: all of them or none.
 *
 * @param text The document: a JSON array of mounts, as `mounts` of config.json.
 * @param file Its name, for messages.
 * @returns The destinations, in the order in which the mounts were made.
 * @throws {RuntimeError} What is wrong with the document, or why a mount cannot be made.
 */
export function addMounts(k: LocalKernel, root: string, id: string, text: string, file: string): string[] {
  using _lock = lockContainer(k, root, id);
  const state = liveState(root, id), spec = savedConfig(root, id);
  const mounts = readMounts(text, file, spec);
  const made: number[] = [];
  try {
    inContainer(k, state, (joiner) => makeMounts(k, joiner, mounts, spec, (id) => made.push(id)), mounts);
    writeState(root, { ...state, addedMounts: [...state.addedMounts ?? [], ...made] });
    return mounts.map(({ destination }) => destination);
  } catch (error) {
    const left = inContainer(k, state, (joiner) => unmountAll(joiner, made));
    if (left.length === 0) throw error;
    throw new RuntimeError("EIO_CLEANUP", `${reasonOf(error)}; and ${left.join("; ")}`);
  }
}

/**
 * Removes mounts of a container that runs, the last of the document first. Only the destinations count.
 *
 * @returns The destinations, in the order in which the mounts were removed.
 * @throws {RuntimeError} What is wrong with the document; or that nothing is mounted on one of the
 * destinations, and then nothing is removed.
 */
export function removeMounts(k: LocalKernel, root: string, id: string, text: string, file: string): string[] {
  using _lock = lockContainer(k, root, id);
  const state = liveState(root, id);
  const destinations = readDestinations(text, file).toReversed(), added = new Set(state.addedMounts);
  inContainer(k, state, ({ kernel, rootFd }) => {
    const find = (destination: string) => findMount(kernel, rootFd, state.pid, destination, added);
    for (const destination of destinations) find(destination);
    for (const destination of destinations) {
      const { id, point } = find(destination);
      unmountLive(kernel, rootFd, point, id);
      if (added.delete(id)) writeState(root, { ...state, addedMounts: [...added] });
    }
  });
  return destinations;
}

/** The record of a container that has a process and a mount namespace of its own. */
function liveState(root: string, id: string): ContainerState {
  const state = readState(root, id);
  if (!initAlive(state)) throw new RuntimeError("ESRCH_CONTAINER", "container not running");
  if ((otherNamespaces(state.pid) & NAMESPACES.mount.flag) === 0) {
    throw new RuntimeError(
      "ENOTSUP_MOUNTS",
      `container ${id} has the host's mount namespace: what is mounted there would be the host's, too`,
    );
  }
  return state;
}

function parseMounts(text: string, file: string): unknown[] {
  let document: unknown;
  try {
    document = parseJson(text);
  } catch (error) {
    throw new RuntimeError("EINVAL_MOUNTS", `${file}: ${reasonOf(error)}`);
  }
  if (Array.isArray(document)) return document;
  throw new RuntimeError(
    "EINVAL_MOUNTS",
    `${file}: must be a JSON array of mounts, as mounts of config.json`,
  );
}

/** Judges mounts as those of the container's config are judged. */
function readMounts(text: string, file: string, spec: Spec): readonly Mount[] {
  const mounts = parseMounts(text, file);
  const { document, problems } = explainConfig({ ...spec, mounts });
  const found = problems.map((problem) => ({ ...problem, path: problem.path.replace(/^mounts/, "") }));
  for (const [i, { type, options }] of (document.mounts ?? []).entries()) {
    const { flags } = parseMountOptions(options), bind = (flags & MS_BIND) !== 0;
    if (flags & MS_REMOUNT) {
      found.push({ path: `[${i}].options`, reason: "remount makes no mount that could be added" });
    } else if (!bind && NOT_LATER.includes(type ?? "")) {
      const reason = `a filesystem of type ${type} can only be mounted when the container is made`;
      found.push({ path: `[${i}].type`, reason });
    }
  }
  if (found.length > 0) throw new RuntimeError("EINVAL_MOUNTS", formatProblems(found, file));
  return document.mounts ?? [];
}

function readDestinations(text: string, file: string): string[] {
  return parseMounts(text, file).map((mount, i) => {
    const { destination } = (mount ?? {}) as { destination?: unknown };
    if (typeof destination === "string" && destination !== "") return cleanPath(`/${destination}`);
    throw new RuntimeError("EINVAL_MOUNTS", `${file}: [${i}].destination: must be a path`);
  });
}

/** A process in the container's namespaces, on which a command's mounts are made. */
interface Joiner {
  kernel: RemoteKernel;
  /** Its descriptor of the container's root. */
  rootFd: Fd;
  state: ContainerState;
  pid: number;
  /** Sources that it has opened on the host. */
  sources: ReadonlyMap<Mount, Fd>;
}

/**
 * Runs a function with a process that has joined the container.
 *
 * @param mounts Their sources are opened before.
 */
function inContainer<T>(
  k: LocalKernel,
  state: ContainerState,
  work: (joiner: Joiner) => T,
  mounts: readonly Mount[] = [],
): T {
  const { pid, startTime } = state;
  using arena = new Arena(k, 0);
  using executor = spawnExecutor(arena);
  const { kernel } = executor, sources = new Map<Mount, Fd>();
  using pidfd = new Descriptor(k, pidfdOpen(k, pid, { doing: "open the container's process" }));
  if (startTimeOf(pid) !== startTime) throw new RuntimeError("ESRCH_CONTAINER", "container not running");
  const flags = otherNamespaces(pid) & ~(NAMESPACES.pid.flag | NAMESPACES.time.flag);
  const own = () => k.open(`/proc/${pid}/ns/user`, O_RDONLY | O_CLOEXEC).wait();
  const opener = new MountSources(
    k,
    arena,
    kernel,
    undefined,
    flags & NAMESPACES.user.flag ? own : undefined,
  );
  try {
    const rootFd = joinToMount(kernel, {
      ...{ flags, pidfd: giveDescriptor(k, kernel, pidfd.fd), rootless: !callerIsRoot() },
      groupsDenied: deniesGroups(pid),
    }, () => openSources(kernel, opener, state.bundle, mounts, sources));
    kernel.flush();
    return work({ kernel, rootFd, state, pid: executor.pid, sources });
  } finally {
    opener.end();
  }
}

function openSources(
  kernel: RemoteKernel,
  opener: MountSources,
  bundle: string,
  mounts: readonly Mount[],
  sources: Map<Mount, Fd>,
): void {
  for (const mount of mounts) {
    const { flags } = parseMountOptions(mount.options);
    if ((flags & MS_BIND) === 0) continue;
    const source = mount.source!.startsWith("/") ? mount.source! : `${bundle}/${mount.source}`;
    const cloning = OPEN_TREE_CLONE | (flags & MS_REC ? AT_RECURSIVE : 0);
    kernel.during(`open the source of the mount on ${JSON.stringify(mount.destination)}`, () => {
      const tree = isIdMapped(mount)
        ? opener.open(mount, source, cloning)
        : kernel.openTree(AT_FDCWD, source, cloning);
      sources.set(mount, tree);
    });
  }
}

function makeMounts(
  k: LocalKernel,
  joiner: Joiner,
  mounts: readonly Mount[],
  spec: Spec,
  made: (id: number) => void,
): void {
  const { kernel, rootFd, state, pid, sources } = joiner;
  const descriptor = (fd: number) => `/proc/${pid}/fd/${fd}`;
  for (const mount of mounts) {
    mountLive(
      kernel,
      {
        root: rootFd,
        bundle: state.bundle,
        label: spec.linux?.mountLabel,
        openSource: (mount) => sources.get(mount)!,
        copyUp: (from, to) => copyContent(k, descriptor(from), descriptor(to)),
      },
      mount,
      made,
    );
  }
}

/** Removes mounts, the last one first. @returns What could not be removed. */
function unmountAll({ kernel, rootFd, state }: Joiner, ids: readonly number[]): string[] {
  const left: string[] = [];
  for (const id of ids.toReversed()) {
    const point = mountsOf(state.pid).pointOf(id);
    if (point === undefined) continue;
    try {
      unmountLive(kernel, rootFd, point, id);
    } catch (error) {
      left.push(reasonOf(error));
    }
  }
  return left;
}

/** The mounts that a container's process sees. */
function mountsOf(pid: number): HostMounts {
  return new HostMounts(readText(`/proc/${pid}/mountinfo`));
}

/**
 * The mount that a destination names. Links of the image may lead to a mount that was added; to another one
 * they must not, or a program in the container could choose what is removed.
 */
function findMount(
  kernel: RemoteKernel,
  rootFd: Fd,
  pid: number,
  destination: string,
  added: ReadonlySet<number>,
): { id: number; point: string } {
  const { id, isRoot } = lookAtMount(kernel, rootFd, destination), point = mountsOf(pid).pointOf(id);
  const object = JSON.stringify(destination);
  if (!isRoot || point === undefined || point === "/") {
    throw new RuntimeError("ENOENT_MOUNT", `nothing that could be removed is mounted on ${object}`);
  }
  if (point === destination || added.has(id)) return { id, point };
  throw new RuntimeError(
    "EINVAL_MOUNT_POINT",
    `${object} leads to the mount on ${JSON.stringify(point)}, which was not added later: name that path`,
  );
}
