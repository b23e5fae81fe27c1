/**
 * A container with a user namespace: what `create` does otherwise for it.
 * @module
 */

import { PR_SET_DUMPABLE } from "../../../ffi/constants.ts";
import { Settled } from "../../../ffi/kernel.ts";
import { EACCES, EPERM } from "../../../ffi/errno.ts";
import type { RemoteKernel } from "../../../ffi/remote.ts";
import { fetchDescriptor } from "../../../init/hand_over.ts";
import { HostHand } from "../../../init/host_hand.ts";
import type { Setup, SetupSteps } from "../../../init/setup_context.ts";
import type { StagePlan } from "../../../init/stage.ts";
import {
  becomeNamespaceRoot,
  joinWithUserNamespace,
  namespaceCapabilities,
  refusalHint,
} from "../../../init/user_namespace.ts";
import { NAMESPACES } from "../../../spec/namespaces.ts";
import type { LinuxNamespace, Spec } from "../../../spec/types.ts";
import { actAs } from "../../host/act_as.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import type { CreateDeed, CreateFeature, CreateRequest } from "../feature.ts";
import { MountSources } from "./mount_source.ts";
import { hostIdOf, type IdMaps, parseMap, sameMap, writeIdMaps } from "../../host/id_maps.ts";
import { callerGid, callerIsRoot, callerUid } from "../../host/caller.ts";

/** The stage joins the namespace, or the init is cloned into it, and what the init does there is said below. */
export function forCreate({ spec }: CreateRequest): CreateFeature {
  const user = new UserNamespace(spec);
  return {
    stagePlan: (plan) => user.stagePlan(plan),
    steps: (deed) => user.steps(deed),
    hostUid: (uid) => user.hostUid(uid),
    host: { tidied: () => user.end() },
  };
}

/** What the namespace is known to be, in the course of a create. */
class UserNamespace {
  readonly #spec: Spec;
  readonly #joined: boolean;
  #maps: IdMaps;
  #groupsDenied = false;
  /** Made by the root of the user namespace, who then owns its message queues' directory. */
  #freshIpc = false;
  #hand: HostHand | undefined;
  #sources: MountSources | undefined;

  constructor(spec: Spec) {
    const { namespaces = [], uidMappings = [], gidMappings = [] } = spec.linux ?? {};
    this.#spec = spec;
    this.#joined = namespaces.some(({ type, path }) => type === "user" && path);
    this.#maps = { uids: uidMappings, gids: gidMappings };
  }

  /** What the stage does otherwise before it clones. */
  stagePlan(plan: StagePlan): StagePlan {
    const rootless = !callerIsRoot();
    if (!this.#joined) {
      const fresh = new Set(plan.namespaces.fresh);
      this.#freshIpc = fresh.delete("ipc");
      return {
        ...plan,
        namespaces: { ...plan.namespaces, fresh },
        dumpable: rootless,
        cloneHint: refusalHint,
      };
    }
    // Root of another user namespace may not be cloned into a cgroup of the host, so the stage enters that before.
    const tasks = plan.cloneInto === null ? [] : [`${plan.cloneInto}/cgroup.procs`];
    return {
      ...plan,
      dumpable: rootless,
      cgroupTasks: [...plan.cgroupTasks, ...tasks],
      cloneInto: null,
      join: (k) => this.#join(k, plan),
    };
  }

