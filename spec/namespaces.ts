/**
 * Linux namespaces: namespaces(7).
 *
 * @module
 */

/** What the kernel calls a kind of namespace. */
export interface NamespaceKind {
  /** CLONE_NEW* flag of clone(2), unshare(2) and setns(2). */
  readonly flag: number;
  /** Name of its link below /proc/PID/ns. */
  readonly link: string;
}

/** The kinds of namespaces by their names in the runtime specification. */
export const NAMESPACES = {
  cgroup: { flag: 0x02000000, link: "cgroup" },
  ipc: { flag: 0x08000000, link: "ipc" },
  mount: { flag: 0x00020000, link: "mnt" },
  network: { flag: 0x40000000, link: "net" },
  pid: { flag: 0x20000000, link: "pid" },
  time: { flag: 0x00000080, link: "time" },
  user: { flag: 0x10000000, link: "user" },
  uts: { flag: 0x04000000, link: "uts" },
} as const satisfies Record<string, NamespaceKind>;

/** Name of a kind of namespace in the runtime specification. */
export type NamespaceType = keyof typeof NAMESPACES;
