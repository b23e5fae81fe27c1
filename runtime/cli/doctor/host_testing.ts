/** Hosts that do not exist, for tests of `doctor`: they have everything, and every trial succeeds. */
import { type FakeFiles, fakeHost } from "../../host/view_testing.ts";
import type { DoctorHost } from "./finding.ts";
import type { Trials } from "./trials.ts";

/** Trials that all succeed. */
const FINE: Trials = {
  namespace: () => 0,
  namespaceOfUser: () => 0,
  rightsInUserNamespace: () => 0,
  mapIds: () => undefined,
  clone3: () => 0,
  pidfd: () => 0,
  fileCalls: () => ({ openat2: 0, faccessat2: 0, close_range: 0 }),
  mountCalls: () => ({ open_tree: 0, fsopen: 0 }),
  memfd: () => undefined,
  overlay: () => 0,
  idmap: () => 0,
  filter: () => undefined,
  unknownCalls: () => [],
  unknownFlags: () => [],
  libseccomp: () => "2.6.0",
  cgroup: () => 0,
  deviceProgram: () => Promise.resolve(0),
  systemd: () => Promise.resolve({ release: 257 }),
  criu: () => Promise.resolve({ path: "/usr/sbin/criu", version: 41100 }),
  stateDirectory: () => 0,
  space: () => ({ bytes: 2 ** 31, files: 100_000, type: "tmpfs" }),
  firstLine: () => Promise.resolve("version 1"),
};

/** The files of a host of cgroup v2 with everything. */
const FILES: FakeFiles = {
  "/proc/self/uid_map": "         0          0 4294967295\n",
  "/run/systemd/system": { kind: "directory" },
  "/sys/module/apparmor/parameters/enabled": "Y\n",
  "/sys/kernel/security/apparmor/profiles": "a (enforce)\nb (enforce)\n",
  "/sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory hugetlb pids\n",
  "/sys/fs/cgroup/system.slice/memory.swap.max": "max\n",
  "/usr/bin/podman": { kind: "program" },
  "/etc/containers/containers.conf": '[engine]\nruntime = "tsrun"\n',
  "/etc/passwd": "root:x:0:0:::\nann:x:1000:1000:::\n",
  "/etc/subuid": "ann:100000:65536\n",
  "/etc/subgid": "1000:100000:65536\n",
  "/usr/bin/newuidmap": { kind: "program" },
  "/usr/bin/newgidmap": { kind: "program" },
  "/var/lib/docker/x": "",
};

/** Texts of /proc/self/mountinfo: cgroup v2, and v1 with one controller. */
export const V2 = "30 1 8:1 / / rw - ext4 /dev/sda rw\n31 30 0:5 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n" +
  "32 30 8:2 / /var/lib/docker rw - xfs /dev/sdb rw\n";
export const V1 =
  "30 1 8:1 / / rw - ext4 /dev/sda rw\n31 30 0:5 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";

/** Root, or a user with the id 1000. */
export type Who = "root" | "user";

/** A host with everything but what these say. */
export function hostOf(
  who: Who,
  trials: Partial<Trials>,
  files: FakeFiles,
  facts: Partial<DoctorHost> = {},
): DoctorHost {
  const id = who === "root" ? 0 : 1000;
  return {
    view: fakeHost({ ...FILES, ...files }, { uid: id, gid: id, kernel: "6.12.5" }),
    trials: { ...FINE, ...trials },
    mountinfo: V2,
    env: { PATH: "/usr/bin", HOME: "/home/ann", XDG_RUNTIME_DIR: "/run/user/1000" },
    root: "/run/tsrun",
    criu: "criu",
    fromSnapshot: true,
    ...facts,
  };
}
