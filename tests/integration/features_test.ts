/**
 * The claims of `features`, one by one: each name in a list is used in a container, and everything else has
 * its test elsewhere, named below.
 */
import { assertEquals, assertMatch } from "@std/assert";
import type { Box } from "../lib/box.ts";
import { type Dict, MOUNTS, namespaces, sh } from "../lib/bundle.ts";
import { assertOk } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { SeccompAgent } from "../lib/seccomp_agent.ts";
import { readText } from "../lib/process.ts";

/** Where the claims are tested, by their paths: a file of tests, and the beginning of a name. */
const CLAIMS: Record<string, string> = {
  "ociVersionMin": "lenient_config_test.ts: absent values: no user is root, no version is any",
  "ociVersionMax": "cli_test.ts: features: JSON on standard output and nothing else",
  "hooks": "features_test.ts: features: hooks",
  "mountOptions": "mount_options_test.ts: mount options: those that `features` lists are all tested",
  "linux.namespaces": "features_test.ts: features: namespaces",
  "linux.capabilities": "features_test.ts: features: capabilities",
  "linux.cgroup.v1": "cgroups_test.ts: cgroups: limits stand in the files",
  "linux.cgroup.v2": "cgroup_v2_test.ts: huge pages and unified files are limited, by update too",
  "linux.cgroup.systemd": "systemd_test.ts: a container that runs goes by force, with its unit",
  "linux.cgroup.systemdUser": "../vm/rootless_test.ts: rootless, session: limits by the user's systemd",
  "linux.cgroup.rdma": "../../runtime/cgroups/v1/apply_test.ts: each field becomes its file",
  "linux.seccomp.enabled": "seccomp_test.ts: seccomp: a filter is loaded, and only then",
  "linux.seccomp.actions": "features_test.ts: features: actions and operators of seccomp",
  "linux.seccomp.operators": "features_test.ts: features: actions and operators of seccomp",
  "linux.seccomp.archs": "../../runtime/features/seccomp/compile_test.ts: compile: every architecture",
  "linux.seccomp.knownFlags": "features_test.ts: features: flags of seccomp",
  "linux.seccomp.supportedFlags": "features_test.ts: features: flags of seccomp",
  "linux.apparmor.enabled": "../vm/apparmor_test.ts: apparmor: ",
  "linux.selinux.enabled":
    "../../runtime/features/labels_test.ts: labels: a process without labels of its own gets the container's",
  "linux.intelRdt.enabled": "../../runtime/cgroups/resctrl/group_test.ts: a class named after the container",
  "linux.intelRdt.schemata": "../../runtime/cgroups/resctrl/group_test.ts: a class named after the container",
  "linux.intelRdt.monitoring":
    "../../runtime/cgroups/resctrl/group_test.ts: a MON group of the container's own",
  "linux.memoryPolicy.modes": "features_test.ts: features: memory policies",
  "linux.memoryPolicy.flags": "features_test.ts: features: memory policies",
  "linux.mountExtensions.idmap.enabled": "idmap_test.ts: idmap: ",
  "linux.netDevices.enabled": "net_devices_test.ts: net devices: renamed",
  "potentiallyUnsafeConfigAnnotations": "features_test.ts: features: every claim has its test",
};

/** Annotations of others' programs are no claims, versions excepted. */
const ANNOTATION = /^annotations\.(?:io\.github\.|org\.opencontainers\.)/;

interface Features {
  hooks: string[];
  linux: {
    namespaces: string[];
    capabilities: string[];
    seccomp: Record<"actions" | "operators" | "archs", string[]> & {
      knownFlags?: string[];
      supportedFlags?: string[];
    };
    memoryPolicy: { modes: string[]; flags: string[] };
  };
}

async function featuresOf(box: Box): Promise<Features> {
  return JSON.parse(assertOk(await box.cli(["features"])).stdout);
}

/** Paths of the values of a document; a list is one value. */
function paths(value: unknown, path = ""): string[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [path];
  return Object.entries(value).flatMap(([name, inner]) =>
    paths(inner, path === "" ? name : `${path}.${name}`)
  );
}

contract("features: every claim has its test", async (box) => {
  const features = await featuresOf(box);
  const untested = paths(features).filter((path) => !ANNOTATION.test(path) && CLAIMS[path] === undefined);
  assertEquals(untested, []);
  for (const [path, test] of Object.entries(CLAIMS)) {
    const [, file, name] = /^(\S+): (.*)$/.exec(test)!;
    const text = readText(new URL(file, import.meta.url).pathname);
    assertEquals(
      [path, text.includes(name.replaceAll("`", "\\`")) || text.includes(name)],
      [path, true],
      test,
    );
  }
});

contract("features: hooks", async (box) => {
  const { hooks: kinds } = await featuresOf(box);
  const hook = (kind: string) => [{ path: "/bin/sh", args: sh(`echo ${kind} >>"$0"`) }];
  const hooks = Object.fromEntries(kinds.map((kind) => {
    const [{ path, args }] = hook(kind);
    // That of startContainer runs inside.
    return [kind, [{ path, args: [...args, kind === "startContainer" ? "/log" : `${box.dir}/log`] }]];
  }));
  const container = box.container({ hooks });
  assertOk(await container.run());
  const lines = readText(`${box.dir}/log`) + readText(container.path("/log"));
  assertEquals(lines.trim().split("\n").sort(), [...kinds].sort());
});

