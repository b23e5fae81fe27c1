/** `validate` on hosts that do not exist, and on configs that are changed at random. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  change,
  type Config,
  containerdConfig,
  dockerConfig,
  fullConfig,
  remappedConfig,
} from "../../../spec/spec_testing.ts";
import { explainConfig } from "../../../spec/validate.ts";
import { mutateText, mutateTree, toText } from "../../../tests/fuzz/mutate.ts";
import { Random } from "../../../tests/fuzz/random.ts";
import { formatFindings } from "../../cli/validate/report.ts";
import type { HostView } from "../../host/view.ts";
import { type FakeFiles, fakeHost } from "../../host/view_testing.ts";
import { judgeDocument } from "./document.ts";
import type { Finding } from "./finding.ts";
import { validateText } from "./validate.ts";

/** What a host has on which docker's config can be made. */
const FILES: FakeFiles = {
  ...Object.fromEntries(
    ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"].map((name) => [
      `/proc/self/ns/${name}`,
      { link: `${name}:[4026531840]` },
    ]),
  ),
  "/proc/filesystems": "nodev\tproc\nnodev\ttmpfs\nnodev\tdevpts\nnodev\tsysfs\n\text4\n",
  "/proc/sys/kernel/cap_last_cap": "40\n",
  "/proc/sys/fs/nr_open": "1048576\n",
  "/proc/sys/net/ipv4/ip_unprivileged_port_start": "1024\n",
  "/proc/self/status": "Name:\tx\nCapPrm:\t000001ffffffffff\n",
  "/sys/module/apparmor/parameters/enabled": "Y\n",
  "/sys/kernel/security/apparmor/profiles": "docker-default (enforce)\nother (complain)\n",
  "/proc/1034/exe": { kind: "program" },
  "/var/lib/docker/containers/4c01db0b339c/hosts": "127.0.0.1 localhost\n",
  "/srv/data": { kind: "directory" },
  "/var/lib/docker/overlay2/fe1c/merged": { kind: "directory" },
  "/var/lib/docker/overlay2/fe1c/merged/bin": { link: "usr/bin" },
  "/var/lib/docker/overlay2/fe1c/merged/usr/bin/sh": { kind: "program" },
};

/** A host without cgroups. */
const MOUNTS = "21 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n";

/** Refusals of a changed docker config by a host; those of cgroups, which the fake has not, left out. */
async function refusals(
  changes: Record<string, unknown>,
  files: FakeFiles = {},
  facts: Partial<HostView> = {},
): Promise<Finding[]> {
  const config = dockerConfig();
  // Its rules are compiled by the library of the real host.
  delete config.linux.seccomp;
  for (const [path, value] of Object.entries(changes)) change(config, path, value);
  const view = fakeHost({ ...FILES, ...files }, facts);
  const host = { view, mountinfo: MOUNTS, systemdCgroup: false, rootless: facts.uid !== undefined };
  const findings = await validateText(JSON.stringify(config), undefined, host);
  return findings.filter(({ kind, rule }) => kind !== "warning" && !/no cgroup mount/.test(rule));
}

/** What is changed in config, host and caller; path and words of the finding; whether create refuses. */
type Row = [Record<string, unknown>, FakeFiles, Partial<HostView>, string, RegExp, boolean?];

const gone = (path: string): FakeFiles => ({ [path]: undefined as unknown as string });
const user = { uid: 1000, gid: 1000 };
const owned = { "linux.uidMappings": ids(1000), "linux.gidMappings": ids(1000) };
const rootless = {
  ...owned,
  "linux.namespaces[5]": { type: "user" },
  "linux.resources": undefined,
  "process.user.additionalGids": [],
  "mounts[2].options": [],
};

function ids(hostID: number, size = 1): unknown {
  return [{ containerID: 0, hostID, size }];
}

