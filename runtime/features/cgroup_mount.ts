/**
 * A mount of type `cgroup`. cgroups/mount.ts decides what it shows, and init/cgroup_mount.ts mounts that.
 * @module
 */

import { mountCgroups } from "../../init/cgroup_mount.ts";
import { hasNamespace } from "../../init/namespaces.ts";
import { loadCgroupMount } from "../cgroups/mod.ts";
import type { CreateFeature, CreateRequest } from "./feature.ts";

/** The mount shows the cgroup that the container really got, so it is planned only when it is made. */
export async function forCreate({ namespaces, cgroups }: CreateRequest): Promise<CreateFeature> {
  const { planCgroupMount } = await loadCgroupMount();
  return {
    steps: (deed) => ({
      birth: ({ mountKinds }) => {
        mountKinds.set("cgroup", (k, context, mount) => {
          const steps = planCgroupMount({
            mounts: cgroups.mounts,
            record: deed.cgroup,
            own: cgroups.own,
            cgroupNamespace: namespaces.fresh.has("cgroup"),
            joinedCgroupNamespace: namespaces.joins.some(({ type }) => type === "cgroup"),
            userNamespace: hasNamespace(namespaces, "user"),
          });
          mountCgroups(k, context, mount, steps);
        });
      },
    }),
  };
}
