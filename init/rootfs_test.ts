import { assertEquals, assertThrows } from "@std/assert";
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_RECURSIVE,
  AT_SYMLINK_NOFOLLOW,
  MNT_DETACH,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  OPEN_TREE_CLONE,
  STATX_BASIC_STATS,
  STATX_MNT_ID,
} from "../ffi/constants.ts";
import { DryKernel } from "../ffi/dry.ts";
import { EBUSY, EINVAL } from "../ffi/errno.ts";
import { OperationError } from "../ffi/kernel.ts";
import { Buffer } from "../ffi/memory.ts";
import { MOUNT_ATTR_RDONLY, MS_PRIVATE, MS_SHARED, MS_SLAVE, MS_UNBINDABLE } from "../spec/mount_options.ts";
import { NAMESPACES } from "../spec/namespaces.ts";
import type { RootfsPropagation } from "../spec/types.ts";
import { callsOf, lines, names, scripted } from "../tests/lib/scripted.ts";
import { bindRootfs, chrootInto, makeRootReadonly, moveInto, pivotInto } from "./rootfs.ts";

const STAT = AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW;
const POINTS = ["/", "/var", "/var/lib", "/var/library", "/home"];

function bound(propagation?: RootfsPropagation, points = POINTS): DryKernel {
  const k = new DryKernel();
  bindRootfs(
    k,
    "/var/lib/x/rootfs",
    (flags) => k.open("/var/lib/x/rootfs", flags),
    propagation,
    points,
  );
  return k;
}

/** Propagations set: where, to what, with all below? */
function propagations(k: DryKernel): unknown[] {
  return callsOf(k, "mount_setattr").map(({ args: [, path, flags, words] }) => [
    path,
    (words as number[])[2],
    ((flags as number) & AT_RECURSIVE) !== 0,
  ]);
}

Deno.test("rootfs: cut off from the host, then bound onto itself with all below", () => {
  const k = bound();
  assertEquals(names(k), ["mount_setattr", "openat", "open_tree", "move_mount", "close"]);
  assertEquals(propagations(k), [["/", MS_SLAVE, true]]);
  const flags = callsOf(k, "open_tree")[0].args[2] as number;
  assertEquals(flags & (OPEN_TREE_CLONE | AT_RECURSIVE), OPEN_TREE_CLONE | AT_RECURSIVE);
  assertEquals((callsOf(k, "openat")[0].args[2] as number) & O_NOFOLLOW, O_NOFOLLOW);
});

Deno.test("rootfs: slave propagations only cut off", () => {
  for (const name of ["slave", "rslave"] as const) {
    assertEquals(propagations(bound(name)), [["/", MS_SLAVE, true]]);
  }
});

Deno.test("rootfs: private ones are made so after nothing can reach the host", () => {
  assertEquals(propagations(bound("rprivate")), [["/", MS_SLAVE, true], ["/", MS_PRIVATE, true]]);
  assertEquals(propagations(bound("private")), [["/", MS_SLAVE, true], ["/", MS_PRIVATE, false]]);
});

Deno.test("rootfs: with a shared one, the mount that holds the rootfs is private all the same", () => {
  assertEquals(propagations(bound("rshared")), [["/", MS_SHARED, true], ["/var/lib", MS_PRIVATE, false]]);
  assertEquals(propagations(bound("shared")), [["/", MS_SHARED, false], ["/var/lib", MS_PRIVATE, false]]);
});

Deno.test("rootfs: the mount that holds it is the longest path, by whole names", () => {
  const holder = (points: string[]) => propagations(bound("shared", points))[1];
  assertEquals(holder(["/", "/var/lib/x/root"]), ["/", MS_PRIVATE, false]);
  assertEquals(holder(["/", "/var/lib/x/rootfs"]), ["/var/lib/x/rootfs", MS_PRIVATE, false]);
});

Deno.test("pivot: the old root lies over the new one, and goes detached", () => {
  const k = new DryKernel();
  pivotInto(k, 5, undefined);
  assertEquals(k.lines(), [
    `openat ${AT_FDCWD} "/" ${O_PATH | O_DIRECTORY | O_CLOEXEC} 0`,
    "fchdir 5",
    'pivot_root "." "."',
    "fchdir 100",
    `umount2 "." ${MNT_DETACH}`,
    "branch 1",
    "close 100",
    'chdir "/"',
    `statx 5 "" ${STAT} ${STATX_BASIC_STATS | STATX_MNT_ID} buffer`,
    "getpid",
    "pidfd_open 0 0",
    `setns 101 ${NAMESPACES.mount.flag}`,
    "close 101",
    `statx ${AT_FDCWD} "/.." ${STAT} ${STATX_BASIC_STATS | STATX_MNT_ID} buffer`,
  ]);
});

