/**
 * Compares the namespaces of a process with this process's own.
 * @module
 */

import { NAMESPACES, type NamespaceType } from "../../spec/namespaces.ts";

/** Whether a process is in another namespace of this type than tsrun. */
export function isInOther(pid: number, type: NamespaceType): boolean {
  const { link } = NAMESPACES[type];
  return Deno.readLinkSync(`/proc/${pid}/ns/${link}`) !== Deno.readLinkSync(`/proc/self/ns/${link}`);
}

/** CLONE_NEW* flags of all types of which a process has another namespace than tsrun. */
export function otherNamespaces(pid: number): number {
  const types = Object.keys(NAMESPACES) as NamespaceType[];
  return types.reduce((sum, type) => isInOther(pid, type) ? (sum | NAMESPACES[type].flag) >>> 0 : sum, 0);
}
