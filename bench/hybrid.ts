/**
 * crun refuses hosts with cgroup v1 controllers and, beside them, a cgroup v2 mount that has controllers of
 * its own ("cgroups in hybrid mode not supported"). To compare with it there, the benchmark hides that
 * mount from all runtimes alike.
 */
import { type HostMount, parseMounts } from "./sandbox.ts";

const CLONE_NEWNS = 0x20000;
const MS_REC = 0x4000;
const MS_PRIVATE = 1 << 18;
const MNT_DETACH = 2;

const SYMBOLS = {
  // int unshare(int flags);
  unshare: { parameters: ["i32"], result: "i32" },
  // int mount(const char *source, const char *target, const char *type, unsigned long flags, const void
  // *data);
  mount: { parameters: ["pointer", "buffer", "pointer", "u64", "pointer"], result: "i32" },
  // int umount2(const char *target, int flags);
  umount2: { parameters: ["buffer", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** How this host offers cgroups: `v2`, `v1`, `hybrid` (v1 and a v2 mount beside it), or `none`. */
export function cgroupMode(mounts: HostMount[]): "v1" | "v2" | "hybrid" | "none" {
  const has = (type: string) => mounts.some((mount) => mount.type === type);
  if (has("cgroup")) return has("cgroup2") ? "hybrid" : "v1";
  return has("cgroup2") ? "v2" : "none";
}

/** Mount point of the cgroup v2 hierarchy that makes crun refuse this host, or undefined. */
export function refusedByCrun(): string | undefined {
  const mounts = parseMounts(Deno.readTextFileSync("/proc/mounts"));
  if (cgroupMode(mounts) !== "hybrid") return undefined;
  const { point } = mounts.find(({ type }) => type === "cgroup2")!;
  return Deno.readTextFileSync(`${point}/cgroup.controllers`).trim() === "" ? undefined : point;
}

/**
 * Takes the calling thread, and so every command that it starts from now on, into a mount namespace of its
 * own in which `point` is not mounted. The host's mounts stay as they are. Throws an Error if it may not.
 */
export function hideMount(point: string): void {
  const libc = Deno.dlopen("libc.so.6", SYMBOLS);
  const path = (text: string) => new TextEncoder().encode(`${text}\0`);
  const { unshare, mount, umount2 } = libc.symbols;
  const check = (what: string, result: number) => {
    if (result !== 0) throw new Error(`cannot hide ${point} from the runtimes: ${what} failed`);
  };
  check("unshare(CLONE_NEWNS)", unshare(CLONE_NEWNS));
  // Without this, a host whose root is a shared mount would lose its own hierarchy.
  check("making mounts private", mount(null, path("/"), null, BigInt(MS_REC | MS_PRIVATE), null));
  check("umount", umount2(path(point), MNT_DETACH));
  libc.close();
}
