import { assertEquals, assertThrows } from "@std/assert";
import {
  AT_EMPTY_PATH,
  O_CREAT,
  O_NOFOLLOW,
  O_PATH,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
  S_IFLNK,
  S_IFREG,
} from "../ffi/constants.ts";
import type { DryKernel } from "../ffi/dry.ts";
import { EACCES, EEXIST, ENOENT, EPERM } from "../ffi/errno.ts";
import { type Arg, OperationError } from "../ffi/kernel.ts";
import { makedev } from "../ffi/structs.ts";
import type { LinuxDevice } from "../spec/types.ts";
import { callsOf, failing, lines, names, type Script, scripted, stat } from "../tests/lib/scripted.ts";
import { checkDeviceNodes, devicesToMake, devOwner, makeDevices } from "./devices.ts";

const ROOT = 3, DEV = 100;
const FUSE: LinuxDevice = { path: "/dev/fuse", type: "c", major: 10, minor: 229 };

function made(devices: readonly LinuxDevice[], script: Script = {}, hasKcore = false): DryKernel {
  const k = scripted(script);
  makeDevices(k, ROOT, devices, hasKcore);
  return k;
}

/** Answers openat2(2): the one file that is asked for is missing until it is made. */
function placeMissing(): (...args: Arg[]) => number | undefined {
  let missing = true;
  return (_dir, path) => {
    if (path !== "/dev/fuse" || !missing) return undefined;
    missing = false;
    return -ENOENT;
  };
}

Deno.test("devices: the default ones, before the configured ones", () => {
  const list = devicesToMake([FUSE]);
  assertEquals(list.map(({ path }) => path.slice(5)), [
    "null",
    "zero",
    "full",
    "random",
    "urandom",
    "tty",
    "fuse",
  ]);
  assertEquals(list.slice(0, 6).map(({ major, minor }) => [major, minor]), [
    [1, 3],
    [1, 5],
    [1, 7],
    [1, 8],
    [1, 9],
    [5, 0],
  ]);
  assertEquals(devicesToMake(undefined).length, 6);
});

Deno.test("devices: a configured one replaces the default one", () => {
  const own: LinuxDevice = { path: "/dev/null", type: "c", major: 1, minor: 3, fileMode: 0o600, uid: 5 };
  const list = devicesToMake([own]);
  assertEquals(list.filter(({ path }) => path === "/dev/null"), [own]);
  assertEquals(list.length, 6);
});

Deno.test("devices: /dev/ptmx is never one of them", () => {
  assertEquals(devicesToMake([{ path: "/dev/ptmx", type: "c", major: 5, minor: 2 }]).length, 6);
});

Deno.test("devices: a node has its type, mode and numbers", () => {
  const k = made([
    FUSE,
    { path: "/dev/sda", type: "b", major: 8, minor: 300, fileMode: 0o640 },
    { path: "/dev/u", type: "u", major: 1, minor: 3 },
    { path: "/dev/fifo", type: "p", fileMode: 0o100600 },
  ]);
  assertEquals(callsOf(k, "mknodat").map(({ args }) => args), [
    [DEV, "fuse", S_IFCHR | 0o666, makedev(10, 229)],
    [DEV, "sda", S_IFBLK | 0o640, makedev(8, 300)],
    [DEV, "u", S_IFCHR | 0o666, makedev(1, 3)],
    // A type among the bits of fileMode does not count.
    [DEV, "fifo", S_IFIFO | 0o600, 0],
  ]);
});

Deno.test("devices: one outside of /dev gets its directory made, and is made below that", () => {
  let missing = true;
  const k = made([{ path: "/opt/x/dev", type: "c", major: 1, minor: 3 }], {
    openat2: (_dir, path) => (path === "/opt/x" && missing ? (missing = false, -ENOENT) : undefined),
  });
  assertEquals(callsOf(k, "mkdirat").map(({ args }) => args[1]), ["x"]);
  const [directory, name] = callsOf(k, "mknodat")[0].args;
  assertEquals(name, "dev");
  assertEquals(directory !== DEV, true);
});

Deno.test("devices: one that changes hands does so by its own descriptor", () => {
  const k = made([{ ...FUSE, uid: 7, gid: 8 }]);
  assertEquals(lines(k, "fchownat"), [`fchownat 101 "" 7 8 ${AT_EMPTY_PATH}`]);
  const flags = callsOf(k, "openat")[0].args[2] as number;
  assertEquals(flags & (O_NOFOLLOW | O_PATH), O_NOFOLLOW | O_PATH);
  assertEquals(names(made([FUSE])).includes("fchownat"), false);
});

Deno.test("devices: what the image has may stay if it is that device", () => {
  const k = made([FUSE], { mknodat: -EEXIST, statx: stat(S_IFCHR | 0o600, 10, 229) });
  assertEquals(callsOf(k, "mknodat").length, 1);
  // The link is not followed, and nothing that was there changes hands.
  assertEquals(callsOf(k, "statx")[0].args.slice(0, 2), [DEV, "fuse"]);
  const owned = made([{ ...FUSE, uid: 7 }], { mknodat: -EEXIST, statx: stat(S_IFCHR, 10, 229) });
  assertEquals(names(owned).includes("fchownat"), false);
});

