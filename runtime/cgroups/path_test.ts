import { assertEquals } from "@std/assert";
import { mountsByController, ownDirectory, parseCgroupMounts, parseProcCgroup } from "./path.ts";

const PROC_CGROUP = `9:name=systemd:/user.slice
4:memory:/process_api/9d80
2:cpu,cpuacct:/
0::/init.scope
`;
const MOUNTINFO = `23 1 254:0 / / rw - ext4 /dev/vda rw
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
30 31 0:30 / /mnt/cg\\040x/memory rw - cgroup cgroup rw,memory
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
33 31 0:30 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,release_agent=/x,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate
42 31 0:39 / /sys/fs/cgroup/other rw - cgroup cgroup rw,unheard
garbage
`;

Deno.test("parseProcCgroup gives every controller of a line its path, and v2 the name unified", () => {
  assertEquals(Object.fromEntries(parseProcCgroup(PROC_CGROUP + "nonsense\n")), {
    "name=systemd": "/user.slice",
    memory: "/process_api/9d80",
    cpu: "/",
    cpuacct: "/",
    unified: "/init.scope",
  });
  assertEquals(parseProcCgroup("3:cpu:/a:b\n").get("cpu"), "/a:b", "a path may have colons");
});

Deno.test("parseCgroupMounts finds hierarchies, names and v2, and nothing else", () => {
  assertEquals(parseCgroupMounts(MOUNTINFO), [
    { version: 1, controllers: ["memory"], mountpoint: "/mnt/cg x/memory", root: "/" },
    { version: 1, controllers: ["cpu", "cpuacct"], mountpoint: "/sys/fs/cgroup/cpu,cpuacct", root: "/" },
    { version: 1, controllers: ["memory"], mountpoint: "/sys/fs/cgroup/memory", root: "/" },
    { version: 1, controllers: ["name=systemd"], mountpoint: "/sys/fs/cgroup/systemd", root: "/" },
    { version: 2, controllers: ["unified"], mountpoint: "/sys/fs/cgroup/unified", root: "/" },
  ]);
});

Deno.test("mountsByController prefers /sys/fs/cgroup", () => {
  const mounts = parseCgroupMounts(MOUNTINFO);
  const chosen = mountsByController(mounts);
  assertEquals(chosen.memory.mountpoint, "/sys/fs/cgroup/memory");
  assertEquals(mountsByController([...mounts].reverse()).memory.mountpoint, "/sys/fs/cgroup/memory");
  assertEquals(mountsByController(mounts.slice(0, 1)).memory.mountpoint, "/mnt/cg x/memory");
  assertEquals(chosen.cpuacct, chosen.cpu);
  assertEquals(chosen.pids, undefined);
});

Deno.test("ownDirectory finds a process's cgroup below a mount", () => {
  const cases: [root: string, own: string, want: string][] = [
    ["/", "/", "/cg/pids"],
    ["/", "/me/deep", "/cg/pids/me/deep"],
    // A container without a cgroup namespace: its mount shows its own part only.
    ["/docker/c", "/docker/c", "/cg/pids"],
    ["/docker/c", "/docker/c/sub", "/cg/pids/sub"],
    ["/docker/c", "/docker/cousin", "/cg/pids"],
    // Outside of the cgroup namespace's root.
    ["/..", "/", "/cg/pids"],
    ["/", "/../../etc", "/cg/pids/etc"],
  ];
  for (const [root, own, want] of cases) {
    const mount = { version: 1 as const, controllers: ["pids"], mountpoint: "/cg/pids", root };
    assertEquals(ownDirectory(mount, own), want, `${root} ${own}`);
  }
});
