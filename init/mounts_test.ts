import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  AT_FDCWD,
  AT_RECURSIVE,
  O_DIRECTORY,
  O_NOFOLLOW,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
  PROC_SUPER_MAGIC,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  S_IFDIR,
  S_IFREG,
  S_IFSOCK,
} from "../ffi/constants.ts";
import { EINVAL, ELOOP, ENOENT, EPERM } from "../ffi/errno.ts";
import { type Arg, OperationError } from "../ffi/kernel.ts";
import {
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MS_PRIVATE,
  MS_SLAVE,
} from "../spec/mount_options.ts";
import { callsOf, failing, lines, names, type Script, stat, statfs } from "../tests/lib/scripted.ts";
import { describeMount } from "./mounts.ts";
import { attributes, bind, mounted, newContext, ROOT, tmpfs } from "./mounts_testing.ts";

Deno.test("mount label: new filesystems get it, those that the policy labels do not, mqueue at its root", () => {
  const contexts = (type: string) => {
    const mount = { destination: `/${type}`, type, source: type };
    const k = mounted(mount, {}, { ...newContext(), label: "u:o:t:s0" });
    return callsOf(k, "fsconfig").filter(({ args }) => args[2] === "context").map(({ args }) => args[3]);
  };
  for (const type of ["tmpfs", "devpts", "overlay"]) assertEquals(contexts(type), ["u:o:t:s0"], type);
  for (const type of ["proc", "sysfs", "mqueue", "cgroup2"]) assertEquals(contexts(type), [], type);
  const mqueue = { destination: "/dev/mqueue", type: "mqueue", source: "mqueue" };
  const k = mounted(mqueue, {}, { ...newContext(), label: "u:o:t:s0" });
  const [xattr] = callsOf(k, "fsetxattr");
  assertEquals([xattr.args[1], new TextDecoder().decode(xattr.args[2] as Uint8Array)], [
    "security.selinux",
    "u:o:t:s0",
  ]);
});

Deno.test("bind: the source is cloned alone, and attached at a place in the root", () => {
  const k = mounted(bind(["bind"]));
  assertEquals(names(k), ["open_tree", "openat2", "fstatfs", "move_mount", "close", "close"]);
  assertEquals(callsOf(k, "open_tree")[0].args, [
    AT_FDCWD,
    "/src",
    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC,
  ]);
  assertEquals(callsOf(k, "openat2")[0].args.slice(0, 2), [ROOT, "/data"]);
  const [tree, , place] = callsOf(k, "move_mount")[0].args;
  assertEquals([tree, place], [100, 101]);
  assertEquals(callsOf(k, "close").map(({ args }) => args[0]), [101, 100]);
});

Deno.test("rbind: the source is cloned with all below", () => {
  const flags = callsOf(mounted(bind(["rbind"])), "open_tree")[0].args[2] as number;
  assertEquals(flags & AT_RECURSIVE, AT_RECURSIVE);
});

Deno.test("bind: a relative source starts at the bundle", () => {
  const k = mounted(bind(["bind"], { source: "vol" }));
  assertEquals(callsOf(k, "open_tree")[0].args[1], "/bundle/vol");
});

Deno.test("bind: the options say it, whatever the type says", () => {
  assertEquals(names(mounted(bind(["bind"], { type: "tmpfs" })))[0], "open_tree");
  assertEquals(names(mounted(bind([], { type: "none", options: ["rbind"] })))[0], "open_tree");
});

Deno.test("bind: options set and clear attributes before anybody can see the mount", () => {
  const k = mounted(bind(["bind", "ro", "nosuid", "exec"]));
  assertEquals(attributes(k), [{
    set: MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID,
    clear: MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW,
    propagation: 0,
    below: false,
  }]);
  assertEquals(names(k).indexOf("mount_setattr") < names(k).indexOf("move_mount"), true);
});

Deno.test("bind: attributes are left as they are where no option is a flag", () => {
  for (const options of [["bind"], ["rbind", "defaults"], ["rbind"]]) {
    assertEquals(attributes(mounted(bind(options))), []);
  }
});

Deno.test("bind: a missing destination is a directory or a file, as the source is", () => {
  for (
    const [mode, made] of [[S_IFDIR, "mkdirat"], [S_IFREG, "openat"], [S_IFSOCK, "openat"]] as const
  ) {
    const missing = failing(ENOENT);
    const openat2 = (_: unknown, path: unknown) => path === "/data" ? missing() : undefined;
    const k = mounted(bind(["bind"]), { statx: stat(mode | 0o755), openat2 });
    assertEquals(names(k).filter((name) => name === "mkdirat" || name === "openat"), [made]);
  }
});

