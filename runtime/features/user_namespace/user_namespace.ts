/**
 * A container with a user namespace: the steps of `create` that differ for it.
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
import { keepsGroups } from "../../../spec/run_oci.ts";
import type { LinuxNamespace, Spec } from "../../../spec/types.ts";
import { actAs } from "../../host/act_as.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import type { CreateDeed, CreateFeature, CreateRequest } from "../feature.ts";
import { MountSources } from "./mount_source.ts";
import { runIdMapTool } from "./id_map_tool.ts";
import {
  hostIdOf,
  type IdMaps,
  parseMap,
  sameMap,
  writeIdMaps,
  writeIdMapsAsUser,
} from "../../host/id_maps.ts";
import { callerGid, callerIsRoot, callerUid } from "../../host/caller.ts";

/** The stage joins the namespace, or the init is cloned into it. Further steps of the init are below. */
export function forCreate({ spec }: CreateRequest): CreateFeature {
  const user = new UserNamespace(spec);
  return {
    stagePlan: (plan) => user.stagePlan(plan),
    steps: (deed) => user.steps(deed),
    hostUid: (uid) => user.hostUid(uid),
    host: { tidied: () => user.end() },
  };
}

/** The facts of the namespace, as they become known during a create. */
class UserNamespace {
  readonly #spec: Spec;
  readonly #joined: boolean;
  #maps: IdMaps;
  #groupsDenied = false;
  /**
   * The IPC namespace is made by root of the user namespace, which then owns the directory of its message
   * queues.
   */
  #freshIpc = false;
  #hand: HostHand | undefined;
  #sources: MountSources | undefined;

  constructor(spec: Spec) {
    const { namespaces = [], uidMappings = [], gidMappings = [] } = spec.linux ?? {};
    this.#spec = spec;
    this.#joined = namespaces.some(({ type, path }) => type === "user" && path);
    this.#maps = { uids: uidMappings, gids: gidMappings };
  }

  /** The stage's plan, with the steps that differ. */
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
    // Root of another user namespace may not be cloned into a cgroup of the host, so the stage enters the
    // cgroup before.
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

  /**
   * Checks the process's ids in a joined namespace, by the namespace's own maps. Validation has checked those
   * of a new one.
   */
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

  /** The steps of the init that a user namespace adds or changes. */
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
        // Root of the namespace may not be allowed to open what tsrun can open.
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
        // Root of a user namespace may mount a procfs only while it sees one (mount_namespaces(7)). Here it
        // still sees the host's.
        setup.procfs = setup.openProcfs();
      },
      shown: ({ k }) => {
        // The owner of the init, who is not the host's root, has to be able to look at it while it waits,
        // because `exec` enters its namespaces. An init that shares its PID namespace with other containers
        // stays hidden from them.
        const shown = !callerIsRoot() && this.#spec.linux!.namespaces!.some(isNewPid);
        // The last change of ids, which would take this back, has been made (prctl(2)).
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

  /** The init has been cloned and waits for its id maps. */
  #begin({ k, arena, init, stage }: CreateDeed): void {
    init.getpid();
    init.flush();
    this.#groupsDenied = callerIsRoot()
      ? writeIdMaps(k, stage.initPid, this.#maps)
      : writeIdMapsAsUser(k, stage.initPid, this.#maps, {
        uid: callerUid(),
        gid: callerGid(),
        tool: (kind, pid, ranges) => runIdMapTool(k, arena, kind, pid, ranges),
      });
    if (this.#groupsDenied && this.#spec.process.user.additionalGids?.length) {
      throw new RuntimeError("EPERM_GROUPS", "cannot set any additional groups in a rootless container");
    }
    if (keepsGroups(this.#spec)) this.#groupsDenied = true;
  }

  /** The host's id for an id of the container; the overflow id if it is not mapped. */
  hostUid(uid: number): number {
    return hostIdOf(this.#maps.uids, uid) ?? NOBODY;
  }

  /** Closes everything that is not needed after the mounts. */
  end(): void {
    this.#hand?.end();
    this.#sources?.end();
  }
}

const isNewPid = ({ type, path }: LinuxNamespace) => type === "pid" && !path;

/** The id that the kernel shows for one that is not mapped: /proc/sys/kernel/overflowuid. */
const NOBODY = 65534;
