/**
 * `linux.intelRdt`: the container's processes enter their group in resctrl; runtime/cgroups/resctrl has the
 * rules.
 * @module
 */

import { loadResctrl } from "../cgroups/mod.ts";
import type { CreateFeature, CreateRequest, ExecFeature, ExecRequest } from "./feature.ts";

/** The group is made, or looked at, before the init is there, and the init put in before its program runs. */
export async function forCreate({ spec, id, mounts }: CreateRequest): Promise<CreateFeature> {
  const { planResctrl } = await loadResctrl();
  const group = planResctrl(spec.linux!.intelRdt!, id, mounts.resctrl());
  return {
    resctrl: group.record,
    host: {
      resources(deed) {
        // Should it fail, there is nothing to remove.
        deed.recordResctrl(undefined);
        deed.recordResctrl(group.prepare());
      },
      limits: (deed) => group.enter(deed.pid()),
    },
  };
}

/** One more process enters the group of its container. */
export async function forExec({ resctrl }: ExecRequest): Promise<ExecFeature> {
  const { enterResctrl } = await loadResctrl();
  return resctrl ? { host: { limits: ({ stage }) => enterResctrl(resctrl, stage.initPid) } } : {};
}
