/**
 * CRIU's options for a container that it restores.
 * @module
 */

import { O_RDONLY } from "../../../ffi/constants.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import type { Kernel } from "../../../ffi/kernel.ts";
import { NAMESPACES } from "../../../spec/namespaces.ts";
import type { Spec } from "../../../spec/types.ts";
import { requireVersion, SINCE } from "./checks.ts";
import { externalNamespaces, type HostMount, MASK } from "./external.ts";
import type { CriuOpts } from "./rpc.ts";

/** Security labels of the command line; empty if not given. */
export interface LsmOptions {
  /** `TYPE:NAME` */
  lsmProfile: string;
  /** An SELinux context. */
  lsmMountContext: string;
}

/** @throws {RuntimeError} If CRIU is too old for them. */
export function lsmOptions({ lsmProfile, lsmMountContext }: LsmOptions, version: number): Partial<CriuOpts> {
  for (const [flag, value] of [["lsm-profile", lsmProfile], ["lsm-mount-context", lsmMountContext]]) {
    if (value !== "" && version < SINCE.lsmProfile) {
      throw new RuntimeError("ENOTSUP_CRIU", `--${flag} requires at least CRIU 3.16`);
    }
  }
  return { lsm_profile: lsmProfile || undefined, lsm_mount_context: lsmMountContext || undefined };
}

/**
 * The present sources of the mounts that the dump names by their own paths.
 *
 * @param mask Path of the null device that covers masked files.
 */
export function mountSources(
  mounts: readonly HostMount[],
  { linux }: Spec,
  mask: string,
): CriuOpts["ext_mnt"] {
  const masks = linux?.maskedPaths?.length ? [{ target: MASK, source: mask }] : [];
  return [...mounts, ...masks].map(({ target, source }) => ({ key: target, val: source }));
}

/**
 * The pipes among the standard descriptors. The container gets tsrun's own standard descriptors instead.
 *
 * @param descriptors The links that the dump recorded.
 */
export function standardPipes(descriptors: readonly string[]): NonNullable<CriuOpts["inherit_fd"]> {
  return descriptors.map((key, fd) => ({ key, fd })).filter(({ key }) => key.startsWith("pipe:"));
}

/** Namespaces given by path. */
export interface GivenNamespaces {
  options: Required<Pick<CriuOpts, "inherit_fd" | "join_ns">>;
  /** Descriptors that CRIU must keep open. */
  keep: number[];
}

/**
 * Opens the namespaces that CRIU enters by descriptor, and names those that it joins by path.
 *
 * @param k The kernel of the process that becomes CRIU.
 * @throws {RuntimeError} For a kind of namespace that CRIU does not join, or a namespace that does not exist.
 */
export function openNamespaces(k: Kernel, spec: Spec, version: number): GivenNamespaces {
  const entered = externalNamespaces(spec).map(({ type, path, key }) => {
    const minimum = type === "network" ? SINCE.externalNetwork : SINCE.externalPid;
    requireVersion(version, minimum, `external ${type} namespace`);
    const doing = `Requested ${type} namespace ${JSON.stringify(path)} does not exist`;
    return { key, fd: k.open(path, O_RDONLY, 0, { doing }).wait() };
  });
  return { options: { inherit_fd: entered, join_ns: joined(spec) }, keep: entered.map(({ fd }) => fd) };
}

function joined({ linux }: Spec): Required<CriuOpts>["join_ns"] {
  const others = (linux?.namespaces ?? []).filter(({ type, path }) =>
    path && type !== "network" && type !== "pid"
  );
  return others.map(({ type, path }) => {
    if (type === "cgroup") {
      throw new RuntimeError("ENOTSUP_CRIU", "criu cannot restore into a cgroup namespace given by path");
    }
    return { ns: NAMESPACES[type].link, ns_file: path! };
  });
}
