/**
 * The parts of a container that CRIU does not dump because they belong to the host: bind mounts, and
 * namespaces given by path.
 *
 * A dump gives each of them a name. A restore says by that name where the part is now.
 * @module
 */

import { S_IFDIR, S_IFMT } from "../../../ffi/constants.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import { stat } from "../../../ffi/stat.ts";
import type { LinuxNamespace, Spec } from "../../../spec/types.ts";
import { devicesToMake } from "../../../init/devices.ts";
import { isBindMount } from "../../../init/restore_root.ts";
import { linkTarget } from "../../host/files.ts";
import type { ExtMount } from "./rpc.ts";

/** How many symlinks a path may lead through: path_resolution(7). */
const MAX_LINKS = 40;

/**
 * Where a path of the container leads inside its rootfs, through symlinks. Components that do not exist are
 * kept as they are. CRIU knows mounts by these paths.
 *
 * @param rootfs Absolute path on the host.
 * @param path Absolute, as the container sees it.
 */
export function resolveInside(rootfs: string, path: string): string {
  const todo = path.split("/").reverse();
  let found = "", links = 0;
  for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
    if (name === "" || name === ".") continue;
    if (name === "..") {
      found = found.slice(0, Math.max(found.lastIndexOf("/"), 0));
      continue;
    }
    const target = links < MAX_LINKS ? readLink(`${rootfs}${found}/${name}`) : undefined;
    if (target === undefined) {
      found += `/${name}`;
      continue;
    }
    links++;
    if (target.startsWith("/")) found = "";
    todo.push(...target.split("/").reverse());
  }
  return found || "/";
}

function readLink(path: string): string | undefined {
  try {
    return linkTarget(path);
  } catch {
    return undefined;
  }
}

/** A file or directory of the host that is mounted in the container. */
export interface HostMount {
  /** Absolute path in the container, symlinks resolved. */
  target: string;
  /** Absolute path on the host. */
  source: string;
}

/** The bind mounts and the devices of a config. */
export function hostMounts({ mounts = [], linux }: Spec, rootfs: string, bundle: string): HostMount[] {
  const binds = mounts.filter(isBindMount).map(({ destination, source = "" }) => ({
    target: resolveInside(rootfs, destination),
    source: source.startsWith("/") ? source : `${bundle}/${source}`,
  }));
  // In a user namespace the default devices are bound from the host too.
  const devices = devicesToMake(linux?.devices).map(({ path }) => ({
    target: resolveInside(rootfs, path),
    source: path,
  }));
  return [...binds, ...devices];
}

/** The name of a mount in a dump: its own path. */
export function dumpName({ target }: HostMount): ExtMount {
  return { key: target, val: target };
}

/** The name in a dump of the device that covers masked files: the path that it has on every host. */
export const MASK = "/dev/null";

/**
 * The masked paths of a running container that are files. Masked directories are covered by a tmpfs, which is
 * dumped.
 */
export function maskedFiles(k: LocalKernel, pid: number, { linux }: Spec): ExtMount[] {
  return (linux?.maskedPaths ?? []).filter((path) => isNoDirectory(k, `/proc/${pid}/root${path}`))
    .map((key) => ({ key, val: MASK }));
}

function isNoDirectory(k: LocalKernel, path: string): boolean {
  const found = stat(k, path);
  return found !== undefined && (found.mode & S_IFMT) !== S_IFDIR;
}

/** Kinds of namespaces that CRIU does not dump when they are given by path, by their names in /proc. */
const EXTERNAL = { network: "net", pid: "pid" } as const;
export type ExternalType = keyof typeof EXTERNAL;

/** A namespace of the host. A dump leaves it out, and a restore enters it. */
export interface ExternalNamespace {
  type: ExternalType;
  path: string;
  /** Its name for dump and restore. */
  key: string;
}

/** The namespaces of a config that are external. */
export function externalNamespaces({ linux }: Spec): ExternalNamespace[] {
  return (linux?.namespaces ?? []).flatMap(({ type, path }) =>
    isExternalType(type) && path ? [{ type, path, key: keyOf(EXTERNAL[type]) }] : []
  );
}

function isExternalType(type: LinuxNamespace["type"]): type is ExternalType {
  return type in EXTERNAL;
}

/** `extRootNetNS`: runc's names, so that images of runc can be restored. */
function keyOf(name: string): string {
  return `extRoot${name[0].toUpperCase()}${name.slice(1)}NS`;
}

/**
 * The option of a dump for a namespace: `net[4026531840]:extRootNetNS`.
 *
 * @param inode Inode number of the namespace's file.
 */
export function dumpNamespace({ type, key }: ExternalNamespace, inode: number): string {
  return `${EXTERNAL[type]}[${inode}]:${key}`;
}
