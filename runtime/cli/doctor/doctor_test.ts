/** `doctor` on hosts that do not exist: each trial that fails, and each file that says so, in its words. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { EACCES, EINVAL, ENODEV, ENOSPC, ENOSYS, EPERM } from "../../../ffi/errno.ts";
import type { FakeFiles } from "../../host/view_testing.ts";
import { examine, verdict } from "./doctor.ts";
import type { DoctorHost, Finding } from "./finding.ts";
import { hostOf, V1, V2, type Who } from "./host_testing.ts";
import { examinationJson, formatExamination } from "./report.ts";
import type { Trials } from "./trials.ts";

/** The findings that are not fine, by group and name, and the exit status. */
async function ills(host: DoctorHost): Promise<{ found: Record<string, Finding>; status: number }> {
  const examined = await examine(host);
  const found = examined.flatMap(({ group, findings }) =>
    findings.filter(({ state }) => state !== "ok").map((it) => [`${group.name}/${it.name}`, it] as const)
  );
  return { found: Object.fromEntries(found), status: verdict(examined) };
}

const gone = (path: string): FakeFiles => ({ [path]: undefined as unknown as string });

/** What fails, for whom, and the finding: its name, state, words, remedy, and the exit status. */
interface Row {
  who?: Who;
  trials?: Partial<Trials>;
  files?: FakeFiles;
  facts?: Partial<DoctorHost>;
  finding: string;
  state: "limited" | "missing";
  words: RegExp;
  mend?: RegExp;
  status?: number;
}

