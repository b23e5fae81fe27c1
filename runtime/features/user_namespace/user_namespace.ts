/**
 * A container with a user namespace: what `create` does otherwise for it.
 * @module
 */

import { Settled } from "../../../ffi/kernel.ts";
import { EACCES, EPERM } from "../../../ffi/errno.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import type { RemoteKernel } from "../../../ffi/remote.ts";
import type { Arena } from "../../../init/executor.ts";
import { fetchDescriptor } from "../../../init/hand_over.ts";
import { HostHand } from "../../../init/host_hand.ts";
import { readHostCapabilities } from "../../../init/identity.ts";
import type { SetupPlan } from "../../../init/setup.ts";
import type { Stage, StagePlan } from "../../../init/stage.ts";
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
import { MountSources } from "./mount_source.ts";
import { hostIdOf, type IdMaps, parseMap, sameMap, writeIdMaps } from "../../host/id_maps.ts";
import { callerGid, callerIsRoot, callerUid } from "../../host/caller.ts";

/** What it works with. */
export interface UserNamespaceTools {
  k: LocalKernel;
  arena: Arena;
  stage: Stage;
  spec: Spec;
  /** Where the config asks for it. */
  copyUp: typeof import("../../host/copy_up.ts") | undefined;
}

/** See the module's description; one for the life of a create. */
export class UserNamespace {
  readonly #tools: UserNamespaceTools;
  readonly #joined: boolean;
  #maps: IdMaps;
  #groupsDenied = false;
  /** Made by the root of the user namespace, who then owns its message queues' directory. */
  #freshIpc = false;
  #hand: HostHand | undefined;
  #sources: MountSources | undefined;

  constructor(tools: UserNamespaceTools) {
    const { namespaces = [], uidMappings = [], gidMappings = [] } = tools.spec.linux ?? {};
    this.#tools = tools;
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
        "user namespaces enabled, but both namespace path and non-matching mapping specified -- you may only provide one",
      );
    }
    this.#maps = found;
    this.#groupsDenied = joined.groupsDenied;
    this.#checkUser();
  }

  /** In a joined namespace only its own maps tell who the process can be; validation has checked the others. */
  #checkUser(): void {
    const { uid, gid, additionalGids = [] } = this.#tools.spec.process.user;
    const { uids, gids } = this.#maps;
    if (hostIdOf(uids, uid) === undefined) {
      throw new RuntimeError(`cannot setuid to unmapped uid ${uid} in user namespace`);
    }
    const unmapped = [gid, ...additionalGids].find((id) => hostIdOf(gids, id) === undefined);
    if (unmapped !== undefined) {
      throw new RuntimeError(`cannot setgid to unmapped gid ${unmapped} in user namespace`);
    }
  }

  /** What the init's steps do otherwise. */
  setupPlan(init: RemoteKernel): Pick<SetupPlan, "userNamespace" | "host" | "openSource" | "copyUp"> {
    const { k, arena } = this.#tools;
    const hand = this.#hand = new HostHand(k, arena, init, !callerIsRoot());
    const sources = this.#sources = new MountSources(k, arena, init, hand);
    return {
      host: namespaceCapabilities(readHostCapabilities(k)),
      userNamespace: {
        begin: () => {
          if (!this.#joined) this.#begin(init);
        },
        becomeRoot: (init) => {
          if (this.#joined) return;
          becomeNamespaceRoot(init, this.#groupsDenied);
          if (this.#freshIpc) init.unshare(NAMESPACES.ipc.flag);
        },
        open(init, path, flags) {
          const fd = init.open(path, flags, 0, { allow: [EACCES, EPERM] });
          return fd.wait() >= 0 ? fd : new Settled(hand.fetch((k) => k.open(path, flags)));
        },
        groupsDenied: () => this.#groupsDenied,
        // Who shares a PID namespace with other containers is hidden from those.
        shown: !callerIsRoot() && this.#tools.spec.linux!.namespaces!.some(isNewPid),
      },
      openSource: (mount, source, flags) => sources.open(mount, source, flags),
      copyUp: (from, to) => this.#copyUp(init, from, to),
    };
  }

  /** Copies one directory of the init into another, as the container's root. */
  #copyUp(init: RemoteKernel, from: number, to: number): void {
    const { k, copyUp } = this.#tools;
    const fds = [from, to].map((fd) => fetchDescriptor(k, init, fd));
    const [source, destination] = fds.map((fd) => `/proc/self/fd/${fd}`);
    const { uids, gids } = this.#maps;
    const owner = [hostIdOf(uids, 0) ?? NOBODY, hostIdOf(gids, 0) ?? NOBODY] as const;
    try {
      actAs(k, ...owner, () => copyUp!.copyContent(k, source, destination));
    } finally {
      for (const fd of fds) k.close(fd);
    }
  }

  /** The init is born, and waits. */
  #begin(init: RemoteKernel): void {
    const { k, stage } = this.#tools;
    init.getpid();
    init.flush();
    const writer = { uid: callerUid(), gid: callerGid() };
    this.#groupsDenied = writeIdMaps(k, stage.initPid, this.#maps, writer);
    if (this.#groupsDenied && this.#tools.spec.process.user.additionalGids?.length) {
      throw new RuntimeError("cannot set any additional groups in a rootless container");
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