for (
  const [what, answer] of [
    ["another device", stat(S_IFCHR, 1, 5)],
    ["a block device of these numbers", stat(S_IFBLK, 10, 229)],
    ["a file", stat(S_IFREG)],
    ["a link", stat(S_IFLNK)],
  ] as const
) {
  Deno.test(`devices: ${what} of the image in a device's place is an error`, () => {
    assertThrows(
      () => made([FUSE], { mknodat: -EEXIST, statx: answer }),
      Error,
      'create device node "/dev/fuse": the image has something else there',
    );
  });
}

Deno.test("devices: where none may be made, the host's is bound in its place", () => {
  const statx = stat(S_IFCHR | 0o600, FUSE.major, FUSE.minor);
  const k = made([{ ...FUSE, uid: 7 }], { mknodat: -EPERM, statx, openat2: placeMissing() });
  assertEquals(callsOf(k, "open_tree").map(({ args }) => args[1]), ["/dev/fuse"]);
  assertEquals(callsOf(k, "move_mount").length, 1);
  // The place is an empty file, and the host's node keeps its owner.
  const created = callsOf(k, "openat").map(({ args }) => (args[2] as number) & O_CREAT);
  assertEquals(created, [O_CREAT]);
  assertEquals(names(k).includes("fchownat"), false);
});

Deno.test("devices: in a user namespace nothing is tried in vain, but for pipes", () => {
  const statx = stat(S_IFCHR | 0o666, FUSE.major, FUSE.minor),
    pipe: LinuxDevice = { path: "/dev/p", type: "p" };
  const k = scripted({ statx });
  makeDevices(k, ROOT, [FUSE, pipe], false, true);
  assertEquals(callsOf(k, "mknodat").map(({ args }) => args[1]), ["p"]);
  assertEquals(callsOf(k, "open_tree").map(({ args }) => args[1]), ["/dev/fuse"]);
});

Deno.test("devices: what is bound must be the device that was asked for", () => {
  for (const statx of [stat(S_IFCHR, 10, 230), stat(S_IFBLK, 10, 229), stat(S_IFREG, 10, 229)]) {
    assertThrows(() => made([FUSE], { mknodat: -EPERM, statx }), Error, "the host has another device there");
  }
});

Deno.test("devices: another failure names the node", () => {
  assertThrows(
    () => made([FUSE], { mknodat: -EACCES }),
    OperationError,
    'create device node "/dev/fuse": permission denied',
  );
});

Deno.test("links: to the descriptors, to the container's ptmx, to kcore where the host has it", () => {
  const links = (k: DryKernel) => callsOf(k, "symlinkat").map(({ args: [target, , name] }) => [name, target]);
  const usual = [
    ["fd", "/proc/self/fd"],
    ["stdin", "/proc/self/fd/0"],
    ["stdout", "/proc/self/fd/1"],
    ["stderr", "/proc/self/fd/2"],
  ];
  assertEquals(links(made([])), [...usual, ["ptmx", "pts/ptmx"]]);
  assertEquals(links(made([], {}, true)), [...usual, ["core", "/proc/kcore"], ["ptmx", "pts/ptmx"]]);
});

Deno.test("links: those that are there stay, but ptmx is replaced", () => {
  const again = failing(EEXIST, 1);
  const k = made([], { symlinkat: (_target, _dir, name) => name === "ptmx" ? again() : -EEXIST });
  assertEquals(lines(k, "unlinkat"), [`unlinkat ${DEV} "ptmx" 0`]);
  assertEquals(callsOf(k, "symlinkat").filter(({ args }) => args[2] === "ptmx").length, 2);
});

Deno.test("devices: whose /dev is", () => {
  const mounted = (options: string[]) => [{ destination: "/x/../dev/", type: "tmpfs", options }];
  assertEquals(devOwner(undefined, false), "container");
  assertEquals(devOwner([{ destination: "/dev/pts", type: "devpts" }], true), "host");
  assertEquals(devOwner(mounted([]), true), "container");
  assertEquals(devOwner(mounted(["rbind"]), true), "bound");
});

Deno.test("devices: on the host they are looked for, and nothing is made", () => {
  const k = scripted({ statx: stat(S_IFCHR, 10, 229) });
  checkDeviceNodes(k, ROOT, [FUSE]);
  assertEquals(names(k), ["openat2", "statx", "close"]);
  assertThrows(
    () => checkDeviceNodes(scripted({ statx: stat(S_IFCHR, 1, 3) }), ROOT, [FUSE]),
    Error,
    "something else",
  );
  assertThrows(
    () => checkDeviceNodes(scripted({ openat2: -ENOENT }), ROOT, [FUSE]),
    OperationError,
    "none is made there",
  );
});