const ROWS: readonly Row[] = [
  {
    facts: { fromSnapshot: false },
    finding: "start/engine",
    state: "limited",
    words: /starts an engine/,
    mend: /\.\/x install/,
  },
  {
    who: "user",
    facts: { fromSnapshot: false },
    finding: "start/engine",
    state: "limited",
    words: /starts an engine/,
  },
  {
    trials: { clone3: () => ENOSYS },
    finding: "kernel/clone3",
    state: "missing",
    words: /not implemented/,
    status: 1,
  },
  {
    trials: { pidfd: () => EPERM },
    finding: "kernel/pidfd",
    state: "missing",
    words: /not permitted/,
    status: 1,
  },
  {
    trials: { fileCalls: () => ({ openat2: 0, faccessat2: 0, close_range: ENOSYS }) },
    ...{
      finding: "kernel/close_range",
      state: "missing",
      words: /close_range/,
      mend: /Linux 5\.11/,
      status: 1,
    },
  },
  {
    trials: { memfd: () => "permission denied" },
    files: { "/proc/sys/vm/memfd_noexec": "2\n" },
    ...{ finding: "kernel/memfd", state: "limited", words: /memfd_noexec=2/, mend: /vm\.memfd_noexec=0/ },
  },
  {
    trials: { namespace: (type) => type === "network" ? ENOSPC : 0 },
    ...{
      finding: "namespaces/network",
      state: "missing",
      words: /no space/,
      mend: /max_net_namespaces=/,
      status: 1,
    },
  },
  {
    trials: { namespace: (type) => type === "time" ? EINVAL : 0 },
    ...{ finding: "namespaces/time", state: "missing", words: /invalid/, mend: /CONFIG_/ },
  },
  {
    trials: { namespace: (type) => type === "user" ? EPERM : 0 },
    ...{ finding: "user-namespaces/of root", state: "missing", words: /not permitted/ },
  },
  {
    trials: { namespaceOfUser: () => EPERM },
    files: { "/proc/sys/kernel/unprivileged_userns_clone": "0\n" },
    ...{
      finding: "user-namespaces/of users",
      state: "missing",
      words: /not permitted/,
      mend: /userns_clone=1/,
    },
  },
  {
    files: { "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1\n" },
    ...{ finding: "user-namespaces/of users", state: "limited", words: /few rights/, mend: /_userns=0/ },
  },
  {
    who: "user",
    trials: { rightsInUserNamespace: () => EACCES },
    files: { "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1\n" },
    ...{
      finding: "user-namespaces/of this user",
      state: "missing",
      words: /denied/,
      mend: /_userns=0/,
      status: 1,
    },
  },
  {
    who: "user",
    files: gone("/etc/subgid"),
    ...{
      finding: "user-namespaces/subgid",
      state: "missing",
      words: /no ids to ann/,
      mend: /--add-subgids .* ann$/,
    },
  },
  {
    who: "user",
    files: { "/etc/subuid": "ann:100000:10\n" },
    ...{ finding: "user-namespaces/subuid", state: "limited", words: /gives 10 ids/ },
  },
  {
    who: "user",
    files: gone("/usr/bin/newgidmap"),
    ...{ finding: "user-namespaces/newuidmap", state: "missing", words: /newgidmap: not/, mend: /uidmap/ },
  },
  {
    who: "user",
    trials: { mapIds: () => "write to uid_map failed" },
    ...{
      finding: "user-namespaces/newuidmap",
      state: "missing",
      words: /uid_map failed/,
      mend: /chmod u\+s/,
    },
  },
  {
    facts: { mountinfo: "30 1 8:1 / / rw - ext4 /dev/sda rw\n" },
    ...{
      finding: "cgroups/version",
      state: "missing",
      words: /no cgroup/,
      mend: /mount -t cgroup2/,
      status: 1,
    },
  },
  {
    files: { "/sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory hugetlb\n" },
    ...{ finding: "cgroups/pids", state: "missing", words: /no pids/, mend: /cgroup_disable=pids/ },
  },
  {
    facts: { mountinfo: V1 },
    files: { "/proc/cgroups": "#subsys_name\npids\t0\t1\t1\n" },
    ...{ finding: "cgroups/pids", state: "missing", words: /no pids/, mend: /mount -t cgroup -o pids/ },
  },
  {
    files: gone("/sys/fs/cgroup/system.slice/memory.swap.max"),
    ...{ finding: "cgroups/swap", state: "limited", words: /memory\.swap\.max/, mend: /swapaccount=1/ },
  },
  {
    trials: { cgroup: () => EACCES },
    finding: "cgroups/making",
    state: "missing",
    words: /denied/,
    status: 1,
  },
  {
    who: "user",
    trials: { cgroup: () => EACCES },
    ...{ finding: "cgroups/making", state: "missing", words: /denied/, mend: /--systemd-cgroup/ },
  },
  {
    trials: { deviceProgram: () => Promise.resolve(EPERM) },
    ...{ finding: "cgroups/devices", state: "missing", words: /BPF_PROG_LOAD/, status: 1 },
  },
  {
    files: {
      "/etc/docker/daemon.json": '{"exec-opts": ["native.cgroupdriver=systemd"]}',
      ...gone("/run/systemd/system"),
    },
    ...{ finding: "cgroups/driver", state: "missing", words: /ask for systemd/, mend: /daemon\.json/ },
  },
  {
    trials: { libseccomp: () => "" },
    finding: "seccomp/libseccomp",
    state: "missing",
    words: /not installed/,
  },
  {
    trials: { unknownCalls: () => ["mseal"] },
    ...{ finding: "seccomp/libseccomp", state: "limited", words: /does not know mseal/ },
  },
  { trials: { filter: () => "no" }, finding: "seccomp/filter", state: "missing", words: /^no$/ },
  { trials: { unknownFlags: () => ["F"] }, finding: "seccomp/flags", state: "limited", words: /know F/ },
  {
    files: gone("/sys/module/apparmor/parameters/enabled"),
    ...{ finding: "security-modules/labels", state: "limited", words: /neither AppArmor nor SELinux/ },
  },
  {
    files: gone("/sys/kernel/security/apparmor/profiles"),
    ...{
      finding: "security-modules/apparmor",
      state: "limited",
      words: /securityfs/,
      mend: /mount -t securityfs/,
    },
  },
  {
    facts: { mountinfo: `${V2}33 30 0:9 / /sys/fs/selinux rw - selinuxfs selinuxfs rw\n` },
    ...{ finding: "security-modules/selinux", state: "limited", words: /permissive/, mend: /setenforce/ },
  },
  {
    trials: { mountCalls: () => ({ open_tree: 0, mount_setattr: ENOSYS }) },
    ...{
      finding: "filesystems/mount calls",
      state: "missing",
      words: /mount_setattr/,
      mend: /5\.12/,
      status: 1,
    },
  },
  {
    who: "user",
    trials: { mountCalls: () => EPERM },
    ...{ finding: "filesystems/mount calls", state: "missing", words: /in a user namespace/, status: 1 },
  },
  {
    trials: { overlay: () => ENODEV },
    ...{
      finding: "filesystems/overlay of users",
      state: "limited",
      words: /no such device/,
      mend: /modprobe/,
    },
  },
  {
    trials: { idmap: (path) => path === "/var/lib/docker" ? EINVAL : 0 },
    ...{ finding: "filesystems/idmap /var/lib/docker", state: "limited", words: /^xfs/, mend: /elsewhere/ },
  },
  {
    files: gone("/run/systemd/system"),
    ...{ finding: "systemd/manager", state: "missing", words: /does not run/ },
  },
  {
    who: "user",
    trials: { systemd: (bus) => Promise.resolve({ reason: `no ${bus} bus` }) },
    ...{ finding: "systemd/manager", state: "missing", words: /no user bus/, mend: /enable-linger/ },
  },
  {
    trials: { criu: () => Promise.resolve({ reason: "no criu in PATH" }) },
    ...{ finding: "criu/criu", state: "missing", words: /no criu/, mend: /apt install criu/ },
  },
  {
    trials: { criu: () => Promise.resolve({ path: "/criu", version: 31700, check: "no iptables" }) },
    ...{ finding: "criu/criu", state: "limited", words: /version 3\.17: criu check: no iptables/ },
  },
  {
    trials: { stateDirectory: () => EACCES },
    ...{ finding: "state/writing", state: "missing", words: /denied/, mend: /--root/, status: 1 },
  },
  {
    trials: { space: () => ({ bytes: 1 << 20, files: 5, type: "tmpfs" }) },
    ...{ finding: "state/space", state: "limited", words: /1 MiB and 5 files/ },
  },
  {
    trials: { space: () => ({ bytes: 2 ** 31, files: 0, type: "ext4" }) },
    ...{ finding: "state/space", state: "limited", words: /not a tmpfs/ },
  },
  {
    files: { "/etc/containers/containers.conf": '# runtime = "tsrun"\n' },
    ...{
      finding: "clients/podman",
      state: "limited",
      words: /no configuration names tsrun/,
      mend: /configure podman/,
    },
  },
  {
    files: gone("/usr/bin/podman"),
    ...{
      finding: "clients/clients",
      state: "limited",
      words: /none of docker, containerd, podman, crio, nerdctl/,
    },
  },
];

