import { assertEquals, assertThrows } from "@std/assert";
import { EBUSY, EINVAL } from "../ffi/errno.ts";
import type { DryKernel } from "../ffi/dry.ts";
import { OperationError } from "../ffi/kernel.ts";
import {
  MS_DIRSYNC,
  MS_I_VERSION,
  MS_LAZYTIME,
  MS_NODEV,
  MS_NOSUID,
  MS_RDONLY,
  MS_SILENT,
  MS_SYNCHRONOUS,
} from "../spec/mount_options.ts";
import { callsOf, names, type Script, scripted } from "../tests/lib/scripted.ts";
import { createFilesystem, splitData } from "./filesystem.ts";
import type { NewFilesystem } from "./new_filesystem.ts";

function created(more: Partial<NewFilesystem>, script: Script = {}): DryKernel {
  const k = scripted(script);
  createFilesystem(k, { type: "tmpfs", source: "", data: [], flags: 0, attributes: 0, ...more });
  return k;
}

/** Options that the superblock was given. */
function options(k: DryKernel): unknown[] {
  return callsOf(k, "fsconfig").slice(0, -1).map(({ args: [, , key, value] }) => [key, value]);
}

Deno.test("filesystem: configured, made, mounted detached, and the context closed", () => {
  const k = created({ source: "src", data: ["size=1k"], attributes: 6 });
  assertEquals(k.lines(), [
    'fsopen "tmpfs" 1',
    'fsconfig 100 1 "source" "src" 0',
    'fsconfig 100 1 "size" "1k" 0',
    "fsconfig 100 6 null null 0",
    "fsmount 100 1 6",
    "close 100",
  ]);
});

Deno.test("filesystem: an SELinux context is one option, whatever is in it", () => {
  assertEquals(options(created({ data: ["size=1k"], label: "u:o:t:s0:c1,c2" })), [
    ["size", "1k"],
    ["context", "u:o:t:s0:c1,c2"],
  ]);
  assertEquals(options(created({ label: "" })), []);
  assertEquals(options(created({ label: "a:b:c:s0", labelType: "rootcontext" })), [[
    "rootcontext",
    "a:b:c:s0",
  ]]);
});

Deno.test("filesystem: options with a value, without one, several in one", () => {
  assertEquals(options(created({ data: ["a=b=c", "flag", "x=1,y=2", ""] })), [
    ["a", "b=c"],
    ["flag", null],
    ["x", "1"],
    ["y", "2"],
  ]);
});

Deno.test("filesystem: commas in double quotes do not separate, and the quotes go", () => {
  const data = ['context="u:r:t:s0:c1,c2",size=1k'];
  for (const type of ["ext4", "tmpfs", "overlay"]) {
    assertEquals(splitData(type, data), ["context=u:r:t:s0:c1,c2", "size=1k"], type);
  }
  assertEquals(splitData("overlay", ['lowerdir=/a"b']), ['lowerdir=/a"b']);
});

Deno.test("filesystem: commas that are part of a value do not separate, as the type has it", () => {
  assertEquals(splitData("tmpfs", ["mpol=bind:0", "2", "size=1k"]), ["mpol=bind:0,2", "size=1k"]);
  assertEquals(splitData("overlay", ["lowerdir=/a\\,b:/c,index=on"]), ["lowerdir=/a\\,b:/c", "index=on"]);
  assertEquals(splitData("ext4", ["a=/a\\,b,2"]), ["a=/a\\", "b", "2"]);
});

Deno.test("filesystem: what fsconfig(2) cannot take is mounted by mount(2) where nobody sees it, and copied", () => {
  const long = `lowerdir=${"/l".repeat(127)}:/m`;
  const k = created({ type: "overlay", source: "o", data: [long, "index=on"], flags: MS_NODEV, cover: 5 });
  assertEquals(k.lines(), [
    'fsopen "tmpfs" 1',
    "fsconfig 100 6 null null 0",
    "fsmount 100 1 0",
    "close 100",
    'move_mount 101 "" 5 "" 68',
    'mkdirat 101 "m" 448',
    "fchdir 101",
    `mount "o" "m" "overlay" ${MS_NODEV} "${long},index=on"`,
    `open_tree 101 "m" ${0x80001}`,
    'umount2 "m" 2',
    "fchdir 5",
    'umount2 "." 2',
    'chdir "/"',
    "close 101",
  ]);
});

