/** `tsrun validate`: it agrees with `create`, and says what it found in both formats. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { change } from "../../spec/spec_testing.ts";
import { Random } from "../fuzz/random.ts";
import type { Box } from "../lib/box.ts";
import { type Dict, namespaces } from "../lib/bundle.ts";
import { contract } from "../lib/contract.ts";
import { Terminal } from "../lib/pty.ts";
import { asUser } from "../lib/rootless.ts";

const notOnReference = "runc has no such command";

/** A finding of the JSON format. */
interface Finding {
  kind: "error" | "host" | "warning";
  refused: boolean;
  path: string;
  value?: unknown;
  rule: string;
  fix?: string;
  section: string;
}

/** A document of the JSON format. */
interface JudgedFile {
  file: string;
  refused: boolean;
  findings: Finding[];
}

/** What may be changed in a valid config, right and wrong; each is a case, and so are random pairs. */
const CHANGES: readonly [path: string, value: unknown][] = [
  ["ociVersion", "2.0.0"],
  ["process.args", []],
  ["process.args[0]", "nothing-of-this-name"],
  ["process.args[0]", "/etc/passwd"],
  ["process.args[0]", "/bin"],
  ["process.args[0]", "sh"],
  ["process.cwd", "relative"],
  ["process.cwd", "/made/by/create"],
  ["process.cwd", "/etc/passwd"],
  ["process.env[0]", "no-equals-sign"],
  ["process.env[0]", "PATH=/nowhere"],
  ["process.user", null],
  ["process.capabilities.permitted[0]", "CAP_BOGUS"],
  ["process.rlimits", [{ type: "RLIMIT_NOFILE", hard: 10, soft: 20 }]],
  ["process.rlimits", [{ type: "RLIMIT_NOFILE", hard: 4_000_000_000, soft: 20 }]],
  ["process.apparmorProfile", "nothing-is-loaded"],
  ["process.selinuxLabel", "a:b:c:d"],
  ["root", undefined],
  ["root.path", "nowhere"],
  ["root.path", "config.json"],
  ["mounts[0].type", "nofs"],
  ["mounts[1]", { destination: "/data", type: "bind", source: "/nowhere/at/all", options: ["rbind"] }],
  ["mounts[1]", { destination: "/data", type: "bind", source: "rootfs/etc", options: ["rbind", "ro"] }],
  ["mounts[1]", { destination: "/data", type: "bind", source: "/etc" }],
  ["mounts[1]", { destination: "data", type: "tmpfs" }],
  ["mounts[1].options", ["bogus-option-of-tmpfs"]],
  ["hooks", { createRuntime: [{ path: "/nowhere/hook" }] }],
  ["hooks", { createRuntime: [{ path: "/etc/passwd" }] }],
  ["annotations", { "": "x" }],
  ["linux.namespaces", namespaces("pid", "pid", "mount")],
  ["linux.namespaces[1].path", "/nowhere/ns"],
  ["linux.namespaces[1].path", "/proc/self/ns/uts"],
  ["linux.namespaces[1].path", "/etc/passwd"],
  ["linux.namespaces[1].path", "/proc/self/ns/net"],
  ["linux.sysctl", { "kernel.panic": "1" }],
  ["linux.sysctl", { "net.ipv4.nothing_of_this_name": "1" }],
  ["linux.sysctl", { "net.ipv4.ip_forward": "1" }],
  ["linux.netDevices", { nodevice9: {} }],
  ["linux.rootfsPropagation", "sideways"],
  ["linux.intelRdt", { closID: "x", memBwSchema: "MB:0=20" }],
  ["linux.resources", { pids: { limit: 50 }, cpu: { shares: 100 } }],
  ["linux.resources", { pids: { limit: 5_000_000 } }],
  ["linux.resources", { cpu: { period: 10 } }],
  ["linux.resources", { cpu: { quota: 10 } }],
  ["linux.resources", { cpu: { cpus: "0" } }],
  ["linux.resources", { cpu: { cpus: "900" } }],
  ["linux.resources", { hugepageLimits: [{ pageSize: "3MB", limit: 1 }] }],
  ["linux.resources", { network: { classID: 5 } }],
  ["linux.resources", { unified: { "memory.high": "1000000" } }],
  ["linux.resources", { devices: [{ allow: true, access: "x" }] }],
  ["linux.resources", {
    devices: [{ allow: true, type: "c", access: "rwm" }, {
      allow: false,
      type: "c",
      major: 10,
      minor: 3,
      access: "rw",
    }],
  }],
  ["linux.seccomp", { defaultAction: "SCMP_ACT_NOTIFY" }],
  ["linux.seccomp", {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["no_such_call"], action: "SCMP_ACT_ERRNO" }],
  }],
  ["linux.seccomp", {
    defaultAction: "SCMP_ACT_ALLOW",
    listenerPath: "/nowhere/agent.sock",
    syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_NOTIFY" }],
  }],
  ["linux.namespacs", []],
];