Deno.test("bind: an error names source, destination, type and options", () => {
  assertThrows(
    () => mounted(bind(["bind", "ro"]), { open_tree: -ENOENT }),
    OperationError,
    'mount "/src" to "/data" (type=bind, options=bind,ro): open_tree "/src": no such file or directory',
  );
});

Deno.test("bind: a directory on a file is told in mount(2)'s words", () => {
  let asked = 0;
  const statx = (...args: Arg[]) => stat(asked++ === 0 ? S_IFDIR : S_IFREG)(...args);
  assertThrows(
    () => mounted(bind(["bind"]), { move_mount: -EINVAL, statx }),
    OperationError,
    'attach to "/data": not a directory',
  );
});

Deno.test("attach: another failure keeps its reason", () => {
  assertThrows(
    () => mounted(bind(["bind"]), { move_mount: -EPERM }),
    OperationError,
    "operation not permitted",
  );
});

Deno.test("propagation: set once the mount is attached, one call for each option", () => {
  const k = mounted(bind(["bind", "rslave", "private"]));
  assertEquals(attributes(k), [
    { set: 0, clear: 0, propagation: MS_SLAVE, below: true },
    { set: 0, clear: 0, propagation: MS_PRIVATE, below: false },
  ]);
  assertEquals(names(k).indexOf("move_mount") < names(k).indexOf("mount_setattr"), true);
});

Deno.test("recursive attributes: set with all below, before the mount is attached", () => {
  const k = mounted(bind(["rbind", "rro", "rexec"]));
  assertEquals(attributes(k), [
    { set: MOUNT_ATTR_RDONLY, clear: MOUNT_ATTR_NOEXEC, propagation: 0, below: true },
  ]);
  assertEquals(names(k).indexOf("mount_setattr") < names(k).indexOf("move_mount"), true);
});

Deno.test("tmpfs: keeps the mode of the directory that it covers", () => {
  const k = mounted(tmpfs(["size=64k"]), { statx: stat(S_IFDIR | 0o1750) });
  assertEquals(
    lines(k, "fsconfig"),
    [
      'fsconfig 102 1 "source" "tmpfs" 0',
      'fsconfig 102 1 "mode" "1750" 0',
      'fsconfig 102 1 "size" "64k" 0',
      "fsconfig 102 6 null null 0",
    ].map((line) => line.replaceAll("102", "101")),
  );
});

Deno.test("tmpfs: a mode among its options counts instead, and nobody is asked", () => {
  const k = mounted(tmpfs(["mode=755"]));
  assertEquals(names(k).includes("statx"), false);
  assertEquals(lines(k, "fsconfig")[1], 'fsconfig 101 1 "mode" "755" 0');
});

Deno.test("tmpfs: becomes read-only at the end, when places in it are made", () => {
  const context = newContext();
  const k = mounted(tmpfs(["ro", "nosuid", "mode=1"]), {}, context);
  assertEquals(callsOf(k, "fsmount")[0].args[2], MOUNT_ATTR_NOSUID);
  assertEquals(attributes(k), []);
  context.steps["read-only mounts"].forEach((step) => step());
  assertEquals(attributes(k), [{ set: MOUNT_ATTR_RDONLY, clear: 0, propagation: 0, below: false }]);
});

Deno.test("devpts on /dev/pts becomes read-only at once", () => {
  const context = newContext();
  const k = mounted({ destination: "/dev/pts", type: "devpts", options: ["ro"] }, {}, context);
  assertEquals(callsOf(k, "fsmount")[0].args[2], MOUNT_ATTR_RDONLY);
  assertEquals(context.steps["read-only mounts"], []);
});