  #join(k: RemoteKernel, { namespaces }: StagePlan): void {
    const joined = joinWithUserNamespace(k, namespaces.joins);
    const found = { uids: parseMap(joined.uidMap), gids: parseMap(joined.gidMap) };
    const { uids, gids } = this.#maps;
    const asked = uids.length + gids.length > 0;
    if (asked && !(sameMap(uids, found.uids) && sameMap(gids, found.gids))) {
      throw new RuntimeError(
        "EINVAL_ID_MAPPINGS",
        "user namespaces enabled, but both namespace path and non-matching mapping specified -- you may only provide one",
      );
    }
    this.#maps = found;
    this.#groupsDenied = joined.groupsDenied;
    this.#checkUser();
  }

  /** In a joined namespace only its own maps tell who the process can be; validation has checked the others. */
  #checkUser(): void {
    const { uid, gid, additionalGids = [] } = this.#spec.process.user;
    const { uids, gids } = this.#maps;
    if (hostIdOf(uids, uid) === undefined) {
      throw new RuntimeError("EINVAL_ID_UNMAPPED", `cannot setuid to unmapped uid ${uid} in user namespace`);
    }
    const unmapped = [gid, ...additionalGids].find((id) => hostIdOf(gids, id) === undefined);
    if (unmapped !== undefined) {
      throw new RuntimeError(
        "EINVAL_ID_UNMAPPED",
        `cannot setgid to unmapped gid ${unmapped} in user namespace`,
      );
    }
  }

  /** What the init does otherwise. */
  steps(deed: CreateDeed): SetupSteps {
    const { k, arena, init } = deed;
    const hand = this.#hand = new HostHand(k, arena, init, !callerIsRoot());
    const sources = this.#sources = new MountSources(k, arena, init, hand);
    return {
      birth: (setup) => {
        if (!this.#joined) this.#begin(deed);
        setup.host = namespaceCapabilities(setup.host);
        setup.groupsDenied = this.#groupsDenied;
        setup.bindDevices = true;
        // Root of the namespace may be barred where tsrun is not.
        setup.openHost = (path, flags) => {
          const fd = init.open(path, flags, 0, { allow: [EACCES, EPERM] });
          return fd.wait() >= 0 ? fd : new Settled(hand.fetch((k) => k.open(path, flags)));
        };
        setup.mounts.openSource = (mount, source, flags) => sources.open(mount, source, flags);
      },
      identity: (setup) => {
        if (!this.#joined) {
          becomeNamespaceRoot(setup.k, this.#groupsDenied);
          if (this.#freshIpc) setup.k.unshare(NAMESPACES.ipc.flag);
        }
        setup.mounts.copyUp = (from, to) => this.#copyUp(deed, setup, from, to);
      },
      namespaces: (setup) => {
        // Root of a user namespace may have a procfs only as long as one is in sight (mount_namespaces(7)): the host's.
        setup.procfs = setup.openProcfs();
      },
      shown: ({ k }) => {
        // Its owner, who is not the host's root, has to be able to look at it while it waits: `exec` enters what it
        // shows. Who shares a PID namespace with other containers stays hidden from those.
        const shown = !callerIsRoot() && this.#spec.linux!.namespaces!.some(isNewPid);
        // The last change of its ids is behind it, which would take this back (prctl(2)).
        if (shown) k.prctl(PR_SET_DUMPABLE, 1);
      },
    };
  }

  /** Copies one directory of the init into another, as the container's root. */
  #copyUp({ k, init }: CreateDeed, setup: Setup, from: number, to: number): void {
    const fds = [from, to].map((fd) => fetchDescriptor(k, init, fd));
    const [source, destination] = fds.map((fd) => `/proc/self/fd/${fd}`);
    const { uids, gids } = this.#maps;
    const owner = [hostIdOf(uids, 0) ?? NOBODY, hostIdOf(gids, 0) ?? NOBODY] as const;
    try {
      actAs(k, ...owner, () => setup.copyContent(source, destination));
    } finally {
      for (const fd of fds) k.close(fd);
    }
  }

  /** The init is born, and waits for its id maps. */
  #begin({ k, init, stage }: CreateDeed): void {
    init.getpid();
    init.flush();
    const writer = { uid: callerUid(), gid: callerGid() };
    this.#groupsDenied = writeIdMaps(k, stage.initPid, this.#maps, writer);
    if (this.#groupsDenied && this.#spec.process.user.additionalGids?.length) {
      throw new RuntimeError("EPERM_GROUPS", "cannot set any additional groups in a rootless container");
    }
  }

  /** Who an id of the container is on the host; the id of nobody for one that is not mapped. */
  hostUid(uid: number): number {
    return hostIdOf(this.#maps.uids, uid) ?? NOBODY;
  }

  /** Ends what is not needed when the mounts are made. */
  end(): void {
    this.#hand?.end();
    this.#sources?.end();
  }
}

const isNewPid = ({ type, path }: LinuxNamespace) => type === "pid" && !path;

/** What the kernel shows for an id that is not mapped: /proc/sys/kernel/overflowuid. */
const NOBODY = 65534;