Deno.test("pivot: another root of the mount namespace than the rootfs is an error", () => {
  /** What statx(2) tells: a mount id by the path that is asked for. */
  const mounted = (ids: Record<string, number>) =>
    scripted({
      statx: (_dir, path, _flags, _mask, buffer) => {
        if (buffer instanceof Buffer) buffer.memory.setU64(buffer.address + 144, ids[path as string]);
        return 0;
      },
    });
  pivotInto(mounted({ "": 7, "/..": 7 }), 5, undefined)();
  const wrong = { "": 7, "/..": 8 };
  assertThrows(() => pivotInto(mounted(wrong), 5, undefined)(), OperationError, "is another one");
  assertThrows(() => moveInto(mounted(wrong), 5, undefined, [])(), OperationError, "is another one");
});

Deno.test("pivot: where mounts may be shared, the old root is made a slave before it goes", () => {
  const k = new DryKernel();
  pivotInto(k, 5, "rshared");
  assertEquals(propagations(k), [[".", MS_SLAVE, true], ["/", MS_SHARED, false]]);
  assertEquals(names(k).indexOf("mount_setattr") < names(k).indexOf("umount2"), true);
  assertEquals(names(k).lastIndexOf("mount_setattr") > names(k).indexOf("chdir"), true);
});

Deno.test("pivot: the final propagation is the root's alone, volumes keep theirs", () => {
  for (
    const [name, value] of [
      ["unbindable", MS_UNBINDABLE],
      ["runbindable", MS_UNBINDABLE],
      ["rprivate", MS_PRIVATE],
    ] as const
  ) {
    const k = new DryKernel();
    pivotInto(k, 5, name);
    assertEquals(propagations(k).at(-1), ["/", value, false]);
  }
  const slave = new DryKernel();
  pivotInto(slave, 5, "rslave");
  assertEquals(propagations(slave).length, 1);
});

Deno.test("no pivot: views of /proc and /sys go first, the innermost before what holds it", () => {
  const k = new DryKernel();
  moveInto(k, 5, undefined, ["/proc", "/proc/inner", "/sys"]);
  assertEquals(
    lines(k, "umount2"),
    [".", "/sys", "/proc/inner", "/proc"].map((p) => `umount2 "${p}" ${MNT_DETACH}`),
  );
  const moving = names(k).slice(names(k).lastIndexOf("umount2") + 1);
  assertEquals(moving.slice(0, 6), ["openat", "fchdir", "move_mount", "close", "chroot", "chdir"]);
  assertEquals(callsOf(k, "move_mount")[0].args.slice(0, 3), [5, "", 101]);
  assertEquals(lines(k, "chroot", "chdir"), ['chdir "/"', 'chroot "."', 'chdir "/"']);
});

Deno.test("no pivot: pivot_root is tried first, and leads over what moves the rootfs", () => {
  const k = new DryKernel();
  moveInto(k, 5, undefined, ["/proc"]);
  const list = names(k);
  assertEquals(list.slice(0, 5), ["openat", "fchdir", "pivot_root", "fchdir", "umount2"]);
  // Two jumps: back to the next unmounting, and over the moving.
  assertEquals(list.slice(5, 11), ["branch", "close", "chdir", "branch", "close", "umount2"]);
});

Deno.test("no pivot: mounts that a user namespace cannot take apart are covered", () => {
  const k = scripted({ umount2: (path) => path === "/sys" ? -EINVAL : 0 });
  moveInto(k, 5, undefined, ["/proc", "/sys"]);
  assertEquals(lines(k, "fsopen"), ['fsopen "tmpfs" 1']);
  assertEquals(callsOf(k, "openat").map(({ args }) => args[1]), ["/", "/sys", "/"]);
  assertEquals(callsOf(k, "move_mount").length, 2);
  assertThrows(
    () => moveInto(scripted({ umount2: (path) => path === "." ? 0 : -EBUSY }), 5, undefined, ["/proc"]),
    OperationError,
    'umount2 "/proc"',
  );
});

Deno.test("no mount namespace: only the root changes, and nothing is mounted", () => {
  const k = new DryKernel();
  chrootInto(k, 5);
  assertEquals(k.lines(), ["fchdir 5", 'chroot "."', 'chdir "/"']);
});

Deno.test("read-only root: the root mount alone", () => {
  const k = new DryKernel();
  makeRootReadonly(k, 5);
  assertEquals(k.lines(), [`mount_setattr 5 "" ${AT_EMPTY_PATH} [${MOUNT_ATTR_RDONLY},0,0,0] 32`]);
});