Deno.test("tmpfs: a directory in one that was just made is made and opened without asking", () => {
  const context = newContext();
  mounted(tmpfs(["mode=755"], "/dev"), {}, context);
  const k = mounted({ destination: "/dev/pts", type: "devpts", options: [] }, {}, context);
  assertEquals(lines(k, "mkdirat"), ['mkdirat 100 "pts" 493']);
  const step = callsOf(k, "openat2")[1].args;
  assertEquals(step.slice(0, 2), [100, "pts"]);
  assertEquals((step[2] as number[])[2], RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
});

Deno.test("tmpfs: with copy-up, content is copied before it can be seen; places in it are asked for", () => {
  const context = newContext();
  const copied: number[][] = [];
  context.copyUp = (from, to) => copied.push([from, to]);
  const k = mounted(tmpfs(["tmpcopyup", "mode=755"]), {}, context);
  const [tree, , place] = callsOf(k, "move_mount")[0].args;
  assertEquals(copied, [[place, tree]]);
  assertEquals(context.fresh.size, 0);
  assertEquals(lines(k, "fsconfig").join().includes("tmpcopyup"), false);
});

Deno.test("proc and sysfs: on real directories only, no link on the way", () => {
  for (const type of ["proc", "sysfs"]) {
    const destination = type === "proc" ? "/proc" : "/sys";
    const k = mounted({ destination, type, source: type });
    const [, , how] = callsOf(k, "openat2")[0].args;
    const [flags, , resolve] = how as number[];
    assertEquals(flags & O_NOFOLLOW, O_NOFOLLOW);
    assertEquals(flags & O_DIRECTORY, O_DIRECTORY);
    assertEquals(resolve & RESOLVE_NO_SYMLINKS, RESOLVE_NO_SYMLINKS);
    assertThrows(
      () => mounted({ destination, type, source: type }, { openat2: -ELOOP }),
      Error,
      `filesystem "${type}" must be mounted on ordinary directory`,
    );
  }
});

Deno.test("proc: is made as the kernel's proc, with its attributes", () => {
  const k = mounted({
    destination: "/proc",
    type: "proc",
    source: "proc",
    options: ["nosuid", "noexec", "nodev", "hidepid=2"],
  });
  assertEquals(names(k), [
    "openat2",
    "fsopen",
    "fsconfig",
    "fsconfig",
    "fsconfig",
    "fsmount",
    "close",
    "move_mount",
    "close",
    "close",
  ]);
  assertEquals(lines(k, "fsconfig")[1], 'fsconfig 101 1 "hidepid" "2" 0');
  assertEquals(
    callsOf(k, "fsmount")[0].args[2],
    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV,
  );
});

Deno.test("place: a link of the image that leads into /proc is found by what lies there", () => {
  assertThrows(
    () => mounted(tmpfs(["mode=755"]), { fstatfs: statfs(PROC_SUPER_MAGIC) }),
    Error,
    '"/t" cannot be mounted because it is inside /proc',
  );
});

Deno.test("place: a file of /proc that may be covered is not looked at", () => {
  const k = mounted(bind(["bind"], { destination: "/proc/cpuinfo" }), {
    fstatfs: statfs(PROC_SUPER_MAGIC),
    statx: stat(S_IFREG),
  });
  assertEquals(names(k).includes("move_mount"), true);
});

Deno.test("bind: over /proc only a procfs", () => {
  const proc = bind(["rbind"], { destination: "/proc", source: "/proc" });
  assertEquals(names(mounted(proc, { fstatfs: statfs(PROC_SUPER_MAGIC) })).includes("move_mount"), true);
  assertThrows(() => mounted(proc), Error, '"/proc" cannot be mounted because it is not of type proc');
});

Deno.test("filesystem: the kernel's own words are in the error", () => {
  const words = "e tmpfs: Bad value for 'size'\n";
  const read = (_fd: unknown, buffer: unknown) => {
    (buffer as { bytes: Uint8Array }).bytes.set(new TextEncoder().encode(words));
    return words.length;
  };
  const error = assertThrows(() =>
    mounted(tmpfs(["mode=755", "size=x"]), {
      fsconfig: (_fs, _command, key) => key === "size" ? -EINVAL : 0,
      read,
    }), OperationError);
  assertStringIncludes(error.message, "option size=x: tmpfs: Bad value for 'size': invalid argument");
});

Deno.test("describe: without options and type", () => {
  assertEquals(describeMount({ destination: "/x" }), 'mount "" to "/x" (type=)');
});

Deno.test("destinations: where some were missing, later ones are made before they are asked for", () => {
  const context = newContext();
  const first = (script: Script) => names(mounted(bind(["bind"]), script, context)).slice(0, 3);
  for (let i = 0; i < 3; i++) {
    const missing = failing(ENOENT);
    const openat2 = (_: unknown, path: unknown) => path === "/data" ? missing() : undefined;
    assertEquals(first({ openat2 }), ["open_tree", "openat2", "statx"]);
  }
  assertEquals(context.missed, 3);
  assertEquals(first({}), ["open_tree", "openat2", "openat"]);
});
