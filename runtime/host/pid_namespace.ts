/**
 * The processes of a PID namespace.
 * @module
 */

/**
 * Pids on the host of all processes in the PID namespace of a process, sorted.
 *
 * Processes in a namespace below it, such as a container in the container, are not among them. Neither are
 * processes that the caller may not look at.
 *
 * @param pid The namespace's first process, which is alive.
 */
export function processesInNamespaceOf(pid: number): number[] {
  const namespace = namespaceOf(pid);
  // An init that waits for `start` is visible to root of the host only. It is alone in its namespace then.
  if (namespace === undefined) return [pid];
  return [...Deno.readDirSync("/proc")]
    .map(({ name }) => Number(name))
    .filter((one) => one > 0 && namespaceOf(one) === namespace)
    .sort((a, b) => a - b);
}

/** The namespace's name; undefined for a process that has ended, or is hidden from this one. */
function namespaceOf(pid: number): string | undefined {
  try {
    return Deno.readLinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined;
  }
}
