/**
 * `linux.namespaces`: which namespaces are made for the container and which it joins, see namespaces(7).
 * @module
 */

import { O_RDONLY } from "../ffi/constants.ts";
import { EINVAL } from "../ffi/errno.ts";
import { type Kernel, OperationError } from "../ffi/kernel.ts";
import { NAMESPACES, type NamespaceType } from "../spec/namespaces.ts";
import type { LinuxNamespace } from "../spec/types.ts";

/** A namespace to join. */
export interface Join {
  type: NamespaceType;
  path: string;
}

/** What happens for each kind of namespace. */
export interface NamespacePlan {
  /** Kinds that are made new. */
  fresh: ReadonlySet<NamespaceType>;
  joins: readonly Join[];
}

/** Sorts a config's namespaces. Kinds that are not listed stay the runtime's own. */
export function planNamespaces(namespaces: readonly LinuxNamespace[] | undefined): NamespacePlan {
  const fresh = new Set<NamespaceType>();
  const joins: Join[] = [];
  for (const { type, path } of namespaces ?? []) {
    if (path) joins.push({ type, path });
    else fresh.add(type);
  }
  return { fresh, joins };
}

/** Whether the container has a namespace of that kind that may differ from the runtime's. */
export function hasNamespace(plan: NamespacePlan, type: NamespaceType): boolean {
  return plan.fresh.has(type) || plan.joins.some((join) => join.type === type);
}

/**
 * The CLONE_NEW* flags of the new namespaces. The cgroup namespace is left out because it is unshared inside
 * the cgroup, and the time namespace because its clocks are set before a process is in it.
 */
export function cloneFlags(plan: NamespacePlan): number {
  let flags = 0;
  for (const type of plan.fresh) if (type !== "cgroup" && type !== "time") flags |= NAMESPACES[type].flag;
  return flags >>> 0;
}

/**
 * Joins namespaces by path. All are opened before the first is joined, because joining a mount namespace
 * changes what paths mean.
 *
 * @throws {OperationError} With the namespace and its path. EINVAL means that the path shows another kind.
 */
export function joinNamespaces(k: Kernel, joins: readonly Join[]): void {
  const opened = joins.map(({ type, path }) =>
    k.during(`join the ${type} namespace`, () => k.open(path, O_RDONLY))
  );
  joins.forEach(({ type, path }, i) => {
    const doing = `join the ${type} namespace ${JSON.stringify(path)}`;
    k.setns(opened[i], NAMESPACES[type].flag, {
      doing,
      repair(errno) {
        const hint = errno === EINVAL ? `${doing} (is it a ${type} namespace?)` : doing;
        throw new OperationError("setns", errno, "", hint);
      },
    });
    k.close(opened[i]);
  });
}
