import { assertEquals } from "@std/assert";
import type { CgroupRecord } from "./types.ts";
import { type CgroupMountRequest, planCgroupMount } from "./mount.ts";
import type { CgroupMount } from "./path.ts";

function mounted(mountpoint: string, controllers: string[], version: 1 | 2 = 1): CgroupMount {
  return { version, controllers, mountpoint, root: "/" };
}

const MOUNTS = [
  mounted("/mnt/elsewhere/memory", ["memory"]),
  mounted("/sys/fs/cgroup/cpu,cpuacct", ["cpu", "cpuacct"]),
  mounted("/sys/fs/cgroup/memory", ["memory"]),
  mounted("/sys/fs/cgroup/systemd", ["name=systemd"]),
  mounted("/sys/fs/cgroup/unified", ["unified"], 2),
  mounted("/sys/fs/cgroup/elsewhere", ["name=other"]),
];
const record: CgroupRecord = {
  driver: "cgroupfs-v1",
  paths: {
    cpu: "/sys/fs/cgroup/cpu,cpuacct/p/c",
    cpuacct: "/sys/fs/cgroup/cpu,cpuacct/p/c",
    memory: "/sys/fs/cgroup/memory/p/c",
    unified: "/sys/fs/cgroup/unified/p/c",
  },
};
const own = () => new Map([["name=systemd", "/user.slice"], ["name=other", "/"], ["memory", "/me"]]);
const LINKS = [
  { kind: "symlink", name: "cpu", target: "cpu,cpuacct" },
  { kind: "symlink", name: "cpuacct", target: "cpu,cpuacct" },
];

Deno.test("without a cgroup namespace the container's own directories are bound", () => {
  assertEquals(planCgroupMount({ mounts: MOUNTS, record, own, cgroupNamespace: false }), [
    { kind: "bind", name: "cpu,cpuacct", source: "/sys/fs/cgroup/cpu,cpuacct/p/c" },
    { kind: "bind", name: "memory", source: "/sys/fs/cgroup/memory/p/c" },
    // No directory of the container's: what the init inherits from the runtime.
    { kind: "bind", name: "systemd", source: "/sys/fs/cgroup/systemd/user.slice" },
    { kind: "bind", name: "elsewhere", source: "/sys/fs/cgroup/elsewhere" },
    ...LINKS,
  ]);
});

Deno.test("with a cgroup namespace each hierarchy is mounted anew", () => {
  assertEquals(planCgroupMount({ mounts: MOUNTS, record, own, cgroupNamespace: true }), [
    { kind: "cgroup", name: "cpu,cpuacct", source: "cgroup", data: "cpu,cpuacct" },
    { kind: "cgroup", name: "memory", source: "cgroup", data: "memory" },
    { kind: "cgroup", name: "systemd", source: "systemd", data: "name=systemd" },
    { kind: "cgroup", name: "elsewhere", source: "other", data: "name=other" },
    ...LINKS,
  ]);
});

Deno.test("controllers that are mounted one by one need no links; a container without cgroups shows the runtime's", () => {
  const mounts = [mounted("/sys/fs/cgroup/cpu", ["cpu"]), mounted("/sys/fs/cgroup/memory", ["memory"])];
  assertEquals(planCgroupMount({ mounts, record: null, own, cgroupNamespace: false }), [
    { kind: "bind", name: "cpu", source: "/sys/fs/cgroup/cpu" },
    { kind: "bind", name: "memory", source: "/sys/fs/cgroup/memory/me" },
  ]);
});

Deno.test("on a v2 host: the namespace's view, else the host's; the own directory where the namespace is not the user's", () => {
  const mounts = [mounted("/sys/fs/cgroup", ["unified"], 2)];
  const record: CgroupRecord = { driver: "cgroupfs-v2", paths: { unified: "/sys/fs/cgroup/p/c" } };
  const cases: [Partial<CgroupMountRequest>, string | null][] = [
    [{ cgroupNamespace: true }, null],
    [{ cgroupNamespace: true, userNamespace: true }, null],
    [{ joinedCgroupNamespace: true }, null],
    [{ joinedCgroupNamespace: true, userNamespace: true }, "/sys/fs/cgroup/p/c"],
    [{ joinedCgroupNamespace: true, userNamespace: true, record: null }, "/sys/fs/cgroup"],
    [{}, "/sys/fs/cgroup"],
    [{ userNamespace: true }, "/sys/fs/cgroup"],
  ];
  for (const [request, bind] of cases) {
    assertEquals(
      planCgroupMount({ mounts, record, own, cgroupNamespace: false, ...request }),
      [{ kind: "unified", bind }],
      JSON.stringify(request),
    );
  }
});
