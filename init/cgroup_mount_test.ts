import { assertEquals } from "@std/assert";
import { AT_RECURSIVE } from "../ffi/constants.ts";
import type { DryKernel } from "../ffi/dry.ts";
import {
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  MS_SLAVE,
} from "../spec/mount_options.ts";
import { callsOf, lines, names, scripted } from "../tests/lib/scripted.ts";
import { testContext } from "./mounts_testing.ts";
import { type CgroupMountStep, mountCgroups } from "./cgroup_mount.ts";

const STEPS: CgroupMountStep[] = [
  { kind: "bind", name: "cpu,cpuacct", source: "/sys/fs/cgroup/cpu/x" },
  { kind: "cgroup", name: "pids", source: "pids", data: "pids" },
  { kind: "symlink", name: "cpu", target: "cpu,cpuacct" },
];
const SAFE = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

function mounted(options: string[] = [], steps: readonly CgroupMountStep[] = STEPS): DryKernel {
  const k = scripted();
  const context = testContext(3, "/b");
  const mount = { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options };
  mountCgroups(k, context, mount, steps);
  return k;
}

Deno.test("cgroup mount: a tmpfs, attached first, with a place for each hierarchy", () => {
  const k = mounted();
  const tmpfs = callsOf(k, "move_mount")[0].args[0];
  assertEquals(lines(k, "fsopen"), ['fsopen "tmpfs" 1', 'fsopen "cgroup" 1']);
  assertEquals(callsOf(k, "mkdirat").map(({ args }) => args), [
    [tmpfs, "cpu,cpuacct", 0o755],
    [tmpfs, "pids", 0o755],
  ]);
  assertEquals(callsOf(k, "symlinkat").map(({ args }) => args), [["cpu,cpuacct", tmpfs, "cpu"]]);
  assertEquals(callsOf(k, "move_mount").length, 3);
});

Deno.test("cgroup mount: a hierarchy is mounted by its name, or bound with all below", () => {
  const k = mounted();
  assertEquals(lines(k, "fsconfig").filter((line) => line.includes('"pids"')).length, 2);
  const [, source, flags] = callsOf(k, "open_tree")[0].args;
  assertEquals(source, "/sys/fs/cgroup/cpu/x");
  assertEquals((flags as number) & AT_RECURSIVE, AT_RECURSIVE);
});

Deno.test("cgroup mount: nothing in it is executed, is a device, or gives rights", () => {
  const k = mounted();
  assertEquals(callsOf(k, "fsmount").map(({ args }) => args[2]), [SAFE, SAFE]);
  assertEquals(callsOf(k, "mount_setattr").map(({ args }) => (args[3] as number[])[0]), [SAFE]);
});

Deno.test("cgroup mount: read-only when all is made, hierarchies included", () => {
  const k = mounted(["ro"]);
  assertEquals(callsOf(k, "fsmount").map(({ args }) => args[2]), [SAFE, SAFE | MOUNT_ATTR_RDONLY]);
  const attributes = callsOf(k, "mount_setattr").map(({ args }) => (args[3] as number[])[0]);
  assertEquals(attributes, [SAFE | MOUNT_ATTR_RDONLY, MOUNT_ATTR_RDONLY]);
  assertEquals(names(k).lastIndexOf("mount_setattr") > names(k).indexOf("symlinkat"), true);
});

Deno.test("cgroup mount: what is asked of its propagation holds for the tmpfs and for each hierarchy", () => {
  const k = mounted(["rslave"]);
  const propagations = callsOf(k, "mount_setattr").map(({ args }) => (args[3] as number[])[2]);
  assertEquals(propagations.filter((value) => value === MS_SLAVE).length, 3);
});

Deno.test("cgroup mount on v2: one mount of the namespace's hierarchy, with the mount's own options", () => {
  const k = mounted(["ro", "nosuid", "noexec", "nodev"], [{ kind: "unified", bind: null }]);
  assertEquals(lines(k, "fsopen"), ['fsopen "cgroup2" 1']);
  assertEquals(callsOf(k, "fsmount").map(({ args }) => args[2]), [SAFE | MOUNT_ATTR_RDONLY]);
  assertEquals(
    lines(k, "fsconfig").filter((line) => line.includes('"ro"')),
    [],
    "the superblock is the host's",
  );
  assertEquals(callsOf(k, "move_mount").length, 1);
});

Deno.test("cgroup mount on v2 without a namespace: a bind mount, without what is mounted below", () => {
  const k = mounted(["ro", "nosuid"], [{ kind: "unified", bind: "/sys/fs/cgroup" }]);
  const [, source, flags] = callsOf(k, "open_tree")[0].args;
  assertEquals(source, "/sys/fs/cgroup");
  assertEquals((flags as number) & AT_RECURSIVE, 0);
  const attributes = callsOf(k, "mount_setattr").map(({ args }) => (args[3] as number[])[0]);
  assertEquals(attributes, [MOUNT_ATTR_NOSUID | MOUNT_ATTR_RDONLY]);
  assertEquals(callsOf(k, "fsopen").length, 0);
});
