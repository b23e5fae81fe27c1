/**
 * `linux.intelRdt`: the container's processes enter their resctrl group. runtime/cgroups/resctrl has the
 * rules.
 * @module
 */

import { loadResctrl } from "../cgroups/mod.ts";
import type { CreateFeature, CreateRequest, ExecFeature, ExecRequest } from "./feature.ts";

/** The group is made, or checked, before the init exists. The init enters it before its program runs. */
export async function forCreate({ spec, id, mounts }: CreateRequest): Promise<CreateFeature> {
  const { planResctrl } = await loadResctrl();
  const group = planResctrl(spec.linux!.intelRdt!, id, mounts.resctrl());
  return {
    resctrl: group.record,
    host: {
      resources(deed) {
        // If making it fails, there is no group to remove.
        deed.recordResctrl(undefined);
        deed.recordResctrl(group.prepare());
      },
      limits: (deed) => group.enter(deed.pid()),
    },
  };
}

/** One more process enters the resctrl group of its container. */
export async function forExec({ resctrl }: ExecRequest): Promise<ExecFeature> {
  const { enterResctrl } = await loadResctrl();
  return resctrl ? { host: { limits: ({ stage }) => enterResctrl(resctrl, stage.initPid) } } : {};
}