Deno.test("doctor: a host that has everything, for root and for a user", async () => {
  for (const who of ["root", "user"] as const) {
    const { found, status } = await ills(hostOf(who, {}, {}));
    // CRIU is root's.
    assertEquals(Object.keys(found), who === "root" ? [] : ["criu/criu"]);
    assertEquals(status, 0);
  }
});

for (
  const { who = "root", trials = {}, files = {}, facts, finding, state, words, mend, status = 0 } of ROWS
) {
  Deno.test(`doctor: ${who}: ${finding} is ${state}: ${words.source}`, async () => {
    const ill = await ills(hostOf(who, trials, files, facts)), found = ill.found[finding];
    assert(found !== undefined, Object.keys(ill.found).join());
    assertEquals(found?.state, state);
    assertMatch(found.says, words);
    assert(found.means, "it says what that means");
    assertMatch(found.mend ?? "", mend ?? /\w/);
    assertEquals(ill.status, status);
  });
}

Deno.test("doctor: drop-in files of clients, and files of the user's own, name tsrun", async () => {
  const files = {
    "/usr/bin/containerd": { kind: "program" },
    "/etc/containerd/conf.d/tsrun.toml":
      'runtime_type = "io.containerd.runc.v2"\nBinaryName = "/usr/bin/tsrun"\n',
    "/usr/bin/dockerd": { kind: "program" },
    "/home/ann/.config/docker/daemon.json": '{"runtimes": {"tsrun": {"path": "/usr/local/bin/tsrun"}}}',
  } as const;
  assertEquals(Object.keys((await ills(hostOf("root", {}, files))).found), []);
});

Deno.test("doctor: a group that fails as a whole is told, and the others are looked at", async () => {
  const broken = () => {
    throw new Error("out of memory");
  };
  const examined = await examine(hostOf("root", { clone3: broken }, {}));
  assertEquals(examined[0].findings.map(({ state, says }) => [state, says]), [["missing", "out of memory"]]);
  assertEquals(examined.length, 12);
  assertEquals(verdict(examined), 1);
});

Deno.test("doctor: text in columns without what steers a terminal, and JSON", async () => {
  const examined = await examine(
    hostOf("root", { criu: () => Promise.resolve({ reason: "a\x1b[2Jb" }) }, {}),
  );
  const text = formatExamination(examined, (_, it) => it);
  assertMatch(
    text,
    /^CRIU\n {2}missing {2}criu {2}a\\u001b\[2Jb\n {17}no checkpoint and restore\n {17}fix: apt/m,
  );
  assertMatch(text, /\n\d+ ok, 0 limited, 1 missing: containers can be made\n$/);
  const json = JSON.parse(examinationJson(examined, { uid: 0 }, "1.2.3"));
  assertEquals([json.version, json.tsrun, json.uid, json.usable], [1, "1.2.3", 0, true]);
  assertEquals(json.groups.find(({ name }: { name: string }) => name === "criu").findings, [{
    name: "criu",
    state: "missing",
    needed: false,
    says: "a\x1b[2Jb",
    means: "no checkpoint and restore",
    mend: "apt install criu",
  }]);
});