contract("features: namespaces", async (box) => {
  const { linux } = await featuresOf(box);
  const ids = [{ containerID: 0, hostID: 0, size: 65536 }];
  const { ns } = await box.container().probe({
    linux: { namespaces: namespaces(...linux.namespaces), uidMappings: ids, gidMappings: ids },
    mounts: [MOUNTS.proc, MOUNTS.dev],
  });
  const files: Record<string, string> = { mount: "mnt", network: "net" };
  const shared = linux.namespaces.filter((type) => {
    const file = files[type] ?? type;
    return ns[file] === Deno.readLinkSync(`/proc/self/ns/${file}`);
  });
  assertEquals(shared, []);
});

contract("features: capabilities", async (box) => {
  const { linux } = await featuresOf(box);
  const last = Number(readText("/proc/sys/kernel/cap_last_cap"));
  const sets = { bounding: linux.capabilities, effective: [], permitted: [], inheritable: [], ambient: [] };
  const { status } = await box.container().probe({ process: { capabilities: sets } });
  // The caller may have been denied some itself.
  const [, own] = /^CapBnd:\s*(\w+)$/m.exec(readText("/proc/self/status"))!;
  assertEquals(status.CapBnd, own);
  assertEquals(linux.capabilities.length > last, true);
});

/** A profile that allows all, and does this to calls that the container does not make. */
function profile(syscalls: Dict[], more: Dict = {}): Dict {
  return { defaultAction: "SCMP_ACT_ALLOW", syscalls, ...more };
}

contract("features: actions and operators of seccomp", async (box) => {
  const { actions, operators } = (await featuresOf(box)).linux.seccomp;
  // A call for each: libseccomp keeps one action for a call.
  const rare = [
    "acct",
    "swapon",
    "swapoff",
    "reboot",
    "quotactl",
    "syslog",
    "kexec_load",
    "vhangup",
    "nfsservctl",
  ];
  const calls = actions.filter((action) => action !== "SCMP_ACT_ALLOW").map((action, i) => ({
    names: [rare[i]],
    action,
  }));
  assertEquals(actions.length <= rare.length, true);
  const path = `${box.dir}/agent`;
  await using agent = new SeccompAgent(path, () => "continue");
  const compared = operators.map((op) => ({
    names: ["personality"],
    action: "SCMP_ACT_ERRNO",
    args: [{ index: 0, value: 5, valueTwo: 5, op }],
  }));
  const { status } = await box.container().probe({
    linux: { seccomp: profile([...calls, ...compared], { listenerPath: path }) },
  });
  assertEquals([status.Seccomp, agent.received.length], ["2", 1]);
});

contract("features: flags of seccomp", async (box) => {
  const { knownFlags = [], supportedFlags = [] } = (await featuresOf(box)).linux.seccomp;
  const listenerPath = `${box.dir}/agent`;
  await using _agent = new SeccompAgent(listenerPath, () => "continue");
  for (const flag of knownFlags) {
    // One of the flags is about calls that an agent is asked about.
    const seccomp = profile([{ names: ["acct"], action: "SCMP_ACT_NOTIFY" }], {
      flags: [flag],
      listenerPath,
    });
    const { code, stderr } = await box.container({ process: { args: ["true"] }, linux: { seccomp } }).run();
    if (supportedFlags.includes(flag)) assertEquals([flag, code, stderr], [flag, 0, ""]);
    else assertMatch(stderr, new RegExp(flag));
  }
});

/** What /proc/self/numa_maps calls a policy on node 0. */
const POLICIES: Record<string, RegExp> = {
  MPOL_DEFAULT: /^default$/,
  MPOL_PREFERRED: /^prefer(?:=\w+)?:0$/,
  MPOL_BIND: /^bind(?:=\w+)*:0$/,
  MPOL_INTERLEAVE: /^interleave(?:=\w+)*:0$/,
  MPOL_LOCAL: /^local$/,
  MPOL_PREFERRED_MANY: /^prefer \(many\)(?:=\w+)*:0$/,
  MPOL_WEIGHTED_INTERLEAVE: /^weighted interleave(?:=\w+)*:0$/,
};

contract("features: memory policies", async (box) => {
  const { modes, flags } = (await featuresOf(box)).linux.memoryPolicy;
  const policy = async (mode: string, flags: string[]) => {
    const nodes = ["MPOL_DEFAULT", "MPOL_LOCAL"].includes(mode) ? undefined : "0";
    const container = box.container({
      process: { args: sh("head -n 1 /proc/self/numa_maps") },
      linux: { memoryPolicy: { mode, nodes, flags } },
    });
    const [, word] = /^\w+ (.*?)(?: (?:file|anon|heap|stack)\b.*)?$/m.exec(await container.output()) ?? [];
    return word;
  };
  for (const mode of modes) assertMatch(await policy(mode, []), POLICIES[mode]);
  for (const flag of flags) assertMatch(await policy("MPOL_BIND", [flag]), POLICIES.MPOL_BIND);
}, { timeout: 60_000, notOnReference: "runc knows memory policies since 1.4" });