Deno.test("filesystem: by mount(2) go long values, sources and keys, its own flags, and types with a subtype", () => {
  const byMount = (more: Partial<NewFilesystem>) => names(created({ cover: 5, ...more })).includes("mount");
  const x = (times: number) => "x".repeat(times);
  assertEquals(byMount({ data: [`a=${x(255)}`], source: x(255) }), false);
  assertEquals(byMount({ data: [`a=${"é".repeat(127)}`] }), false);
  for (const data of [[`a=${x(256)}`], [`${x(256)}=a`], [x(256)], [`a=${"é".repeat(128)}`]]) {
    assertEquals(byMount({ data }), true);
  }
  assertEquals(byMount({ source: x(256) }), true);
  assertEquals(byMount({ type: "fuse.sshfs" }), true);
  assertEquals(byMount({ flags: MS_SILENT }), true);
  assertEquals(byMount({ flags: MS_I_VERSION }), true);
  assertThrows(() => created({ data: [`a=${x(5000)}`], cover: 5 }), OperationError, "of 5002 bytes");
});

Deno.test("filesystem: each of the layers is an option where their names are too long for mount(2) together", () => {
  const layer = (i: number) => `/${"l".repeat(200)}${i}`;
  const lower = Array.from({ length: 20 }, (_, i) => layer(i)).join(":");
  const k = created({
    type: "overlay",
    data: [`lowerdir=${lower}:/with\\:colon::/data`, "index=on"],
    cover: 5,
  });
  const given = options(k);
  assertEquals(given.slice(0, 2), [["lowerdir+", layer(0)], ["lowerdir+", layer(1)]]);
  assertEquals(given.slice(-3), [["lowerdir+", "/with:colon"], ["datadir+", "/data"], ["index", "on"]]);
  assertEquals(given.length, 23);
});

Deno.test("filesystem: flags of mount(2) that belong to the superblock are options of it", () => {
  const flags = MS_SYNCHRONOUS | MS_DIRSYNC | MS_LAZYTIME | MS_NOSUID;
  assertEquals(options(created({ type: "ext4", flags })), [["sync", null], ["dirsync", null], [
    "lazytime",
    null,
  ]]);
});

Deno.test("filesystem: read-only is said of the superblock, unless other mounts share it", () => {
  assertEquals(options(created({ type: "ext4", flags: MS_RDONLY })), [["ro", null]]);
  for (const type of ["mqueue", "cgroup", "cgroup2", "tmpfs"]) {
    assertEquals(options(created({ type, flags: MS_RDONLY })), [], type);
  }
  // Each mount of these has a superblock of its own, or one of its new network namespace, and mount(2) says
  // so too.
  for (const type of ["proc", "sysfs", "devpts"]) {
    assertEquals(options(created({ type, flags: MS_RDONLY })), [["ro", null]], type);
  }
});

Deno.test("filesystem: an option that is refused is named, with what the kernel says if it says anything", () => {
  const refused = (key: unknown) => key === "size" ? -EINVAL : 0;
  const fsconfig = (_fs: unknown, _command: unknown, key: unknown) => refused(key);
  const message = (read: Script["read"]) =>
    assertThrows(() => created({ data: ["size=x"] }, { fsconfig, read }), OperationError).message;
  assertEquals(message(-61), "option size=x: invalid argument");
  assertEquals(
    message((_fd, buffer) => {
      (buffer as { bytes: Uint8Array }).bytes.set(new TextEncoder().encode("e tmpfs: Bad value\n"));
      return 19;
    }),
    "option size=x: tmpfs: Bad value: invalid argument",
  );
});

Deno.test("filesystem: a superblock that cannot be made is told, and nothing is mounted", () => {
  const k = scripted({ fsconfig: (_fs, command) => command === 6 ? -EBUSY : 0, read: -61 });
  const make = () => createFilesystem(k, { type: "cgroup", source: "", data: [], flags: 0, attributes: 0 });
  assertThrows(make, OperationError, "fsconfig: device or resource busy");
  assertEquals(names(k).includes("fsmount"), false);
});

Deno.test("filesystem: an unknown type is told", () => {
  assertThrows(
    () => created({ type: "nofs" }, { fsopen: -19 }),
    OperationError,
    'fsopen "nofs": no such device',
  );
});
