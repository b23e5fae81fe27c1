import { local } from "../../ffi/local.ts";
import { assertEquals, assertRejects } from "@std/assert";
import { RuntimeError } from "../../ffi/errors.ts";
import { openDriver, planCgroup } from "./driver.ts";
import type { CgroupHost, CgroupRequest } from "./types.ts";
import { FakeCgroupFs } from "./fs_testing.ts";
import { parseCgroupMounts } from "./path.ts";

const REQUEST: CgroupRequest = { id: "c1", cgroupsPath: "/p/c", systemd: false, rootless: false };

const V1 = `31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw
32 31 0:29 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices
`;
const BESIDE = "33 31 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
const V2 = "40 31 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";

function host(mountinfo: string): CgroupHost {
  return {
    fs: new FakeCgroupFs([], () => ({})),
    mounts: parseCgroupMounts(mountinfo),
    own: () => new Map([["devices", "/"], ["unified", "/"]]),
  };
}

Deno.test("planCgroup chooses the driver by what /sys/fs/cgroup is", async () => {
  const cases: [string, Record<string, string>][] = [
    [V1, { devices: "/sys/fs/cgroup/devices/p/c" }],
    [V1 + BESIDE, { devices: "/sys/fs/cgroup/devices/p/c", unified: "/sys/fs/cgroup/unified/p/c" }],
    [V2, { unified: "/sys/fs/cgroup/p/c" }],
    ["40 31 0:30 / /mnt/cg rw - cgroup2 cgroup2 rw\n", { unified: "/mnt/cg/p/c" }],
    // A v2 hierarchy over all that was there; and one that is itself buried.
    [V1 + BESIDE + V2, { unified: "/sys/fs/cgroup/p/c" }],
    [V2 + V1, { devices: "/sys/fs/cgroup/devices/p/c" }],
    // Some v1 hierarchy elsewhere, such as an old tool's, does not make the host one of v1.
    [V2 + "50 23 0:31 / /mnt/old rw - cgroup cgroup rw,name=old\n", { unified: "/sys/fs/cgroup/p/c" }],
  ];
  for (const [mountinfo, paths] of cases) {
    const { record } = await planCgroup(local, REQUEST, host(mountinfo));
    assertEquals(record.paths, paths, mountinfo);
    assertEquals(record.driver, paths.devices ? "cgroupfs-v1" : "cgroupfs-v2");
    assertEquals((await openDriver(local, record)).record, record);
  }
});

Deno.test("planCgroup refuses a host without cgroups", async () => {
  await assertRejects(
    () => planCgroup(local, REQUEST, host("")),
    RuntimeError,
    "no cgroup mount found in mountinfo",
  );
});
