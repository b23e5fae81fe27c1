/**
 * `linux.namespaces`: which ones the container gets anew and which it joins, see namespaces(7).
 * @module
 */

import * as c from "../ffi/constants.ts";
import { EINVAL } from "../ffi/errno.ts";
import { type Kernel, OperationError } from "../ffi/kernel.ts";
import { NAMESPACES, type NamespaceType } from "../spec/namespaces.ts";
import type { LinuxNamespace } from "../spec/types.ts";

/** A namespace to join. */
export interface Join {
  type: NamespaceType;
  path: string;
}

/** What becomes of each kind of namespace. */
export interface NamespacePlan {
  /** Kinds made anew. */
  fresh: ReadonlySet<NamespaceType>;
  joins: readonly Join[];
}

/** Sorts a config's namespaces; a kind that is not listed stays the runtime's own. */
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
 * The CLONE_NEW* flags of the fresh namespaces. The cgroup one is left out, since it is unshared inside the cgroup, and
 * the time one, since its clocks are set before anybody is in it.
 */
export function cloneFlags(plan: NamespacePlan): number {
  let flags = 0;
  for (const type of plan.fresh) if (type !== "cgroup" && type !== "time") flags |= NAMESPACES[type].flag;
  return flags >>> 0;
}

/**
 * Joins namespaces by path. All are opened before the first is joined, since joining a mount namespace changes what
 * paths mean.
 *
 * @throws {OperationError} Naming the namespace and its path; EINVAL says that it is of another kind.
 */
export function joinNamespaces(k: Kernel, joins: readonly Join[]): void {
  const opened = joins.map(({ type, path }) =>
    k.during(`join the ${type} namespace`, () => k.open(path, c.O_RDONLY))
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
