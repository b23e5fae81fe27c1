/**
 * Mounts of type `cgroup` in a container without a cgroup namespace of its own. Their parts are bind mounts
 * of the host's hierarchies.
 * @module
 */

import { hasNamespace, planNamespaces } from "../../../init/namespaces.ts";
import { isBindMount } from "../../../init/restore_root.ts";
import type { Spec } from "../../../spec/types.ts";
import { type CgroupRecord, loadCgroupMount, loadDriver } from "../../cgroups/mod.ts";
import { type HostMount, resolveInside } from "./external.ts";

/**
 * The parts of the host that are mounted for mounts of type `cgroup`, as create does it (cgroups/mount.ts).
 *
 * @param record The record of the container's cgroups.
 */
export async function cgroupHostMounts(
  { mounts = [], linux }: Spec,
  rootfs: string,
  record: CgroupRecord | null,
): Promise<HostMount[]> {
  const destinations = mounts.filter((mount) => mount.type === "cgroup" && !isBindMount(mount))
    .map(({ destination }) => resolveInside(rootfs, destination));
  if (destinations.length === 0) return [];
  const [{ planCgroupMount }, { readCgroupHost }] = await Promise.all([loadCgroupMount(), loadDriver()]);
  const host = readCgroupHost();
  const namespaces = planNamespaces(linux?.namespaces);
  const steps = planCgroupMount({
    mounts: host.mounts,
    record,
    own: host.own,
    cgroupNamespace: namespaces.fresh.has("cgroup"),
    joinedCgroupNamespace: namespaces.joins.some(({ type }) => type === "cgroup"),
    userNamespace: hasNamespace(namespaces, "user"),
  });
  return destinations.flatMap((destination) =>
    steps.flatMap((step) => {
      if (step.kind === "bind") return [{ target: `${destination}/${step.name}`, source: step.source }];
      return step.kind === "unified" && step.bind !== null
        ? [{ target: destination, source: step.bind }]
        : [];
    })
  );
}
