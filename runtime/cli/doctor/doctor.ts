/**
 * Looks at all that a host can do for containers, group by group.
 * @module
 */

import { reasonOf } from "../../../ffi/errors.ts";
import type { DoctorHost, Finding, Group } from "./finding.ts";
import { cgroups } from "./groups/cgroups.ts";
import { clients } from "./groups/clients.ts";
import { filesystems } from "./groups/filesystems.ts";
import { kernel } from "./groups/kernel.ts";
import { namespaces } from "./groups/namespaces.ts";
import { seccomp, securityModules } from "./groups/security.ts";
import { criu, systemd } from "./groups/services.ts";
import { start } from "./groups/start.ts";
import { stateDirectory } from "./groups/state.ts";
import { userNamespaces } from "./groups/user_namespaces.ts";

/** The groups, in the order of the report. */
export const GROUPS: readonly Group[] = [
  ...[kernel, namespaces, userNamespaces, cgroups, seccomp, securityModules],
  ...[filesystems, systemd, criu, stateDirectory, start, clients],
];

/** The findings of a group. */
export interface Examined {
  group: Group;
  findings: Finding[];
}

/** Examines a host. A group that fails as a whole is a finding, and the others are looked at. */
export async function examine(host: DoctorHost): Promise<Examined[]> {
  const examined: Examined[] = [];
  for (const group of GROUPS) {
    try {
      examined.push({ group, findings: await group.look(host) });
    } catch (error) {
      const finding: Finding = {
        ...{ name: group.name, state: "missing", needed: true, says: reasonOf(error) },
        means: "nothing of this group could be tried",
        mend: "tsrun --debug doctor tells more",
      };
      examined.push({ group, findings: [finding] });
    }
  }
  return examined;
}

/** The exit status: 1 where something is missing without which this caller can make no container. */
export function verdict(examined: readonly Examined[]): number {
  const missing = examined.flatMap(({ findings }) => findings).some((it) =>
    it.needed && it.state === "missing"
  );
  return missing ? 1 : 0;
}
