/** `tsrun doctor` on this host, as root and as a user, and on hosts that lack something. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { contract } from "../lib/contract.ts";
import { exists, readText, type Result } from "../lib/process.ts";
import { asUser, missingForRootless, USER } from "../lib/rootless.ts";
import { contractV2 } from "../lib/v2_host.ts";

const notOnReference = "runc has no such command";

/** A finding of the JSON format. */
interface Finding {
  name: string;
  state: "ok" | "limited" | "missing";
  needed: boolean;
  says: string;
  means?: string;
  mend?: string;
}

/** The JSON format. */
interface Report {
  version: number;
  uid: number;
  usable: boolean;
  groups: { name: string; title: string; findings: Finding[] }[];
}

const GROUPS = [
  ...["kernel", "namespaces", "user-namespaces", "cgroups", "seccomp", "security-modules", "filesystems"],
  ...["systemd", "criu", "state", "start", "clients"],
];

/** Reads a report, and holds it to its form. */
function reportOf({ code, stdout, stderr }: Result): Report {
  assertEquals(stderr, "");
  const report = JSON.parse(stdout) as Report;
  assertEquals([report.version, report.groups.map(({ name }) => name)], [1, GROUPS]);
  for (const { findings } of report.groups) {
    assert(findings.length > 0);
    for (const { state, says, means, mend } of findings) {
      assert(says !== "" && (state === "ok" || (means && mend)), stdout);
    }
  }
  assertEquals(code, report.usable ? 0 : 1, stdout);
  return report;
}

function findingOf(report: Report, group: string, name: string): Finding {
  const found = report.groups.find((it) => it.name === group)?.findings.find((it) => it.name === name);
  assert(found !== undefined, `${group}/${name}: ${JSON.stringify(report)}`);
  return found!;
}

contract("doctor: as root on a host where containers run, and nothing is left", async (box, runtime) => {
  const mounts = readText("/proc/self/mountinfo");
  const report = reportOf(await box.cli(["doctor", "--format", "json"]));
  assertEquals([report.uid, report.usable], [0, true]);
  for (const name of ["mount", "pid", "network", "ipc", "uts"]) {
    assertEquals(findingOf(report, "namespaces", name).state, "ok", name);
  }
  assertEquals(findingOf(report, "filesystems", "mount calls").state, "ok");
  assertEquals(findingOf(report, "state", "writing").state, "ok");
  assert(!exists(box.root), "the state directory stays");
  assertEquals(readText("/proc/self/mountinfo"), mounts);
  await box.assertNothingLeft();

  const text = await box.cli(["doctor"]);
  assertEquals({ code: text.code, stderr: text.stderr }, { code: 0, stderr: "" });
  assertMatch(text.stdout, /^Namespaces\n {2}ok {7}mount/m);
  assertMatch(text.stdout, /\d+ ok, \d+ limited, \d+ missing: containers can be made\n$/);
  assert(!text.stdout.includes("\x1b"), "colours without a terminal");
  const bad = await box.command([runtime.path, "doctor", "--format", "xml"]);
  assertEquals({ code: bad.code, stdout: bad.stdout }, { code: 1, stdout: "" });
}, { notOnReference });

contract("doctor: as a user, what rootless can do", async (box, runtime) => {
  Deno.mkdirSync(`${box.dir}/own`);
  Deno.chownSync(`${box.dir}/own`, USER, USER);
  const argv = [
    "setpriv",
    ...asUser(),
    runtime.path,
    "--root",
    `${box.dir}/own/state`,
    "doctor",
    "-f",
    "json",
  ];
  const report = reportOf(await box.command(argv));
  assertEquals([report.uid, report.usable], [USER, true]);
  assertEquals(findingOf(report, "user-namespaces", "of this user").state, "ok");
  assertMatch(findingOf(report, "namespaces", "mount").says, /in a user namespace/);
  assertEquals(findingOf(report, "filesystems", "mount calls").state, "ok");
  assertEquals(findingOf(report, "user-namespaces", "subuid").state, "missing");
  assertMatch(findingOf(report, "user-namespaces", "subuid").mend!, /^usermod --add-subuids/);

  const foreign = reportOf(
    await box.command([
      "setpriv",
      ...asUser(),
      runtime.path,
      "--root",
      `${box.dir}/state`,
      "doctor",
      "-f",
      "json",
    ]),
  );
  assertEquals(findingOf(foreign, "state", "writing").state, "missing");
  assertEquals(foreign.usable, false);
}, { notOnReference, skip: missingForRootless() });

contract(
  "doctor: what is missing was tried: a host without cgroups, one without network namespaces",
  async (box, runtime) => {
    const doctor = [runtime.path, "--root", box.root, "doctor", "--format=json"];
    const within = (script: string, ...flags: string[]) =>
      box.command(["unshare", ...flags, "sh", "-c", `${script} && exec "$@"`, "sh", ...doctor]);
    const bare = reportOf(await within("umount -R /sys/fs/cgroup", "--mount", "--propagation", "private"));
    const { state, needed, mend } = findingOf(bare, "cgroups", "version");
    assertEquals([state, needed, bare.usable], ["missing", true, false]);
    assertMatch(mend!, /^mount -t cgroup2/);

    // The limit is that of a user namespace, and of no other.
    const limited = await within("echo 0 >/proc/sys/user/max_net_namespaces", "--user", "--map-root-user");
    const network = findingOf(reportOf(limited), "namespaces", "network");
    assertEquals(network.state, "missing");
    assertMatch(network.mend!, /^sysctl -w user\.max_net_namespaces=/);
  },
  { notOnReference },
);

contractV2("doctor: a host of v2 confines devices by programs", async (box) => {
  const report = reportOf(await box.cli(["doctor", "--format", "json"]));
  assertEquals(findingOf(report, "cgroups", "version").says, "cgroup v2");
  assertEquals(findingOf(report, "cgroups", "devices").state, "ok");
  assertEquals(findingOf(report, "cgroups", "making").state, "ok");
}, { notOnReference });