const ROWS: readonly Row[] = [
  [{}, gone("/proc/self/ns/net"), {}, "linux.namespaces[1].type", /no network namespaces/],
  [{}, { "/proc/sys/user/max_pid_namespaces": "0\n" }, {}, "linux.namespaces[3]", /allows no pid namespaces/],
  [{ "linux.namespaces[1].path": "/run/netns/x" }, {}, {}, "linux.namespaces[1].path", /no such namespace/],
  [
    { "linux.namespaces[1].path": "/proc/9/ns/uts" },
    { "/proc/9/ns/uts": { link: "uts:[1]" } },
    {},
    "linux.namespaces[1].path",
    /of the kind uts, not net/,
  ],
  [{}, {}, { ...user, kernel: "6.1" }, "linux.namespaces", /not root needs a user namespace/],
  [
    rootless,
    { "/proc/sys/kernel/unprivileged_userns_clone": "0\n" },
    user,
    "linux.namespaces[5]",
    /only root/,
  ],
  [{ ...rootless, "linux.uidMappings": ids(100000, 65536) }, {}, user, "linux.uidMappings", /newuidmap/],
  [
    { ...rootless, "linux.uidMappings": ids(100000, 65536) },
    { "/usr/bin/newuidmap": { kind: "program" }, "/etc/subuid": "1000:100000:1000\n" },
    user,
    "linux.uidMappings[0]",
    /does not give you the ids 100000 to 165535/,
  ],
  [{ "process.rlimits[0].hard": 1048577 }, {}, {}, "process.rlimits[0].hard", /fs\.nr_open/],
  [
    { ...rootless, "process.rlimits[0]": { type: "RLIMIT_CORE", soft: 1, hard: 9 } },
    { "/proc/self/limits": "Max core file size        0                    5                    bytes\n" },
    user,
    "process.rlimits[0].hard",
    /caller's own hard limit, 5/,
  ],
  [
    {},
    gone("/sys/module/apparmor/parameters/enabled"),
    {},
    "process.apparmorProfile",
    /apparmor not supported/,
  ],
  [{ "process.apparmorProfile": "mine" }, {}, {}, "process.apparmorProfile", /"mine" is not loaded/],
  [{ "process.selinuxLabel": "a:b:c" }, {}, {}, "process.selinuxLabel", /selinux is disabled/],
  [{ "linux.mountLabel": "a:b:c" }, {}, {}, "linux.mountLabel", /selinux is disabled/],
  [
    {},
    { "/proc/sys/kernel/cap_last_cap": "28\n" },
    {},
    "process.capabilities.permitted",
    /CAP_AUDIT_WRITE/,
    false,
  ],
  [{}, { "/proc/self/status": "CapPrm:\t00000000a80425fb\n" }, {}, "", /^$/],
  [
    {},
    { "/proc/self/status": "CapPrm:\t0000000080042520\n" },
    {},
    "process.capabilities.permitted",
    /caller itself lacks \[CAP_CHOWN/,
    false,
  ],
  [{ "mounts[1].type": "zfs" }, {}, {}, "mounts[1].type", /no filesystem "zfs"/],
  [
    { "mounts[1].type": "zfs" },
    { "/lib/modules/6.1.0-13-amd64/modules.dep": "kernel/fs/zfs.ko.xz: x\n" },
    {},
    "",
    /^$/,
  ],
  [
    {},
    {},
    { refusedOptions: (type) => type === "devpts" ? [{ option: "gid=5", reason: "no" }] : [] },
    "mounts[2].options",
    /does not take "gid=5": no/,
  ],
  [{}, gone("/srv/data"), {}, "mounts[5].source", /there is no "\/srv\/data"/],
  [
    { "mounts[5].uidMappings": ids(5), "mounts[5].gidMappings": ids(5) },
    {},
    { kernel: "5.10.0" },
    "mounts[5]",
    /Linux 5\.12/,
  ],
  [{}, gone("/proc/1034/exe"), {}, "hooks.prestart[0].path", /no such file/],
  [{ "hooks.poststop": [{ path: "/x" }] }, {}, {}, "hooks.poststop[0].path", /no such file/, false],
  [
    { "linux.sysctl": { "net.ipv4.nothing": "1" } },
    {},
    {},
    'linux.sysctl["net.ipv4.nothing"]',
    /no \/proc\/sys/,
  ],
  [
    { "linux.sysctl": { "net.ipv4.conf.eth0.rp_filter": "1" } },
    { "/proc/sys/net/ipv4/conf/default/rp_filter": "0\n" },
    {},
    "",
    /^$/,
  ],
  [
    { "linux.netDevices": { eth9: {} } },
    { "/sys/class/net/eth0/x": "" },
    {},
    "linux.netDevices.eth9",
    /device/,
  ],
  [{ "root.path": "/gone" }, {}, {}, "root.path", /there is no "\/gone"/],
  [{ "process.args[0]": "bash" }, {}, {}, "process.args[0]", /no directory of the process's PATH/],
  [{ "process.args[0]": "/usr/bin/bash" }, {}, {}, "process.args[0]", /not in the root filesystem/],
  [{ "process.args[0]": "/run/.data/program" }, {}, {}, "", /^$/],
  [{ "process.cwd": "/bin/sh" }, {}, {}, "process.cwd", /not a directory/],
];

Deno.test("validate: a host that has everything", async () => {
  assertEquals(await refusals({}), []);
  assertEquals(await refusals(rootless, {}, user), []);
});

for (const [changes, files, facts, path, words, refused = true] of ROWS) {
  if (path === "") {
    Deno.test(`validate: nothing is wrong with ${JSON.stringify({ changes, files })}`, async () => {
      assertEquals(await refusals(changes, files, facts), []);
    });
  } else {
    Deno.test(`validate: ${path} ${words.source} [${Object.keys(changes)}] [${Object.keys(files)}]`, async () => {
      const findings = (await refusals(changes, files, facts)).filter((it) => it.kind === "host");
      const found = findings.find((it) => it.path === path && words.test(it.rule));
      assert(found?.fix !== undefined, JSON.stringify(findings));
      assertEquals(found?.refused, refused);
    });
  }
}

Deno.test("validate: any document is judged, in one line each, by the rules of create", async () => {
  const random = new Random(7), bases = [dockerConfig, containerdConfig, remappedConfig, fullConfig];
  const view = fakeHost(FILES), host = { view, mountinfo: MOUNTS, systemdCgroup: false, rootless: false };
  let wrong = 0, checked = 0;
  for (let round = 0; round < 300; round++) {
    const config: Config = bases[round % bases.length]();
    for (let count = random.below(3); count >= 0; count--) mutateTree(random, config, fullConfig());
    const text = round % 10 === 0 ? mutateText(random, toText(config)) : toText(config);
    const findings = await validateText(text, "/bundle", round % 4 === 0 ? undefined : host);
    const { document, findings: judged } = await judgeDocument(text);
    const errors = judged.filter(({ kind }) => kind === "error"),
      { problems } = explainConfig(document ?? null);
    // A list of devices that no kernel can hold is the one error beyond them.
    const rules = errors.filter(({ path }) => path !== "linux.resources.devices" && path !== "");
    const same = problems.filter(({ path }) => path !== "linux.resources.devices" && path !== "");
    assertEquals(rules.map(({ path, rule }) => [path, rule]), same.map(({ path, reason }) => [path, reason]));
    if (errors.length > 0) wrong++;
    checked += findings.length;
    const lines = formatFindings([{ file: "x", findings }], (_, text) => text).split("\n");
    assertEquals(lines.length, findings.length + 2, text);
    for (const line of lines.slice(0, -2)) {
      assertMatch(line, /^x: (error|host|warning): .+ \[config[-a-z]*\.md#[a-z-]+\]$/);
    }
  }
  assert(wrong > 80 && checked > 1000, `${wrong} wrong, ${checked} findings`);
});
