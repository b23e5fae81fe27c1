/**
 * The processes of a PID namespace.
 * @module
 */

/**
 * Pids on the host of all processes in the PID namespace of a process, sorted.
 *
 * A process in a namespace below it, such as a container in the container, is none of them, and neither is a process that
 * the caller may not look at.
 *
 * @param pid The namespace's first process, which lives.
 */
export function processesInNamespaceOf(pid: number): number[] {
  const namespace = namespaceOf(pid);
  // An init that waits for `start` shows itself to root of the host only; it is alone then.
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