/** The base config, in which every path of the table leads somewhere. */
function baseOf(box: Box, id: string): Dict {
  return box.config(id, {
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/data", type: "tmpfs", source: "tmpfs", options: ["size=1m"] },
    ],
    linux: { namespaces: namespaces("pid", "network", "ipc", "uts", "mount") },
  });
}

/** The configs of all cases as texts, each with its changes. */
function casesOf(box: Box, id: string): { changes: string; text: string }[] {
  const random = new Random(12), lists = CHANGES.map((it) => [it]);
  for (let more = 4; more > 0; more--) lists.push([random.pick(CHANGES), random.pick(CHANGES)]);
  return lists.flatMap((changes) => {
    const config = structuredClone(baseOf(box, id));
    try {
      for (const [path, value] of changes) change(config, path, structuredClone(value));
    } catch {
      // The first change has taken away what the second one was to change.
      return [];
    }
    return [{ changes: JSON.stringify(changes), text: JSON.stringify(config) }];
  });
}

contract("validate: what create refuses, validate calls refused, and nothing else", async (box) => {
  const lanes = [box.container(), box.container()],
    [{ bundle: { dir }, id }] = lanes,
    cases = casesOf(box, id);
  const names = cases.map(({ text }, index) => {
    Deno.writeTextFileSync(`${dir}/case${index}.json`, text);
    return `${dir}/case${index}.json`;
  });
  const judged = await box.cli(["validate", "-b", dir, "--format", "json", ...names]);
  const { files } = JSON.parse(judged.stdout) as { files: JudgedFile[] };
  const wrong: string[] = [];
  let refusals = 0, next = 0;
  await Promise.all(lanes.map(async (container) => {
    for (let index = next++; index < cases.length; index = next++) {
      const { changes, text } = cases[index], { refused, findings } = files[index];
      container.writeConfig(text.replaceAll(id, container.id));
      const { code, stderr } = await container.create();
      if (code === 0) assertEquals((await box.cli(["delete", "--force", container.id])).code, 0);
      else refusals++;
      const line = stderr.trimEnd().split("\n").at(-1)!, message = /msg=(".*")$/.exec(line)?.[1];
      const reason: string = message === undefined ? line : JSON.parse(message);
      if (refused !== (code !== 0)) wrong.push(`${changes}: ${code} ${reason}: ${JSON.stringify(findings)}`);
      // Errors are those of the document alone. Create says the same words.
      const untold = findings.filter(({ kind, rule }) => kind === "error" && !reason.includes(rule));
      if (untold.length > 0) wrong.push(`${changes}: ${JSON.stringify(untold)} is not in ${reason}`);
    }
  }));
  assertEquals(wrong, []);
  const taken = cases.length - refusals;
  assert(refusals > 30 && taken > 8, `${refusals} refused, ${taken} taken`);
}, { notOnReference, timeout: 60_000 });

