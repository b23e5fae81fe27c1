/**
 * Sources of bind mounts that take more than open_tree(2): sources that root of the container's user
 * namespace cannot reach, and sources with mapped ids.
 *
 * An id-mapped mount shows files of one id on disk as another's. The kernel takes the mapping from a user
 * namespace. A process that does nothing else makes that namespace: mount_setattr(2), MOUNT_ATTR_IDMAP.
 * @module
 */

import { AT_FDCWD, AT_RECURSIVE, O_CLOEXEC, O_RDONLY } from "../../../ffi/constants.ts";
import { EACCES, EINVAL, EPERM } from "../../../ffi/errno.ts";
import { type Fd, OperationError } from "../../../ffi/kernel.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import type { RemoteKernel } from "../../../ffi/remote.ts";
import { type Arena, spawnExecutor } from "../../../init/executor.ts";
import { giveDescriptor } from "../../../init/hand_over.ts";
import type { HostHand } from "../../../init/host_hand.ts";
import { uncoverRoot } from "../../../init/own_root.ts";
import { MOUNT_ATTR_IDMAP, parseMountOptions } from "../../../spec/mount_options.ts";
import { NAMESPACES } from "../../../spec/namespaces.ts";
import type { LinuxIDMapping, Mount } from "../../../spec/types.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import type { CreateFeature, CreateRequest } from "../feature.ts";
import { mapText, writeIdMaps } from "../../host/id_maps.ts";
import { callerIsRoot } from "../../host/caller.ts";

/** Sources of mounts for a container without a user namespace. Its init has the same rights as tsrun. */
export function forCreate(_request: CreateRequest): CreateFeature {
  let sources: MountSources | undefined;
  return {
    steps: ({ k, arena, init }) => ({
      birth(setup) {
        const own = sources = new MountSources(k, arena, init, undefined);
        setup.mounts.openSource = (mount, source, flags) => own.open(mount, source, flags);
      },
    }),
    host: { tidied: () => sources?.end() },
  };
}

/** Whether a mount maps ids. */
export function isIdMapped(mount: Mount): boolean {
  const { uidMappings = [], gidMappings = [], options } = mount;
  return uidMappings.length + gidMappings.length > 0 || parseMountOptions(options).idmap !== undefined;
}

/** See the module's description; one for the life of a create. */
export class MountSources {
  /** User namespaces by their maps, as descriptors of this process. */
  readonly #namespaces = new Map<string, number>();

  /**
   * @param init The process that mounts.
   * @param hand Given where the init is root of a user namespace only; undefined where it has tsrun's rights.
   * @param userNamespace Opens the container's user namespace, where there is no hand to do it.
   */
  constructor(
    readonly local: LocalKernel,
    readonly arena: Arena,
    readonly init: RemoteKernel,
    readonly hand: HostHand | undefined,
    readonly userNamespace?: () => number,
  ) {}

  /** Clones a mount with these flags of open_tree(2). Returns a descriptor of the init. */
  open(mount: Mount, source: string, flags: number): Fd {
    if (isIdMapped(mount)) return this.#openMapped(mount, source, flags);
    const { hand, init } = this;
    if (hand === undefined) return init.openTree(AT_FDCWD, source, flags);
    const tree = init.openTree(AT_FDCWD, source, flags, {
      allow: [EACCES],
      repair: (errno) => {
        const locked = errno === EINVAL && (flags & AT_RECURSIVE) === 0;
        const hint = locked ? " (a user namespace may not uncover what is mounted below: use rbind)" : "";
        throw new OperationError("open_tree", errno, `${JSON.stringify(source)}${hint}`, "");
      },
    });
    return tree.wait() >= 0 ? tree : hand.fetch((k) => k.openTree(AT_FDCWD, source, flags));
  }

  #openMapped(mount: Mount, source: string, flags: number): Fd {
    if (!callerIsRoot()) {
      throw new RuntimeError("EPERM_ROOTLESS", "id-mapped mounts are not supported for rootless containers");
    }
    const open = (k: RemoteKernel) => {
      const tree = k.openTree(AT_FDCWD, source, flags);
      const userNamespace = giveDescriptor(this.local, k, this.#namespaceOf(mount));
      const recursive = parseMountOptions(mount.options).idmap === "recursive" ? AT_RECURSIVE : 0;
      k.mountSetattr(tree, "", recursive, { set: MOUNT_ATTR_IDMAP, userNamespace }, {
        repair: (errno) => {
          const reason = errno === EINVAL ? " (this filesystem has no id-mapped mounts)" : "";
          throw new OperationError("", errno, "", `map the ids of ${JSON.stringify(source)}${reason}`);
        },
      });
      k.close(userNamespace);
      return tree;
    };
    const { hand, init } = this;
    // This takes the rights of the process that mounted the filesystem on the host.
    return hand === undefined ? open(init) : hand.fetch(open);
  }

  /** A user namespace with a mount's maps. It is the container's own, where the mount has none. */
  #namespaceOf({ uidMappings: uids = [], gidMappings: gids = [] }: Mount): number {
    const key = `${mapText(uids)}\n${mapText(gids)}`;
    let fd = this.#namespaces.get(key);
    if (fd === undefined) {
      this.#namespaces.set(key, fd = uids.length > 0 ? this.#make(uids, gids) : this.#own());
    }
    return fd;
  }

  #own(): number {
    if (this.userNamespace) return this.userNamespace();
    if (this.hand === undefined) {
      throw new RuntimeError(
        "EINVAL_ID_MAPPINGS",
        "id-mapped mounts must have both uid and gid mappings specified",
      );
    }
    return this.hand.userNamespace();
  }

  /** Makes a user namespace, which exists as long as its descriptor is open. */
  #make(uids: readonly LinuxIDMapping[], gids: readonly LinuxIDMapping[]): number {
    const { local, arena } = this;
    using executor = spawnExecutor(arena);
    const { kernel: k, pid } = executor;
    k.subject.name = "owner of a user namespace";
    const doing = "make a user namespace for an id-mapped mount";
    k.unshare(NAMESPACES.user.flag, {
      doing,
      repair(errno) {
        // The kernel makes none for a process whose root is covered by another mount.
        if (errno !== EPERM) throw new OperationError("unshare", errno, "", doing);
        uncoverRoot(k);
        k.unshare(NAMESPACES.user.flag, { doing });
        return "skip";
      },
    });
    k.flush();
    writeIdMaps(local, pid, { uids, gids });
    return local.open(`/proc/${pid}/ns/user`, O_RDONLY | O_CLOEXEC).wait();
  }

  /** Closes the user namespaces. */
  end(): void {
    for (const fd of this.#namespaces.values()) this.local.close(fd);
    this.#namespaces.clear();
  }
}