contract("validate: text, JSON, standard input, strict, and the exit statuses", async (box) => {
  const container = box.container(), { dir } = container.bundle, file = `${dir}/config.json`;
  const text = await box.cli(["validate", "--bundle", dir]);
  assertEquals({ code: text.code, stderr: text.stderr }, { code: 0, stderr: "" });
  assertMatch(text.stdout, /^\S+config\.json: warning: linux\.seccomp: .+ \[config-linux\.md#seccomp\]$/m);
  assert(!text.stdout.includes("\x1b"), "colours without a terminal");
  assertEquals((await box.cli(["validate", "--strict", "-b", dir])).code, 2);

  container.configure({ process: { cwd: "nowhere", "args\u001b[2J": 1 }, root: { path: "none" } });
  const wrong = await box.cli(["validate", "--format=json", "-b", dir, file]);
  assertEquals({ code: wrong.code, stderr: wrong.stderr }, { code: 1, stderr: "" });
  const document = JSON.parse(wrong.stdout) as { version: number; host: string; files: JudgedFile[] };
  assertEquals([document.version, document.host, document.files.length], [1, "this", 1]);
  const { refused, findings } = document.files[0];
  assertEquals(refused, true);
  assertEquals(findings.find(({ kind }) => kind === "error"), {
    kind: "error",
    refused: true,
    path: "process.cwd",
    value: "nowhere",
    rule: "Cwd must be an absolute path",
    fix: 'begin it with "/"',
    section: "config.md#process",
  });
  assertEquals(findings.find(({ kind }) => kind === "host")?.path, "root.path");

  const alone = await box.cli(["validate", "--host", "none", "-"], { stdin: Deno.readTextFileSync(file) });
  assertEquals(alone.code, 1);
  assertMatch(alone.stdout, /^-: error: process\.cwd: "nowhere": /m);
  assert(!alone.stdout.includes("root.path"), "the host was asked");
  assert(!alone.stdout.includes("\x1b"), "a name from the document steers the terminal");
}, { notOnReference });

contract("validate: documents that are none, and flags that are wrong", async (box) => {
  const container = box.container(), { dir } = container.bundle;
  container.writeConfig("{");
  const broken = await box.cli(["validate", `${dir}/config.json`, `${dir}/none.json`, "/dev/zero", dir]);
  assertEquals({ code: broken.code, stderr: broken.stderr }, { code: 1, stderr: "" });
  const lines = broken.stdout.trimEnd().split("\n");
  assertEquals(lines.length, 8, broken.stdout);
  for (const [index, reason] of [/JSON/, /no such file/, /neither a regular/, /is a directory/].entries()) {
    assertMatch(lines[2 * index], reason);
    assertMatch(lines[2 * index + 1], /1 error; create refuses it$/);
  }
  for (const flag of ["--format=xml", "--host=other"]) {
    const result = await box.cli(["validate", flag, "-b", dir]);
    assertEquals({ code: result.code, stdout: result.stdout }, { code: 1, stdout: "" });
    assertMatch(result.stderr, /invalid --(format|host) value/);
  }
}, { notOnReference });

contract("validate: without root's rights, what that user lacks", async (box, runtime) => {
  const container = box.container({ linux: { resources: { pids: { limit: 5 } } } }),
    { dir } = container.bundle;
  const argv = ["setpriv", ...asUser(), runtime.path, "validate", "--format", "json", "-b", dir];
  const { code, stdout, stderr } = await box.command(argv);
  assertEquals({ code, stderr }, { code: 1, stderr: "" });
  const { files: [{ findings }] } = JSON.parse(stdout) as { files: JudgedFile[] };
  const host = findings.filter(({ kind, refused }) => kind === "host" && refused);
  const found = host.map(({ path }) => path);
  assert(found.includes("linux.namespaces"), stdout);
  assert(found.includes("linux.resources.pids.limit"), stdout);
}, { notOnReference });

contract("validate: numbers beyond 2^53 are shown as they are written", async (box) => {
  const container = box.container(), { dir } = container.bundle;
  const rlimits = '[{"type": "RLIMIT_CPU", "hard": 18446744073709551614, "soft": 18446744073709551615}]';
  container.configure({ process: { rlimits: "LIMITS" } });
  container.writeConfig(Deno.readTextFileSync(`${dir}/config.json`).replace('"LIMITS"', rlimits));
  const text = await box.cli(["validate", "-b", dir]);
  assertMatch(text.stdout, /rlimits\[0\]\.soft: 18446744073709551615: soft limit/);
  const json = await box.cli(["validate", "-b", dir, "-f", "json"]);
  assertMatch(json.stdout, /"value": 18446744073709551615,/);
}, { notOnReference });

contract("validate, doctor: colours on a terminal, unless NO_COLOR is set", async (box, runtime) => {
  const { dir } = box.container().bundle;
  const seen = async (args: string[], env: Record<string, string>) => {
    const terminal = Terminal.start([runtime.path, "--root", box.root, ...args], { env });
    try {
      await terminal.expect(/create refuses|containers can be made/);
      await terminal.wait();
      return terminal.output.includes("\x1b[");
    } finally {
      await terminal.close();
    }
  };
  for (const args of [["validate", "-b", dir], ["doctor"]]) {
    assertEquals([await seen(args, {}), await seen(args, { NO_COLOR: "1" })], [true, false], args[0]);
  }
}, { notOnReference });
